// The variational autoencoder: the paper's size, updates as PyTorch computes them, pictures that it
// learns, restarts and wrong input.

#include "worldmodel/vae/vae.h"

#include <cmath>
#include <numbers>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/device.h"
#include "nn/pch.h"
#include "nn/state_list.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/meta_device.h"
#include "tests/tensors.h"
#include "worldmodel/vae/vae_learner.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using testing::AllOf;
using testing::HasSubstr;

using Picture = std::vector<int64_t>;

Vae make(const VaeOptions& options, const Picture& picture, uint64_t seed = 1,
         at::Device device = at::kCPU) {
  Rng rng(seed);
  return {options, picture, rng, device};
}

TEST(Vae, HasThePapersNumbersOfParameters) {
  EXPECT_EQ(make({}, {64, 64, 3}).parameters().numel(), 4348547);
  EXPECT_EQ(make({.latent_size = 64}, {64, 64, 3}).parameters().numel(), 4446915);
  EXPECT_EQ(make({.learn_output_std = true}, {64, 64, 3}).parameters().numel(), 4348548);
}

// Sums of up to 12,288 squares and of products over 6 pictures, in another order; Adam's first
// steps divide gradients by their own size, so a difference in a tiny one becomes a large one.
class VaeGolden : public testing::TestWithParam<const char*> {
 protected:
  bool is_paper() const { return GetParam() == std::string("paper"); }
  VaeOptions options() const {
    if (is_paper()) return {.latent_size = 3, .channels = {2, 3, 4, 5}, .free_nats = 0.1};
    return {.latent_size = 2,
            .channels = {3, 4},
            .layout = "mirror",
            .beta = 2.5,
            .free_nats = 0.004,
            .learn_output_std = true,
            .output_std = std::exp(-0.7)};
  }
  Picture picture() const { return is_paper() ? Picture{64, 64, 3} : Picture{23, 18, 1}; }
  at::Tensor get(const std::string& name) const {
    return file_.tensor(std::string(GetParam()) + "." + name);
  }

  SafetensorsFile file_ = test::golden("vae");
};

INSTANTIATE_TEST_SUITE_P(Layouts, VaeGolden, testing::Values("paper", "mirror"),
                         [](const auto& layout) { return std::string(layout.param); });

TEST_P(VaeGolden, UpdatesArePyTorchs) {
  Vae model = make(options(), picture());
  ASSERT_EQ(model.parameters().named().size(), is_paper() ? 22U : 15U);
  for (const auto& [name, parameter] : model.parameters().named()) {
    parameter.detach().copy_(get(name));
  }
  VaeLearner learner(model, {.learning_rate = 1e-2}, /*seed=*/5);
  for (const std::string k : {"0", "1"}) {
    SCOPED_TRACE(k);
    const TensorMap losses = learner.update(get(k + ".pixels"));
    for (const char* term : {"total", "reconstruction", "kl"}) {
      const double expected = get(k + "." + term).item<double>();
      EXPECT_NEAR(losses.at(std::string("loss/") + term).item<double>(), expected,
                  2e-6 * std::max(1.0, std::fabs(expected)))
          << term;
    }
    for (const auto& [name, parameter] : model.parameters().named()) {
      const at::Tensor gradient = get(k + ".gradient." + name);
      const double scale = std::max(1.0, gradient.abs().max().item<double>());
      EXPECT_LT(max_difference(parameter.grad(), gradient) / scale, 2e-5) << name;
      EXPECT_LT(max_difference(parameter, get(k + ".after." + name)), 2e-4) << name;
    }
    for (const auto& [name, parameter] : model.parameters().named()) {
      parameter.detach().copy_(get(k + ".after." + name));
    }
  }
}

// A white disc on a grey ramp, at N places [N, 2] in (0, 1): [N, 32, 32, 1].
at::Tensor discs(const at::Tensor& places, double brightness = 1.0) {
  constexpr int64_t kSide = 32;
  const at::Tensor line = at::arange(kSide).to(at::kFloat);
  const at::Tensor x = 6.0 + 20.0 * places.select(1, 0), y = 6.0 + 20.0 * places.select(1, 1);
  const at::Tensor distance = ((line.view({1, 1, kSide}) - x.view({-1, 1, 1})).square() +
                               (line.view({1, kSide, 1}) - y.view({-1, 1, 1})).square())
                                  .sqrt();
  const at::Tensor inside = (5.5 - distance).clamp(0.0, 1.0);
  const at::Tensor ground = 0.3 * line.view({1, kSide, 1}) / kSide;
  return (255.0 * (ground + inside * (brightness - ground))).to(at::kByte).unsqueeze(3);
}

at::Tensor places(int64_t count, uint64_t seed) {
  return at::special_ndtr(NoiseSource(at::kCPU, seed).normal({count, 2}));  // uniform
}

// The share of y's variance that a linear function of x explains, in the worst column.
double explained(const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor inputs = at::cat({x, at::ones({x.size(0), 1})}, 1);
  const at::Tensor rest = y - inputs.mm(at::linalg_pinv(inputs).mm(y));
  return (1.0 - rest.var(0) / y.var(0)).min().item<double>();
}

TEST(Vae, LearnsWhereADiscIs) {
  set_compute_threads(1);
  Vae model = make({.latent_size = 6,
                    .channels = {8, 16, 32},
                    .layout = "mirror",
                    .free_nats = 0.0,
                    .output_std = 0.3},
                   {32, 32, 1});
  VaeLearner learner(model, {.learning_rate = 2e-3}, 1);
  const at::Tensor seen = discs(places(1024, 1)), where = places(256, 3), fresh = discs(where);
  const double explained_before = explained(model.encode(fresh), where);
  const NoiseSource noise(at::kCPU, 2);
  for (int i = 0; i < 500; ++i) {
    learner.update(seen.index_select(0, noise.integers(1024, {32})));
  }
  const at::NoGradGuard no_grad;
  const at::Tensor white = fresh.permute({0, 3, 1, 2}).to(at::kFloat) / 255.0;
  const double variance = (white - white.mean(0)).square().mean().item<double>();
  const GaussianCode code = model.code(fresh);
  // From codes with the noise that they carry, drawn here.
  const at::Tensor z = code.mean + at::exp(0.5 * code.log_variance) * noise.normal({256, 6});
  const double error = (model.decode(z) - white).square().mean().item<double>();
  RecordProperty("unexplained", std::to_string(error / variance));
  // A decoder that learns nothing leaves 1, and so does one that no gradient leads from to the
  // encoder. Trained without noise it leaves more.
  EXPECT_LT(error / variance, 0.2);
  const double kl = code.kl().mean().item<double>();
  RecordProperty("kl", std::to_string(kl));
  EXPECT_GT(kl, 8.0);
  EXPECT_LT(kl, 24.0);
  EXPECT_TRUE(model.encode(fresh).equal(code.mean));
  RecordProperty("explained", std::to_string(explained(code.mean, where)));
  EXPECT_GT(explained(code.mean, where), 0.8);
  EXPECT_LT(explained_before, 0.6);

  // Outliers: grey discs, and no disc at all.
  const at::Tensor usual = model.log_likelihood(fresh);
  const at::Tensor grey = model.log_likelihood(discs(where, 0.5));
  const at::Tensor none = model.log_likelihood(discs(where + 10.0));
  EXPECT_GT((usual.unsqueeze(1) > grey.unsqueeze(0)).to(at::kFloat).mean().item<double>(), 0.9);
  EXPECT_GT((usual.unsqueeze(1) > none.unsqueeze(0)).to(at::kFloat).mean().item<double>(), 0.9);

  const at::Tensor drawn = model.pictures(code.mean);
  EXPECT_EQ(drawn.sizes(), fresh.sizes());
  EXPECT_EQ(drawn.scalar_type(), at::kByte);
  const at::Tensor exact = 255.0 * model.decode(code.mean).permute({0, 2, 3, 1});
  EXPECT_LT(max_difference(drawn, exact), 0.501);
}

// The optimum of a shared deviation is the root of the mean squared error (Rybkin et al. 2021,
// section 3.2).
TEST(Vae, ALearntDeviationIsThatOfItsPixels) {
  Vae model = make({.latent_size = 2,
                    .channels = {4, 8},
                    .layout = "mirror",
                    .learn_output_std = true,
                    .output_std = 0.5},
                   {16, 16, 1});
  EXPECT_NEAR(model.output_std().item<double>(), 0.5, 3e-3);  // the soft limit adds a little
  VaeLearner learner(model, {.learning_rate = 1e-2}, 1);
  const NoiseSource noise(at::kCPU, 2);
  const auto pixels = [&] {
    return (127.0 + 25.5 * noise.normal({32, 16, 16, 1})).clamp(0.0, 255.0).to(at::kByte);
  };
  for (int i = 0; i < 300; ++i) learner.update(pixels());
  EXPECT_NEAR(model.output_std().item<double>(), 0.1, 0.01);
  // Then the likelihood of the pixels is near that of the distribution they come from.
  const double expected = -256.0 * (std::log(0.1) + 0.5 * std::log(2.0 * std::numbers::pi) + 0.5);
  EXPECT_NEAR(model.log_likelihood(pixels()).mean().item<double>(), expected, 12.0);
}

TEST(Vae, LikelihoodIsThatOfIndependentPixels) {
  const Vae model =
      make({.latent_size = 2, .channels = {4}, .layout = "mirror", .output_std = 0.2}, {8, 6, 3});
  const at::Tensor pixels = NoiseSource(at::kCPU, 3).integers(256, {2, 8, 6, 3}).to(at::kByte);
  const at::NoGradGuard no_grad;
  const at::Tensor x = pixels.permute({0, 3, 1, 2}).to(at::kDouble) / 255.0;
  const at::Tensor error = (model.decode(model.encode(pixels)).to(at::kDouble) - x) / 0.2;
  const at::Tensor log_density =
      -0.5 * error.square() - std::log(0.2 * std::sqrt(2.0 * std::numbers::pi));
  EXPECT_LT(max_difference(model.log_likelihood(pixels), log_density.sum({1, 2, 3})), 1e-2);
}

TEST(Vae, DrawsPicturesOfEverySizeThatItReads) {
  const at::NoGradGuard no_grad;
  for (const Picture& picture : {Picture{64, 64, 3}, {96, 96, 3}, {33, 21, 1}, {10, 10, 4}}) {
    const Vae model = make({.latent_size = 3, .channels = {4, 5}, .layout = "mirror"}, picture);
    const at::Tensor z = at::zeros({2, 3});
    EXPECT_EQ(model.decode(z).sizes(), at::IntArrayRef({2, picture[2], picture[0], picture[1]}));
    EXPECT_EQ(model.encode(model.pictures(z)).sizes(), at::IntArrayRef({2, 3}));
  }
}

TEST(Vae, ActsOnEachPictureByItself) {
  const Vae model = make({}, {64, 64, 3});
  const at::Tensor pixels = NoiseSource(at::kCPU, 3).integers(256, {5, 64, 64, 3}).to(at::kByte);
  const at::Tensor z = model.encode(pixels);
  EXPECT_FALSE(z.requires_grad());
  EXPECT_TRUE(z.equal(model.encode(pixels)));
  EXPECT_LT(max_difference(model.encode(pixels.narrow(0, 3, 1)), z.narrow(0, 3, 1)), 1e-5);
  EXPECT_EQ(model.encode(pixels.narrow(0, 0, 0)).sizes(), at::IntArrayRef({0, 32}));
}

TEST(VaeLearner, AResumedOneContinuesBitByBit) {
  const VaeOptions options{.latent_size = 3, .channels = {4, 5}, .layout = "mirror"};
  const Picture picture{16, 16, 3};
  struct Run {
    Vae model;
    VaeLearner learner{model, {}, 4};
    void state(StateList& list) {
      list.add("model", model);
      list.add("learner", learner);
    }
  };
  const auto pixels = [](uint64_t seed) {
    return NoiseSource(at::kCPU, seed).integers(256, {8, 16, 16, 3}).to(at::kByte);
  };
  Rng rng(1), other(2);
  Run whole{{options, picture, rng, at::kCPU}};
  Run resumed{{options, picture, other, at::kCPU}};
  for (uint64_t i = 0; i < 3; ++i) whole.learner.update(pixels(i));
  load_state(resumed, take_checkpoint(whole));
  for (uint64_t i = 3; i < 6; ++i) {
    whole.learner.update(pixels(i));
    resumed.learner.update(pixels(i));
  }
  test::expect_same_bits(test::saved(resumed), test::saved(whole));
  // Validation draws its own noise, and moves nothing.
  const TensorMap before = test::saved(whole);
  const double first = whole.learner.validate(pixels(9), 1).at("loss/total").item<double>();
  EXPECT_EQ(whole.learner.validate(pixels(9), 1).at("loss/total").item<double>(), first);
  EXPECT_NE(whole.learner.validate(pixels(9), 2).at("loss/total").item<double>(), first);
  test::expect_same_bits(test::saved(whole), before);
}

TEST(VaeLearner, NoValueIsReadFromADevice) {
  for (const bool is_paper : {true, false}) {
    Vae model =
        make({.channels = is_paper ? std::vector<int64_t>{4, 4, 4, 4} : std::vector<int64_t>{4, 4},
              .layout = is_paper ? "paper" : "mirror",
              .learn_output_std = !is_paper},
             is_paper ? Picture{64, 64, 3} : Picture{19, 16, 3}, 1, at::kMeta);
    VaeLearner learner(model, {}, 1);
    const at::Tensor pixels = at::zeros({4, model.picture()[0], model.picture()[1], 3},
                                        at::TensorOptions(at::kByte).device(at::kMeta));
    const test::MetaDevice meta;
    for (const auto& [name, value] : learner.update(pixels)) EXPECT_TRUE(value.is_meta()) << name;
    EXPECT_TRUE(model.encode(pixels).is_meta());
    EXPECT_TRUE(model.log_likelihood(pixels).is_meta());
    EXPECT_THAT(meta.faults(), testing::IsEmpty());
  }
}

TEST(Vae, RefusesWhatDoesNotFit) {
  const auto refuse = [](const VaeOptions& options, const Picture& picture) {
    return input_error([&] { make(options, picture); });
  };
  EXPECT_THAT(refuse({.latent_size = 0}, {64, 64, 3}), HasSubstr("latent size of 0"));
  EXPECT_THAT(refuse({.channels = {}}, {64, 64, 3}), HasSubstr("channels"));
  EXPECT_THAT(refuse({.channels = {32, 0, 64, 64}}, {64, 64, 3}), HasSubstr("[32, 0, 64, 64]"));
  EXPECT_THAT(refuse({}, {96, 96, 3}),
              AllOf(HasSubstr("[96, 96, 3]"), HasSubstr("expected 64x64"), HasSubstr("mirror")));
  EXPECT_THAT(refuse({.channels = {32, 64}}, {64, 64, 3}), HasSubstr("2 convolutions"));
  EXPECT_THAT(refuse({.layout = "mirror"}, {32, 32, 3}),
              AllOf(HasSubstr("2x2 before convolution 4 of 4"), HasSubstr("fewer channels")));
  EXPECT_THAT(refuse({}, {64, 64}), HasSubstr("pictures of [64, 64]"));
  EXPECT_THAT(refuse({}, {64, 64, 0}), HasSubstr("at least 1 each"));
  EXPECT_THAT(refuse({.layout = "papers"}, {64, 64, 3}), HasSubstr("'papers'"));
  EXPECT_THAT(refuse({.beta = -1.0}, {64, 64, 3}), HasSubstr("beta -1"));
  EXPECT_THAT(refuse({.output_std = 0.0}, {64, 64, 3}), HasSubstr("output_std of 0"));

  const Vae model = make({.latent_size = 2, .channels = {4}, .layout = "mirror"}, {8, 6, 3});
  const auto read = [&](const at::Tensor& pixels) {
    return input_error([&] { model.encode(pixels); });
  };
  EXPECT_THAT(read(at::zeros({1, 6, 8, 3}, at::kByte)),
              AllOf(HasSubstr("[1, 6, 8, 3]"), HasSubstr("expected [any, 8, 6, 3] uint8")));
  EXPECT_THAT(read(at::zeros({1, 8, 6, 1}, at::kByte)), HasSubstr("[1, 8, 6, 1]"));
  EXPECT_THAT(read(at::zeros({8, 6, 3}, at::kByte)), HasSubstr("[8, 6, 3]"));
  EXPECT_THAT(read(at::zeros({1, 8, 6, 3})), HasSubstr("Float"));
}

}  // namespace
}  // namespace reverie
