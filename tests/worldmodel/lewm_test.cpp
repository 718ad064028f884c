// LeWorldModel's parts against a PyTorch transcript (tests/golden/lewm.py).

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"
#include "tests/worldmodel/open_gates.h"
#include "worldmodel/jepa/encoder.h"
#include "worldmodel/jepa/predictor.h"
#include "worldmodel/jepa/projector.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;

constexpr VitEncoderOptions kSmallVit{
    .height = 28, .width = 28, .patch = 7, .features = 12, .depth = 2, .hidden_size = 48};

PredictorOptions small_predictor(int64_t width = 12) {
  return {.latent_size = 12,
          .width = width,
          .depth = 2,
          .heads = 3,
          .head_size = 5,
          .hidden_size = 24,
          .dropout = 0.5};
}

class LewmGolden : public testing::Test {
 protected:
  void load(Network& network, const std::string& name) const {
    test::load(network, name, tensors_);
  }

  at::Tensor tensor(const std::string& name) const { return tensors_.at(name); }

  // An input of a case, whose gradient is compared.
  at::Tensor input(const std::string& name) const {
    return tensors_.at(name).clone().requires_grad_(true);
  }

  // The output of a case and the gradients of its sum, weighted as the transcript says, by the
  // inputs and by the weights of `network` that it names.
  void expect_case(const std::string& name, const at::Tensor& output, const TensorMap& inputs,
                   Network* network = nullptr) const {
    SCOPED_TRACE(name);
    EXPECT_LT(max_difference(output, tensor(name + ".output")), 1e-5);
    if (network != nullptr) network->parameters().zero_grad();
    (output * tensor(name + ".weighting")).sum().backward();
    const std::string prefix = name + ".gradient.";
    int gradients = 0;
    for (const auto& [full_name, expected] : tensors_) {
      if (!full_name.starts_with(prefix)) continue;
      const std::string key = full_name.substr(prefix.size());
      const at::Tensor& leaf =
          inputs.contains(key) ? inputs.at(key) : network->parameters().at(key);
      EXPECT_LT(max_difference(leaf.grad(), expected),
                1e-5 * std::max(1.0, expected.abs().max().item<double>()))
          << key;
      ++gradients;
    }
    EXPECT_GT(gradients, 0);
  }

  Rng rng_{1};
  TensorMap tensors_{test::golden("lewm").tensors};
};

TEST_F(LewmGolden, VisionTransformer) {
  const auto encoder = make_vit_encoder(kSmallVit, rng_, at::kCPU);
  load(*encoder, "vit");
  const at::Tensor pixels = input("vit_case.pixels");
  expect_case("vit_case", (*encoder)(pixels), {{"pixels", pixels}}, encoder.get());
}

TEST_F(LewmGolden, ProjectorInInferenceValidationAndTraining) {
  Projector projector(12, 16, 10, rng_, at::kCPU);
  load(projector, "projector");
  const TensorMap before = test::saved(projector, "p");
  at::Tensor x = input("projector_evaluation.x");
  expect_case("projector_evaluation", projector(x, ForwardMode::kInference), {{"x", x}},
              &projector);
  const TensorMap unchanged = test::saved(projector, "p");
  test::expect_same_bits(before, unchanged);

  // As in training, with an empty memory.
  const at::Tensor validated = projector(input("projector_training.x"), ForwardMode::kValidation);
  EXPECT_LT(max_difference(validated, tensor("projector_training.output")), 1e-5);
  const TensorMap still_unchanged = test::saved(projector, "p");
  test::expect_same_bits(before, still_unchanged);

  x = input("projector_training.x");
  expect_case("projector_training", projector(x, ForwardMode::kTraining), {{"x", x}}, &projector);
  const TensorMap after = test::saved(projector, "p");
  for (const std::string name : {"running_mean", "running_var", "num_batches_tracked"}) {
    EXPECT_LT(max_difference(after.at("p.net.1." + name), tensor("projector_after.net.1." + name)),
              1e-6)
        << name;
  }
}

// The prediction of a step that remembers only actions, after z [B, T, D] and actions [B, T, C].
at::Tensor step_after(const Predictor& predictor, const at::Tensor& z, const at::Tensor& actions) {
  const int64_t before = z.size(1) - 1;
  const at::Tensor memory = before > 0 ? actions.narrow(1, 0, before) : at::Tensor();
  return predictor.step(z, memory, actions.select(1, before)).next;
}

TEST_F(LewmGolden, ActionEncoder) {
  ActionEncoder encoder(6, 5, 16, 12, rng_, at::kCPU);
  load(encoder, "action_encoder");
  const at::Tensor actions = input("action_encoder_case.actions");
  expect_case("action_encoder_case", encoder(actions), {{"actions", actions}}, &encoder);
}

TEST_F(LewmGolden, PredictorOfOneToThreeFrames) {
  for (const auto& [name, width] :
       {std::pair<std::string, int64_t>{"predictor", 12}, {"wide_predictor", 16}}) {
    Predictor predictor(small_predictor(width), rng_, at::kCPU);
    load(predictor, name);
    for (const char* frames : {"1", "2", "3"}) {
      const std::string golden_case = name + "_case." + frames;
      const at::Tensor z = input(golden_case + ".z");
      const at::Tensor actions = input(golden_case + ".actions");
      const at::Tensor next = predictor(z, actions);
      EXPECT_LT(max_difference(step_after(predictor, z, actions), next.select(1, -1)), 1e-5);
      expect_case(golden_case, next, {{"z", z}, {"actions", actions}}, &predictor);
    }
  }
}

TEST_F(LewmGolden, LastOfTheFramesHasTheSameGradients) {
  Predictor predictor(small_predictor(), rng_, at::kCPU);
  load(predictor, "predictor");
  std::vector<at::Tensor> gradients;
  for (const bool alone : {false, true}) {
    const at::Tensor z = input("predictor_case.3.z");
    const at::Tensor actions = input("predictor_case.3.actions");
    predictor.parameters().zero_grad();
    const at::Tensor last =
        alone ? step_after(predictor, z, actions) : predictor(z, actions).select(1, -1);
    last.square().sum().backward();
    gradients.push_back(at::cat(
        {z.grad().flatten(), actions.grad().flatten(), predictor.parameters().flat_grad()}));
  }
  EXPECT_LT(max_difference(gradients[0], gradients[1]),
            1e-6 * gradients[0].abs().max().item<double>());
}

// Latents [N, 1 + T, D] of the transcript's rollout. `next` predicts after a window of latents
// [N, K, D], given the embedded actions [N, T, C] and the time.
template <typename Next>
at::Tensor roll_out(const at::Tensor& start, const at::Tensor& actions, Next&& next) {
  std::vector<at::Tensor> latents = {start};
  for (int64_t t = 0; t < actions.size(1); ++t) {
    const int64_t begin = std::max<int64_t>(0, t - 2);
    const at::TensorList window(latents.data() + begin,
                                latents.size() - static_cast<size_t>(begin));
    latents.push_back(next(at::stack(window, 1), actions, t));
  }
  return at::stack(latents, 1);
}

TEST_F(LewmGolden, Rollout) {
  ActionEncoder action_encoder(6, 5, 16, 12, rng_, at::kCPU);
  Predictor predictor(small_predictor(), rng_, at::kCPU);
  Projector projector(12, 16, 12, rng_, at::kCPU);
  load(action_encoder, "action_encoder");
  load(predictor, "predictor");
  load(projector, "pred_proj");
  const auto by_last = [&](const at::Tensor& window, const at::Tensor& actions, int64_t t) {
    const int64_t frames = window.size(1);
    const at::Tensor seen = actions.narrow(1, t + 1 - frames, frames);
    return projector(step_after(predictor, window, seen), ForwardMode::kInference);
  };
  at::Tensor memory;
  const auto by_steps = [&](const at::Tensor& window, const at::Tensor& actions, int64_t t) {
    Predictor::Step step = predictor.step(window, memory, actions.select(1, t));
    memory = std::move(step.memory);
    return projector(step.next, ForwardMode::kInference);
  };
  for (const bool in_steps : {false, true}) {
    const at::Tensor start = input("rollout.start");
    const at::Tensor actions = input("rollout.actions");
    const at::Tensor embedded = action_encoder(actions);
    const at::Tensor latents =
        in_steps ? roll_out(start, embedded, by_steps) : roll_out(start, embedded, by_last);
    expect_case("rollout", latents, {{"start", start}, {"actions", actions}});
  }
}

// From any history to the next, with only actions in the memory at first. The memory then equals
// that after as many steps from one frame.
TEST_F(LewmGolden, StepsMayBeginWithAnyHistory) {
  Predictor predictor(small_predictor(16), rng_, at::kCPU);
  load(predictor, "wide_predictor");
  const at::Tensor z = at::randn({4, 5, 12}), actions = at::randn({4, 5, 12});
  for (int64_t first = 1; first <= 3; ++first) {
    at::Tensor memory = first > 1 ? actions.narrow(1, 0, first - 1) : at::Tensor();
    for (int64_t t = first; t <= 5; ++t) {
      SCOPED_TRACE(fmt::format("{} frames, then up to {}", first, t));
      const int64_t frames = std::min<int64_t>(t, 3);
      const at::Tensor window = z.narrow(1, t - frames, frames);
      const auto [next, after] = predictor.step(window, memory, actions.select(1, t - 1));
      const at::Tensor seen = actions.narrow(1, t - frames, frames);
      const at::Tensor expected = predictor(window, seen).select(1, -1);
      EXPECT_LT(max_difference(next, expected), 1e-5);
      // Keys and values of 2 blocks of 15 numbers each, until the history slides.
      EXPECT_EQ(after.sizes(), at::IntArrayRef({4, std::min<int64_t>(t, 2), t < 3 ? 72 : 12}));
      memory = after;
    }
  }
}

TEST_F(LewmGolden, StepsWithAHistoryOfOne) {
  PredictorOptions options = small_predictor();
  options.frames = 1;
  const Predictor predictor(options, rng_, at::kCPU);
  test::open_gates(predictor.parameters());
  const at::Tensor z = at::randn({4, 1, 12}), actions = at::randn({4, 2, 12});
  const auto first = predictor.step(z, {}, actions.select(1, 0));
  const auto second = predictor.step(z, first.memory, actions.select(1, 1));
  EXPECT_EQ(second.memory.sizes(), at::IntArrayRef({4, 0, 12}));
  const at::Tensor expected = predictor(z, actions.narrow(1, 1, 1));
  EXPECT_LT(max_difference(second.next, expected.select(1, 0)), 1e-5);
  EXPECT_GT(max_difference(second.next, first.next), 0.1);
}

TEST_F(LewmGolden, StepsRefuseTheMemoryOfAnotherHistory) {
  const Predictor predictor(small_predictor(), rng_, at::kCPU);
  const at::Tensor z = at::randn({4, 2, 12}), action = at::randn({4, 12});
  for (const at::Tensor& memory : {at::Tensor(), at::zeros({4, 12}), at::zeros({3, 1, 12}),
                                   at::zeros({4, 2, 12}), at::zeros({4, 1, 13})}) {
    EXPECT_NE(
        input_error([&] { predictor.step(z, memory, action); }).find("expected 4 x 1 x 12 or 72"),
        std::string::npos);
  }
}

TEST_F(LewmGolden, DropoutActsInTrainingOnly) {
  const at::Tensor z = tensor("predictor_case.3.z");
  const at::Tensor actions = tensor("predictor_case.3.actions");
  for (const double dropout : {0.5, 0.0}) {
    PredictorOptions options = small_predictor();
    options.dropout = dropout;
    Predictor predictor(options, rng_, at::kCPU);
    load(predictor, "predictor");
    const at::Tensor expected = tensor("predictor_case.3.output");
    EXPECT_LT(max_difference(predictor(z, actions), expected), 1e-5);
    NoiseSource noise(at::kCPU, 1);
    const at::Tensor first = predictor(z, actions, &noise), second = predictor(z, actions, &noise);
    noise.reseed(1);
    EXPECT_LT(max_difference(predictor(z, actions, &noise), first), 1e-6);
    if (dropout > 0.0) {
      EXPECT_GT(max_difference(first, expected), 0.1);
      EXPECT_GT(max_difference(first, second), 0.1);
    } else {
      EXPECT_LT(max_difference(first, expected), 1e-5);
    }
  }
}

TEST_F(LewmGolden, NoFrameSeesALaterOneWithOrWithoutDropout) {
  for (const double dropout : {0.5, 0.0}) {
    PredictorOptions options = small_predictor();
    options.dropout = dropout;
    const Predictor predictor(options, rng_, at::kCPU);
    test::open_gates(predictor.parameters());
    NoiseSource noise(at::kCPU, 1);
    at::Tensor z = at::randn({4, 3, 12}), actions = at::randn({4, 3, 12});
    const at::Tensor before = predictor(z, actions, &noise);
    z.select(1, 2).add_(1.0);
    actions.select(1, 2).add_(1.0);
    noise.reseed(1);
    const at::Tensor after = predictor(z, actions, &noise);
    EXPECT_LT(max_difference(after.narrow(1, 0, 2), before.narrow(1, 0, 2)), 1e-6) << dropout;
    EXPECT_GT(max_difference(after.select(1, 2), before.select(1, 2)), 0.1);
  }
}

// tests/golden/lewm_tensors.txt: "name sizes ..." a line.
std::multiset<std::string> reference_tensors() {
  std::ifstream file(REVERIE_GOLDEN_DIR "/lewm_tensors.txt");
  std::multiset<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.insert(line);
  return lines;
}

TEST(Lewm, FullSizeHasTheReferencesTensors) {
  Rng rng(1);
  const auto encoder = make_vit_encoder({}, rng, at::kCPU);
  Predictor predictor({}, rng, at::kCPU);
  ActionEncoder action_encoder(5 * 2, 10, 768, 192, rng, at::kCPU);
  Projector projector(192, 2048, 192, rng, at::kCPU), pred_proj(192, 2048, 192, rng, at::kCPU);
  const std::vector<std::pair<std::string, Network*>> networks = {
      {"encoder", encoder.get()},
      {"predictor", &predictor},
      {"action_encoder", &action_encoder},
      {"projector", &projector},
      {"pred_proj", &pred_proj}};
  TensorMap saved;
  int64_t trainable = 0;
  std::vector<size_t> counts;
  for (const auto& [name, network] : networks) {
    const size_t before = saved.size();
    for (const auto& [key, tensor] : test::saved(*network, name)) saved.add(key, tensor);
    counts.push_back(saved.size() - before);
    trainable += network->parameters().numel();
  }
  EXPECT_EQ(counts, (std::vector<size_t>{198, 81, 6, 9, 9}));
  EXPECT_EQ(trainable, 18'034'478);
  std::multiset<std::string> ours;
  for (const auto& [name, tensor] : saved) {
    std::string line = name;
    for (const int64_t size : tensor.sizes()) line += fmt::format(" {}", size);
    ours.insert(line);
  }
  EXPECT_EQ(ours, reference_tensors());
}

TEST(Lewm, ThePredictorReturnsItsNormalisedInputAtFirst) {
  Rng rng(3);
  const Predictor predictor(small_predictor(), rng, at::kCPU);
  const at::Tensor z = at::randn({5, 3, 12}), actions = at::randn({5, 3, 12});
  const at::Tensor expected = at::layer_norm(z + predictor.parameters().at("pos_embedding"), {12});
  const NoiseSource noise(at::kCPU, 1);
  EXPECT_LT(max_difference(predictor(z, actions, &noise), expected), 1e-6);
  EXPECT_LT(max_difference(step_after(predictor, z, actions), expected.select(1, 2)), 1e-5);
}

TEST(Lewm, ThePredictorRefusesLongHistories) {
  Rng rng(3);
  const Predictor predictor(small_predictor(), rng, at::kCPU);
  const at::Tensor z = at::randn({5, 4, 12});
  EXPECT_EQ(input_error([&] { predictor(z, z); }),
            "predictor: a history of 4 frames, expected 1 to 3");
  PredictorOptions options = small_predictor();
  options.depth = 0;
  EXPECT_NE(input_error([&] { Predictor(options, rng, at::kCPU); }).find("depth 0"),
            std::string::npos);
}

TEST(VitEncoder, BeginsAsHuggingFaces) {
  Rng rng(5);
  const auto encoder = make_vit_encoder({.height = 64, .width = 48, .patch = 8}, rng, at::kCPU);
  for (const auto& [name, parameter] : encoder->parameters().named()) {
    SCOPED_TRACE(name);
    const double mean = parameter.mean().item<double>();
    if (name.ends_with("bias")) {
      EXPECT_EQ(parameter.abs().max().item<double>(), 0.0);
    } else if (parameter.dim() == 1) {
      EXPECT_EQ(parameter.min().item<double>(), 1.0);
      EXPECT_EQ(parameter.max().item<double>(), 1.0);
    } else {
      // Four standard errors of as many draws.
      const double error = 4.0 * 0.02 / std::sqrt(static_cast<double>(parameter.numel()));
      EXPECT_NEAR(mean, 0.0, error);
      EXPECT_NEAR(parameter.std().item<double>(), 0.02, error);
    }
  }
  EXPECT_EQ((*encoder)(at::randn({2, 3, 64, 48})).sizes(), at::IntArrayRef({2, 192}));
}

TEST(VitEncoder, RefusesWhatDoesNotDivide) {
  Rng rng(5);
  const auto make = [&](const VitEncoderOptions& options) {
    make_vit_encoder(options, rng, at::kCPU);
  };
  EXPECT_EQ(input_error([&] { make({.height = 64, .width = 62, .patch = 8}); }),
            "vision transformer: pictures of 62x64 pixels, expected sides that the patch of 8 "
            "divides");
  EXPECT_EQ(input_error([&] { make({.features = 100}); }),
            "vision transformer: 100 features, expected a multiple of the 3 heads");
  EXPECT_NE(input_error([&] { make({.patch = 0}); }).find("patch 0"), std::string::npos);
}

}  // namespace
}  // namespace reverie
