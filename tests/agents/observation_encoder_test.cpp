#include "agents/observation_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using testing::HasSubstr;

Field stack_of_pictures() {
  return {.name = "pixels", .shape = {2, 44, 40, 3}, .dtype = DType::kUInt8};
}

ObservationEncoder make_encoder(const std::string& id, std::vector<Field> observation) {
  const EnvSpec spec = {
      .id = id, .observation = std::move(observation), .action = DiscreteSpace{.n = 2}};
  Rng rng(3);
  return {spec, {}, rng, at::kCPU};
}

// The twin of tests/golden/dqn.py.
TEST(ObservationEncoder, ConvolutionsArePyTorchs) {
  const SafetensorsFile file = test::golden("dqn");
  ObservationEncoder encoder = make_encoder("e", {stack_of_pictures()});
  TensorMap weights;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.starts_with("nature.convolutions.")) weights.add(name.substr(7), tensor);
  }
  test::load(encoder, "", weights);
  const at::Tensor features = encoder({{"pixels", file.tensor("nature.pictures")}});
  EXPECT_EQ(features.size(1), encoder.size());
  EXPECT_LT(max_difference(features, file.tensor("nature.features")), 1e-5);
}

TEST(ObservationEncoder, JoinsVectorsAndPictures) {
  const ObservationEncoder both =
      make_encoder("both", {stack_of_pictures(), {.name = "speed", .shape = {2}}});
  const ObservationEncoder pictures = make_encoder("e", {stack_of_pictures()});
  EXPECT_EQ(both.size(), pictures.size() + 2);
  const TensorMap obs{{"pixels", at::full({5, 2, 44, 40, 3}, 100, at::kByte)},
                      {"speed", at::arange(10, at::kFloat).view({5, 2})}};
  const at::Tensor features = both(obs);
  EXPECT_TRUE(at::equal(features.narrow(1, 0, 2), obs.at("speed")));
  EXPECT_TRUE(at::equal(features.narrow(1, 2, pictures.size()), pictures(obs)));
}

TEST(ObservationEncoder, VectorsAloneHaveNoWeights) {
  const ObservationEncoder encoder = make_encoder("e", {{.name = "speed", .shape = {2}}});
  EXPECT_EQ(encoder.parameters(), nullptr);
  EXPECT_EQ(encoder.size(), 2);
}

TEST(ObservationEncoder, ACopyHasItsOwnWeights) {
  ObservationEncoder encoder = make_encoder("e", {stack_of_pictures()});
  const ObservationEncoder copy = encoder;
  const TensorMap obs{{"pixels", at::full({1, 2, 44, 40, 3}, 100, at::kByte)}};
  const at::Tensor before = copy(obs);
  encoder.parameters()->flat().zero_();
  EXPECT_TRUE(at::equal(copy(obs), before));
  EXPECT_EQ(encoder(obs).abs().max().item<float>(), 0.0F);
}

TEST(ObservationEncoder, RefusesWhatItCannotRead) {
  EXPECT_THAT(input_error([] {
                make_encoder("nothing", {{.name = "count", .shape = {}, .dtype = DType::kInt64}});
              }),
              HasSubstr("nothing has no floating-point observation"));
  EXPECT_THAT(
      input_error([&] {
        make_encoder("tiny", {{.name = "pixels", .shape = {24, 24, 3}, .dtype = DType::kUInt8}});
      }),
      HasSubstr("tiny shows pixels of 24x24, which --convolutions nature cannot read"));
}

}  // namespace
}  // namespace reverie
