#include "worldmodel/jepa/jepa.h"

#include <cmath>
#include <set>

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "nn/pch.h"
#include "nn/safetensors.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"
#include "tests/tensors.h"
#include "tests/worldmodel/open_gates.h"
#include "worldmodel/jepa/jepa_learner.h"
#include "worldmodel/jepa/latent_statistics.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::input_error;
using test::max_difference;
using testing::AllOf;
using testing::HasSubstr;

const Field kPixels = {.name = "pixels", .shape = {16, 16, 3}, .dtype = DType::kUInt8};
const Field kBox = {.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}};
constexpr int64_t kBlock = 3;

JepaOptions small_options() {
  return {
      .latent_size = 8, .action_block = kBlock, .encoder_channels = {8, 16}, .predictor_width = 16};
}

Jepa make_jepa(uint64_t seed = 1, const ActionSpace& action = kBox) {
  Rng rng(seed);
  return {small_options(), kPixels, action, rng, at::kCPU};
}

const Parameters& part_of(Jepa& model, const std::string& name) {
  for (const auto& [part, block] : model.parameters()) {
    if (part == name) return *block;
  }
  fail_input("no part '{}'", name);
}

Jepa make_jepa_with_open_gates() {
  Jepa model = make_jepa();
  test::open_gates(part_of(model, "predictor"));
  return model;
}

at::Tensor random_pixels(std::vector<int64_t> leading, uint64_t seed = 1) {
  leading.insert(leading.end(), {16, 16, 3});
  return at::randint(0, 256, leading, at::detail::createCPUGenerator(seed), at::kByte);
}

at::Tensor random_numbers(const std::vector<int64_t>& shape, uint64_t seed = 2) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kFloat);
}

// Sequences of a square that moves as the actions say.
SequenceBatch moving_squares(int64_t count, uint64_t seed) {
  Rng rng(seed);
  const int64_t frames = 4;
  SequenceBatch batch;
  at::Tensor pixels = at::full({count, frames, 16, 16, 3}, 30, at::kByte);
  batch.action = at::empty({count, (frames - 1) * kBlock, 2}, at::kFloat);
  for (int64_t b = 0; b < count; ++b) {
    double x = rng.uniform(2.0, 14.0), y = rng.uniform(2.0, 14.0);
    for (int64_t f = 0; f < frames; ++f) {
      const auto left = static_cast<int64_t>(x), top = static_cast<int64_t>(y);
      pixels[b][f].slice(0, top, top + 2).slice(1, left, left + 2).fill_(220);
      if (f + 1 == frames) break;
      for (int64_t k = 0; k < kBlock; ++k) {
        const double right = rng.uniform(-1.0, 1.0), down = rng.uniform(-1.0, 1.0);
        batch.action[b][f * kBlock + k][0] = right;
        batch.action[b][f * kBlock + k][1] = down;
        x = std::clamp(x + right, 0.0, 14.0);
        y = std::clamp(y + down, 0.0, 14.0);
      }
    }
  }
  batch.obs.add("pixels", pixels);
  return batch;
}

TEST(ActionCode, StandardisesBlocksAndGoesBackWithinTheBounds) {
  ActionCode code(ActionSpace(kBox), 2, at::kCPU);
  code.set_statistics(at::tensor({0.5F, 0.0F}), at::tensor({0.25F, 2.0F}));
  const at::Tensor actions = at::tensor({0.75F, 1.0F, 0.5F, -1.0F}).view({1, 2, 2});
  const at::Tensor block = code.to_model(actions);
  EXPECT_TRUE(at::allclose(block, at::tensor({1.0F, 0.5F, 0.0F, -0.5F}).view({1, 4})));
  EXPECT_TRUE(at::allclose(code.to_environment(block), actions));
  EXPECT_TRUE(at::allclose(code.to_environment(at::full({1, 4}, 100.0)), at::ones({1, 2, 2})));
  const ActionLimits limits = code.limits();
  EXPECT_TRUE(at::allclose(limits.low, at::tensor({-6.0F, -0.5F, -6.0F, -0.5F})));
  EXPECT_TRUE(at::allclose(limits.high, at::tensor({2.0F, 0.5F, 2.0F, 0.5F})));
}

TEST(ActionCode, MissingActionsAreTheMeanAndConstantOnesStayFinite) {
  ActionCode code(ActionSpace(kBox), 1, at::kCPU);
  code.set_statistics(at::tensor({0.5F, 0.2F}), at::tensor({0.0F, 1.0F}));
  const at::Tensor block = code.to_model(at::tensor({0.5F, NAN}).view({1, 1, 2}));
  EXPECT_TRUE(at::equal(block, at::zeros({1, 2})));
  // Another value of a number that never varied keeps its unit.
  const at::Tensor other = code.to_model(at::tensor({0.75F, 0.2F}).view({1, 1, 2}));
  EXPECT_TRUE(at::allclose(other, at::tensor({0.25F, 0.0F}).view({1, 2})));
  // An infinite value does not count as missing.
  const at::Tensor infinite = code.to_model(at::full({1, 1, 2}, -INFINITY));
  EXPECT_TRUE(at::equal(infinite, at::full({1, 2}, -INFINITY)));
  EXPECT_THAT(input_error([&] { code.set_statistics(at::zeros({3}), at::ones({3})); }),
              HasSubstr("of shapes [3] and [3], expected [2]"));
  EXPECT_THAT(input_error([&] { code.set_statistics(at::full({2}, NAN), at::ones({2})); }),
              HasSubstr("finite"));
  EXPECT_THAT(input_error([&] { code.set_statistics(at::zeros({2}), at::full({2}, -0.5)); }),
              HasSubstr("standard deviation [-0.5, -0.5]"));
}

TEST(ActionCode, OtherShapesAreRefused) {
  const ActionCode box(ActionSpace(kBox), 3, at::kCPU);
  // Broadcasting would turn one number into two.
  EXPECT_THAT(input_error([&] {
                box.to_model(at::zeros({4, 3, 1}));
              }),
              HasSubstr("actions of shape [4, 3, 1], expected [..., 3, 2]"));
  EXPECT_THAT(input_error([&] { box.to_model(at::zeros({2})); }), HasSubstr("shape [2]"));
  EXPECT_THAT(input_error([&] {
                box.from_plan(at::zeros({4, 3}));
              }),
              HasSubstr("expected [..., 6]"));
  EXPECT_THAT(input_error([&] {
                box.to_environment(at::zeros({4, 2}));
              }),
              HasSubstr("expected [..., 6]"));
  const ActionCode choices(DiscreteSpace{3}, 2, at::kCPU);
  for (const auto& use :
       {&ActionCode::to_model, &ActionCode::from_plan, &ActionCode::to_environment}) {
    EXPECT_THAT(input_error([&] {
                  (choices.*use)(at::zeros({4, 3}, at::kLong));
                }),
                HasSubstr("actions of shape [4, 3], expected [..., 2]"));
  }
}

TEST(ActionCode, ChoicesBecomeOneHotBlocks) {
  const ActionCode code(DiscreteSpace{3}, 2, at::kCPU);
  EXPECT_EQ(code.model_size(), 6);
  const at::Tensor choices = at::tensor({2, 0}, at::kLong).view({1, 2});
  const at::Tensor block = code.to_model(choices);
  EXPECT_TRUE(at::equal(block, at::tensor({0, 0, 1, 1, 0, 0}).view({1, 6}).to(at::kFloat)));
  EXPECT_TRUE(at::equal(code.from_plan(choices), block));
  EXPECT_TRUE(at::equal(code.to_environment(choices), choices));
  EXPECT_EQ(code.limits().choices, 3);
  EXPECT_NE(input_error([&] {
              code.to_model(at::tensor({0, 3}, at::kLong).view({1, 2}));
            }).find("from 0 to 3, expected [0, 2]"),
            std::string::npos);
  EXPECT_EQ(code.limits().size(), 2);
}

TEST(LatentStatistics, SeeRankVarianceAndStraightness) {
  const at::Tensor isotropic =
      at::randn({4000, 3, 6}, at::detail::createCPUGenerator(1), at::kFloat);
  const TensorMap full = latent_statistics(isotropic);
  EXPECT_GT(full.at("effective_rank").item<double>(), 5.9);
  EXPECT_NEAR(full.at("least_variance").item<double>(), 1.0, 0.1);
  // Consecutive steps of independent samples share one of their two ends: a cosine near -1/2.
  EXPECT_NEAR(full.at("straightness").item<double>(), -0.5, 0.05);

  const at::Tensor direction = at::tensor({1.0F, 2.0F, 0.0F});
  const at::Tensor time =
      at::arange(5, at::kFloat).view({1, 5, 1}) + at::arange(7, at::kFloat).view({7, 1, 1});
  const TensorMap line = latent_statistics(time * direction);
  EXPECT_NEAR(line.at("effective_rank").item<double>(), 1.0, 1e-3);
  EXPECT_EQ(line.at("least_variance").item<double>(), 0.0);
  EXPECT_NEAR(line.at("straightness").item<double>(), 1.0, 1e-6);

  // Latents that shrink to a point, whatever the noise around it.
  EXPECT_EQ(latent_statistics(1e-3 * isotropic).at("effective_rank").item<double>(), 1.0);
  const TensorMap point = latent_statistics(at::ones({5, 2, 3}));
  EXPECT_EQ(point.at("effective_rank").item<double>(), 1.0);
  EXPECT_TRUE(std::isnan(point.at("straightness").item<double>()));
}

TEST(Jepa, EncodesHistoriesAndPredictsStepByStepAsInTraining) {
  Jepa model = make_jepa_with_open_gates();
  const at::Tensor pixels = random_pixels({5, 3});
  const at::Tensor actions = random_numbers({5, 3, kBlock, 2});
  const at::NoGradGuard no_grad;
  const LatentState state = model.encode({{"pixels", pixels}}, actions.narrow(1, 0, 2));
  EXPECT_EQ(state.z.sizes().vec(), (std::vector<int64_t>{5, 3, 8}));
  const at::Tensor blocks = model.actions().to_model(actions);
  const LatentState next = model.predict(state, blocks.select(1, 2));
  const at::Tensor expected =
      model.predict_next(state.z, blocks, ForwardMode::kInference).select(1, 2);
  EXPECT_LT(max_difference(next.latest(), expected), 1e-5);

  // The current action counts, and so do the remembered ones.
  EXPECT_GT(max_difference(model.predict(state, -blocks.select(1, 2)).latest(), expected), 1e-3);
  const LatentState otherwise = model.encode({{"pixels", pixels}}, -actions.narrow(1, 0, 2));
  EXPECT_TRUE(at::equal(otherwise.z, state.z));
  EXPECT_GT(max_difference(model.predict(otherwise, blocks.select(1, 2)).latest(), expected), 1e-3);

  // A longer history is cut to the model's.
  const at::Tensor older = at::cat({random_pixels({5, 1}, 3), pixels}, 1);
  const at::Tensor all =
      at::cat({random_numbers({5, 1, kBlock, 2}, 4), actions.narrow(1, 0, 2)}, 1);
  const LatentState cut = model.encode({{"pixels", older}}, all);
  EXPECT_TRUE(at::equal(cut.z, state.z));
  EXPECT_TRUE(at::equal(cut.h, state.h)) << "the actions between the frames that are left";
}

// A picture of ImageNet's mean colour is near 0 once it is standardised, so the weights that read
// it hardly matter.
TEST(Jepa, StandardisesPicturesByTheMeanOfImageNet) {
  const auto effect_of_weights = [](const std::vector<int>& color) {
    const auto channels = static_cast<int64_t>(color.size());
    Rng rng(1);
    Jepa model(small_options(),
               {.name = "pixels", .shape = {16, 16, channels}, .dtype = DType::kUInt8}, kBox, rng,
               at::kCPU);
    at::Tensor pixels = at::empty({1, 16, 16, channels}, at::kByte);
    for (int64_t c = 0; c < channels; ++c) pixels.select(3, c).fill_(color[static_cast<size_t>(c)]);
    const at::NoGradGuard no_grad;
    const at::Tensor before = model.latents(pixels);
    at::Tensor first = part_of(model, "encoder").named().begin()->second;
    EXPECT_EQ(first.dim(), 4);
    first.mul_(3.0);
    return max_difference(model.latents(pixels), before);
  };
  const double white = effect_of_weights({255, 255, 255});
  EXPECT_LT(effect_of_weights({124, 116, 104}), 0.05 * white);
  EXPECT_GT(effect_of_weights({0, 0, 0}), 0.2 * white);
  // Grey pictures have the mean of the three: 114.5 of 255.
  EXPECT_LT(effect_of_weights({114}), 0.5 * effect_of_weights({124}));
}

TEST(Jepa, RollsOutFromOneFrameWithAGrowingWindow) {
  Jepa model = make_jepa_with_open_gates();
  const at::NoGradGuard no_grad;
  const at::Tensor blocks = random_numbers({2, 5, model.actions().model_size()});
  LatentState state = model.encode({{"pixels", random_pixels({2, 1})}}, {});
  at::Tensor z = state.z;
  for (int64_t t = 0; t < 5; ++t) {
    state = model.predict(state, blocks.select(1, t));
    const int64_t first = std::max<int64_t>(0, t - 2), frames = t + 1 - first;
    const at::Tensor expected = model.predict_next(
        z.narrow(1, first, frames), blocks.narrow(1, first, frames), ForwardMode::kInference);
    EXPECT_LT(max_difference(state.latest(), expected.select(1, -1)), 1e-5) << t;
    z = at::cat({z, state.latest().unsqueeze(1)}, 1);
  }
}

TEST(Jepa, DistanceIsTheSquareOfWhatLiesBetween) {
  Jepa model = make_jepa();
  const at::Tensor pixels = random_pixels({4});
  const LatentState goal = model.encode_goal({{"goal_pixels", pixels}});
  const LatentState state = model.encode({{"pixels", pixels.unsqueeze(1)}}, {});
  EXPECT_TRUE(at::equal(model.distance(state, goal), at::zeros({4})));
  const LatentState far{.z = goal.z + 0.5, .h = {}};
  EXPECT_TRUE(at::allclose(model.distance(state, far), at::full({4}, 8 * 0.25)));
}

TEST(Jepa, RefusesOtherPicturesAndActions) {
  Jepa model = make_jepa();
  EXPECT_THAT(input_error([&] {
                model.encode({{"pixels", at::zeros({1, 1, 32, 16, 3}, at::kByte)}}, {});
              }),
              AllOf(HasSubstr("[32, 16, 3]"), HasSubstr("[16, 16, 3]")));
  EXPECT_THAT(input_error([&] {
                model.encode({{"pixels", random_pixels({4})}}, {});
              }),
              HasSubstr("shape [4, 16, 16, 3], expected [worlds, frames, height"));
  EXPECT_THAT(input_error([&] { model.latents(random_pixels({})); }),
              HasSubstr("shape [16, 16, 3], expected [N, height"));
  const TensorMap three = {{"pixels", random_pixels({4, 3})}};
  EXPECT_THAT(input_error([&] { model.encode(three, {}); }),
              HasSubstr("actions of shape [] between 3 frames of 4 worlds, expected [4, 2, ...]"));
  EXPECT_THAT(input_error([&] {
                model.encode(three, at::zeros({4, 1, kBlock, 2}));
              }),
              HasSubstr("shape [4, 1, 3, 2]"));
  EXPECT_THAT(input_error([&] {
                model.encode(three, at::zeros({4, 2, kBlock, 1}));
              }),
              HasSubstr("expected [..., 3, 2]"));
  Rng rng(1);
  Field floats = kPixels;
  floats.dtype = DType::kFloat32;
  EXPECT_THAT(input_error([&] { Jepa(small_options(), floats, kBox, rng, at::kCPU); }),
              AllOf(HasSubstr("float32"), HasSubstr("expected uint8")));
  Field odd = kPixels;
  odd.shape = {20, 16, 3};
  EXPECT_THAT(input_error([&] { Jepa(small_options(), odd, kBox, rng, at::kCPU); }),
              HasSubstr("expected sides"));
  const auto lewm = [&] { Jepa({.architecture = "lewm"}, odd, kBox, rng, at::kCPU); };
  EXPECT_THAT(input_error(lewm), HasSubstr("lewm: pictures of 16x20 pixels, expected square"));
  EXPECT_THAT(input_error([&] { Jepa({.architecture = "lwem"}, kPixels, kBox, rng, at::kCPU); }),
              HasSubstr("unknown architecture 'lwem'; did you mean 'lewm'?"));
}

TEST(Jepa, WeightsThatDoNotFitAreAllNamedInOneMessage) {
  const test::TemporaryFolder folder;
  Jepa model = make_jepa();
  const TensorMap saved = test::saved(model);
  NamedTensors changed;
  for (const auto& [name, tensor] : saved) {
    if (name == "projector.net.3.bias" || name.starts_with("action.")) continue;
    changed.emplace_back(name, name == "predictor.pos_embedding" ? at::zeros({1, 4, 8}) : tensor);
  }
  changed.emplace_back("encoder.extra", at::zeros({2}));
  const std::string path = (folder / "weights.safetensors").string();
  save_safetensors(path, changed);
  EXPECT_THAT(input_error([&] { model.load_weights(path); }),
              AllOf(HasSubstr(path), HasSubstr("projector.net.3.bias"), HasSubstr("encoder.extra"),
                    HasSubstr("predictor.pos_embedding")));
  const TensorMap after = test::saved(model);
  expect_same_bits(saved, after);
}

TEST(Jepa, WeightsSurviveAFile) {
  const test::TemporaryFolder folder;
  Jepa model = make_jepa(1), other = make_jepa(2);
  const TensorMap saved = test::saved(model);
  NamedTensors networks;
  for (const auto& [name, tensor] : saved) {
    if (!name.starts_with("action.")) networks.emplace_back(name, tensor);
  }
  const std::string path = (folder / "weights.safetensors").string();
  save_safetensors(path, networks);
  other.load_weights(path);
  const TensorMap loaded = test::saved(other);
  expect_same_bits(saved, loaded);
  const at::Tensor pixels = random_pixels({3});
  EXPECT_TRUE(at::equal(model.latents(pixels), other.latents(pixels)));
}

TEST(Jepa, BeginsWithTheNetworksOfARunAndKeepsItsOwnStatistics) {
  const test::TemporaryFolder folder;
  Jepa model = make_jepa(1), other = make_jepa(2);
  model.set_action_statistics(at::full({2}, 3.0), at::full({2}, 4.0));
  other.set_action_statistics(at::full({2}, 5.0), at::full({2}, 6.0));
  const TensorMap of_run = test::saved(model);
  const std::string path = (folder / "model.safetensors").string();
  save_safetensors(path, of_run.entries());
  other.load_weights(path);
  const at::Tensor pixels = random_pixels({3});
  EXPECT_TRUE(at::equal(model.latents(pixels), other.latents(pixels)));
  const TensorMap loaded = test::saved(other);
  EXPECT_TRUE(at::equal(loaded.at("action.mean"), at::full({2}, 5.0f)));
  EXPECT_TRUE(at::equal(loaded.at("action.std"), at::full({2}, 6.0f)));
}

TEST(Jepa, CheckpointsThatDoNotFitChangeNothing) {
  Jepa model = make_jepa(1), other = make_jepa(2);
  const TensorMap before = test::saved(model), from = test::saved(other);
  const auto refusal = [&](const auto& change) {
    TensorMap changed;
    for (const auto& [name, tensor] : from) change(changed, name, tensor);
    return input_error([&] { test::load(model, "", changed); });
  };
  EXPECT_THAT(refusal([](TensorMap& out, const std::string& name, const at::Tensor& tensor) {
                if (name == "action.std") return;
                const bool longer = name == "action.mean" || name == "predictor.pos_embedding";
                out.add(name, longer ? at::zeros({5}) : tensor);
                if (name == "action.mean") out.add("action.extra", tensor);
              }),
              AllOf(HasSubstr("action.std is missing"), HasSubstr("action.extra is not part of it"),
                    HasSubstr("action.mean"), HasSubstr("predictor.pos_embedding")));
  expect_same_bits(before, test::saved(model));
  EXPECT_THAT(refusal([](TensorMap& out, const std::string& name, const at::Tensor& tensor) {
                out.add(name, name == "action.std" ? -tensor : tensor);
              }),
              HasSubstr("standard deviation [-1, -1], expected finite"));
  test::load(model, "", from);
  expect_same_bits(from, test::saved(model));
}

TEST(Jepa, LeWorldModelHasThePublishedParametersAndTakesOtherSizes) {
  Rng rng(1);
  Jepa model({.architecture = "lewm"},
             {.name = "pixels", .shape = {64, 64, 3}, .dtype = DType::kUInt8}, kBox, rng, at::kCPU);
  int64_t parameters = 0;
  for (const auto& [name, block] : model.parameters()) parameters += block->numel();
  EXPECT_EQ(parameters, 18034478);
  EXPECT_EQ(model.default_learning_rate(), 5e-5);
  const TensorMap saved = test::saved(model);
  EXPECT_EQ(saved.size(), 303U + 2U);  // and the actions' statistics
  EXPECT_EQ(model.latents(at::zeros({1, 64, 64, 3}, at::kByte)).sizes().vec(),
            (std::vector<int64_t>{1, 192}));
}

// A hundred updates on moving squares, and the state of the latents on other squares.
TensorMap train(const RegulariserOptions& regulariser, Jepa& model) {
  JepaLearner learner(model, {.regulariser = regulariser, .learning_rate = 2e-3, .minibatch = 32},
                      1);
  for (int64_t i = 0; i < 100; ++i) {
    const SequenceBatch batch = moving_squares(32, static_cast<uint64_t>(i));
    for (const auto& [name, value] : learner.update(batch, static_cast<double>(i) / 100.0)) {
      EXPECT_TRUE(std::isfinite(value.item<double>())) << name << " at " << i;
    }
  }
  return learner.validate(moving_squares(128, 12345));
}

TEST(JepaLearner, SigRegKeepsTheLatentsApartAndWithoutItTheyCollapse) {
  Jepa with = make_jepa(1), without = make_jepa(1);
  const TensorMap kept = train({.regulariser = "sigreg", .slices = 64}, with);
  const TensorMap collapsed = train({.regulariser = "none"}, without);
  EXPECT_GT(kept.at("effective_rank").item<double>(), 5.0);
  EXPECT_GT(kept.at("least_variance").item<double>(), 0.15);
  EXPECT_LT(collapsed.at("greatest_variance").item<double>(),
            0.1 * kept.at("least_variance").item<double>());
  // The next frame is predicted better than by repeating the last one, whose error is the variance
  // of a step.
  EXPECT_LT(kept.at("prediction").item<double>(), 0.9);
}

// After one update the running statistics are still mostly those of the initial weights, and
// latents that have not collapsed would look collapsed.
TEST(JepaLearner, ValidatesFreshWeightsByTheBatchAndChangesNothing) {
  Jepa model = make_jepa(1);
  JepaLearner learner(model, {.regulariser = {.slices = 16}, .minibatch = 32}, 1);
  learner.update(moving_squares(32, 1), 0.0);
  const TensorMap before = test::saved(model);
  const SequenceBatch held_out = moving_squares(128, 2);
  const TensorMap found = learner.validate(held_out);
  EXPECT_GT(found.at("effective_rank").item<double>(), 3.0);
  EXPECT_GT(found.at("greatest_variance").item<double>(), 1e-3);
  // Dropout would draw again.
  const TensorMap again = learner.validate(held_out);
  test::expect_same_bits(found, again);
  expect_same_bits(before, test::saved(model));
}

// SIGReg's statistic is multiplied by the number of samples, so more samples would increase it.
TEST(JepaLearner, RegularisesHeldOutLatentsByTheMinibatch) {
  Jepa model = make_jepa(1);
  const RegulariserOptions options = {.slices = 16};
  const JepaLearner learner(model, {.regulariser = options, .minibatch = 32}, 1);
  const auto regulariser = make_regulariser(options);
  const SequenceBatch batch = moving_squares(80, 3);
  const at::NoGradGuard no_grad;
  const at::Tensor z = model.latents(batch.obs.at("pixels").flatten(0, 1), ForwardMode::kValidation)
                           .view({80, 4, -1})
                           .transpose(0, 1);
  const double first = (*regulariser)(z.narrow(1, 0, 32), 0).item<double>();
  const double second = (*regulariser)(z.narrow(1, 32, 32), 0).item<double>();
  const double all = (*regulariser)(z, 0).item<double>();
  const double found = learner.validate(batch).at("regulariser").item<double>();
  EXPECT_NEAR(found, 0.5 * (first + second), 1e-5 * found);
  EXPECT_GT(all, 1.5 * found);
  // Fewer samples than a minibatch form one.
  const JepaLearner wide(model, {.regulariser = options, .minibatch = 128}, 1);
  EXPECT_NEAR(wide.validate(batch).at("regulariser").item<double>(), all, 1e-5 * all);
}

TEST(JepaLearner, StoppedAndLoadedItLearnsOnBitEqual) {
  const JepaTrainingOptions options = {.regulariser = {.slices = 16}, .minibatch = 8};
  Jepa model = make_jepa_with_open_gates(), loaded = make_jepa(2);
  JepaLearner learner(model, options, 7), resumed(loaded, options, 8);  // 7 comes with the state
  for (uint64_t i = 0; i < 3; ++i) learner.update(moving_squares(8, i), 0.5);
  load_state(loaded, take_checkpoint(model));
  load_state(resumed, take_checkpoint(learner));
  for (uint64_t i = 3; i < 6; ++i) {
    learner.update(moving_squares(8, i), 0.5);
    resumed.update(moving_squares(8, i), 0.5);
  }
  expect_same_bits(test::saved(model), test::saved(loaded));
}

TEST(JepaLearner, DrawsDropoutFromAGeneratorOfItsOwn) {
  Jepa model = make_jepa_with_open_gates(), other = make_jepa_with_open_gates();
  const JepaTrainingOptions options = {
      .regulariser = {.slices = 16}, .warmup = 0.0, .minibatch = 8};
  JepaLearner learner(model, options, 1), same(other, options, 1);
  const at::Tensor before = at::detail::getDefaultCPUGenerator().get_state();
  const SequenceBatch batch = moving_squares(8, 1);
  learner.update(batch, 0.0);
  EXPECT_TRUE(at::equal(before, at::detail::getDefaultCPUGenerator().get_state()));
  at::randn({3});  // somebody else draws from the process's
  same.update(batch, 0.0);
  EXPECT_TRUE(at::equal(part_of(model, "predictor").flat(), part_of(other, "predictor").flat()));
  Jepa third = make_jepa_with_open_gates();
  JepaLearner seeded(third, options, 2);
  seeded.update(batch, 0.0);
  EXPECT_FALSE(at::equal(part_of(model, "predictor").flat(), part_of(third, "predictor").flat()));
}

TEST(JepaLearner, EveryStepDrawsAnotherDropout) {
  Jepa model = make_jepa_with_open_gates();
  const JepaTrainingOptions options = {.regulariser = {.regulariser = "none"},
                                       .learning_rate = 1e-30,
                                       .weight_decay = 0.0,
                                       .warmup = 0.0,
                                       .minibatch = 8};
  JepaLearner learner(model, options, 1);
  const SequenceBatch batch = moving_squares(8, 1);
  const double first = learner.update(batch, 0.0).at("loss/prediction").item<double>();
  const double second = learner.update(batch, 0.0).at("loss/prediction").item<double>();
  EXPECT_GT(std::abs(first - second), 1e-6 * first) << "with the same weights";
}

TEST(JepaLearner, TheRegularisersWeightCounts) {
  Jepa model = make_jepa(1);
  JepaLearner learner(
      model, {.regulariser = {.slices = 16}, .regulariser_weight = 0.3, .minibatch = 8}, 1);
  const TensorMap losses = learner.update(moving_squares(8, 1), 0.0);
  const auto loss = [&](const char* name) { return losses.at(name).item<double>(); };
  EXPECT_NEAR(loss("loss/total"), loss("loss/prediction") + 0.3 * loss("loss/regulariser"), 1e-5);
  EXPECT_GT(loss("loss/regulariser"), 0.1);
}

// AdamW: theta <- theta - rate (step of Adam + decay theta).
TEST(JepaLearner, WeightsDecayBesideTheGradient) {
  constexpr double kRate = 1e-2, kDecay = 0.5;
  Jepa plain = make_jepa(1), decaying = make_jepa(1);
  const at::Tensor before = part_of(plain, "projector").flat().clone();
  for (const auto& [model, decay] : {std::pair{&plain, 0.0}, {&decaying, kDecay}}) {
    const JepaTrainingOptions options = {.regulariser = {.slices = 16},
                                         .learning_rate = kRate,
                                         .weight_decay = decay,
                                         .warmup = 0.0,
                                         .minibatch = 8};
    JepaLearner(*model, options, 1).update(moving_squares(8, 1), 0.0);
  }
  const at::Tensor shrunk = part_of(plain, "projector").flat() - kRate * kDecay * before;
  EXPECT_LT(max_difference(part_of(decaying, "projector").flat(), shrunk), 1e-6);
  EXPECT_GT(before.abs().max().item<double>(), 0.1);
}

TEST(JepaLearner, TheFirstStepOfTheWarmUpMovesNothing) {
  Jepa model = make_jepa(1);
  JepaLearner learner(model, {.regulariser = {.slices = 16}, .warmup = 0.1, .minibatch = 8}, 1);
  const at::Tensor before = model.parameters()[0].second->flat().clone();
  learner.update(moving_squares(8, 1), 0.0);
  EXPECT_TRUE(at::equal(model.parameters()[0].second->flat(), before));
  learner.update(moving_squares(8, 2), 0.1);
  EXPECT_FALSE(at::equal(model.parameters()[0].second->flat(), before));
}

// Adam's first step moves every number that has a gradient by its learning rate.
TEST(JepaLearner, LearnsAtTheArchitecturesRateUnlessToldOtherwise) {
  for (const auto& [asked, expected] : {std::pair{0.0, 5e-4}, {2e-3, 2e-3}}) {
    Jepa model = make_jepa(1);
    const JepaTrainingOptions options = {.regulariser = {.slices = 16},
                                         .learning_rate = asked,
                                         .weight_decay = 0.0,
                                         .warmup = 0.0,
                                         .minibatch = 8};
    JepaLearner learner(model, options, 1);
    const at::Tensor weights = part_of(model, "projector").flat();
    const at::Tensor before = weights.clone();
    learner.update(moving_squares(8, 1), 0.0);
    EXPECT_NEAR(max_difference(weights, before), expected, 0.01 * expected);
  }
}

TEST(JepaLearner, EveryParameterHasAGradientOnceTheGatesAreOpen) {
  // A batch normalisation removes a constant added before it.
  const std::set<std::string> constants = {"encoder.output.bias", "predictor.transformer.norm.bias",
                                           "predictor.transformer.output_proj.bias",
                                           "projector.net.0.bias", "pred_proj.net.0.bias"};
  Jepa model = make_jepa_with_open_gates();
  JepaLearner learner(
      model, {.regulariser = {.regulariser = "none"}, .gradient_limit = 1e9, .minibatch = 32}, 1);
  learner.update(moving_squares(32, 1), 0.5);
  for (const auto& [part, block] : model.parameters()) {
    for (const auto& [name, parameter] : block->named()) {
      const std::string full_name = part + "." + name;
      const double greatest = parameter.grad().abs().max().item<double>();
      if (constants.contains(full_name)) {
        EXPECT_LT(greatest, 1e-6) << full_name;
      } else {
        EXPECT_GT(greatest, 1e-4) << full_name;
      }
    }
  }
}

}  // namespace
}  // namespace reverie
