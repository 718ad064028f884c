// The fast versions of SIGReg and of the predictor against their plain definitions.

#include <algorithm>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/tensors.h"
#include "tests/worldmodel/open_gates.h"
#include "worldmodel/jepa/predictor.h"
#include "worldmodel/jepa/predictor_reference.h"
#include "worldmodel/sigreg.h"
#include "worldmodel/sigreg_reference.h"

namespace reverie {
namespace {

using test::golden;
using test::max_difference;

void expect_near(const at::Tensor& found, const at::Tensor& expected, double tolerance) {
  const double scale = std::max(1.0, expected.abs().max().item<double>());
  EXPECT_LT(max_difference(found, expected), tolerance * scale);
}

// The definition itself against NumPy's transcript.
TEST(SigRegReference, IsNumPys) {
  const SafetensorsFile file = golden("sigreg");
  for (const auto& [name, options] :
       {std::pair{"lejepa", lejepa_epps_pulley()}, std::pair{"lewm", lewm_epps_pulley()}}) {
    for (const std::string sample : {"normal", "shifted", "collapsed"}) {
      SCOPED_TRACE(fmt::format("{}.{}", sample, name));
      const at::Tensor z = file.tensor(sample + ".z").clone().requires_grad_(true);
      const at::Tensor value = sigreg_reference(z, file.tensor("directions"), options);
      value.backward();
      expect_near(value, file.tensor(fmt::format("{}.{}", sample, name)).squeeze(), 1e-5);
      const at::Tensor gradient = file.tensor(fmt::format("{}.{}.gradient", sample, name));
      EXPECT_LT(max_difference(z.grad(), gradient),
                1e-5 * gradient.abs().max().item<double>() + 1e-6);
    }
  }
}

struct SigRegSize {
  int64_t times, samples, dimensions, slices, knots;
};

// Blocks of the kernel are 16 slices wide and as long as the samples; the sizes lie around that
// and far beyond it. The last is a training step of LeWorldModel.
TEST(SigReg, IsItsDefinition) {
  const std::vector<SigRegSize> sizes = {
      {1, 1, 1, 1, 2},     {1, 2, 3, 15, 3},     {2, 7, 5, 16, 17},   {3, 33, 8, 17, 5},
      {2, 64, 32, 31, 17}, {4, 128, 16, 33, 65}, {1, 1000, 4, 48, 9}, {4, 128, 192, 1024, 17}};
  for (const auto& [times, samples, dimensions, slices, knots] : sizes) {
    SCOPED_TRACE(fmt::format("{} x {} samples of {}, {} slices, {} knots", times, samples,
                             dimensions, slices, knots));
    const at::Generator generator = at::detail::createCPUGenerator(3);
    const at::Tensor start =
        0.7 * at::randn({times, samples, dimensions}, generator, at::kFloat) + 0.2;
    for (EppsPulleyOptions options : {lejepa_epps_pulley(), lewm_epps_pulley()}) {
      options.knots = knots;
      const SigReg sigreg(make_epps_pulley(options), slices);
      const at::Tensor directions = sigreg.directions(dimensions, 11, at::kCPU);
      const at::Tensor z = start.clone().requires_grad_(true);
      const at::Tensor plain = start.clone().requires_grad_(true);
      const at::Tensor value = sigreg(z, 11);
      const at::Tensor expected = sigreg_reference(plain, directions, options);
      expect_near(value, expected, 2e-5);
      value.backward();
      expected.backward();
      EXPECT_LT(max_difference(z.grad(), plain.grad()),
                2e-5 * plain.grad().abs().max().item<double>() + 1e-7);
    }
  }
}

struct Gradients {
  at::Tensor z, actions, parameters;
};

// The gradient of the sum of `output` with random weights.
Gradients gradients_of(Predictor& predictor, const at::Tensor& output, const at::Tensor& z,
                       const at::Tensor& actions) {
  const at::Generator generator = at::detail::createCPUGenerator(9);
  predictor.parameters().zero_grad();
  (output * at::randn(output.sizes(), generator, at::kFloat)).sum().backward();
  Gradients out = {z.grad().clone(), actions.grad().clone(),
                   predictor.parameters().flat_grad().clone()};
  z.mutable_grad().zero_();
  actions.mutable_grad().zero_();
  return out;
}

void expect_same(const Gradients& found, const Gradients& expected) {
  expect_near(found.z, expected.z, 2e-5);
  expect_near(found.actions, expected.actions, 2e-5);
  expect_near(found.parameters, expected.parameters, 2e-5);
}

struct PredictorSize {
  PredictorOptions options;
  int64_t batch;
};

// With and without projections, one head and many, one frame and many, and LeWorldModel's.
std::vector<PredictorSize> predictor_sizes() {
  return {
      {{.frames = 1,
        .latent_size = 4,
        .width = 4,
        .depth = 1,
        .heads = 1,
        .head_size = 3,
        .hidden_size = 7},
       2},
      {{.frames = 3,
        .latent_size = 12,
        .width = 16,
        .depth = 2,
        .heads = 3,
        .head_size = 5,
        .hidden_size = 24},
       5},
      {{.frames = 9,
        .latent_size = 8,
        .width = 8,
        .depth = 4,
        .heads = 2,
        .head_size = 16,
        .hidden_size = 33},
       3},
      {{}, 4},
  };
}

class PredictorReference : public testing::TestWithParam<size_t> {
 protected:
  PredictorReference() { test::open_gates(predictor_.parameters()); }

  at::Tensor random(int64_t frames, uint64_t seed) const {
    return at::randn({size_.batch, frames, size_.options.latent_size},
                     at::detail::createCPUGenerator(seed), at::kFloat);
  }

  PredictorSize size_ = predictor_sizes()[GetParam()];
  Rng rng_{1};
  Predictor predictor_{size_.options, rng_, at::kCPU};
};

INSTANTIATE_TEST_SUITE_P(Jepa, PredictorReference,
                         testing::Range(size_t{0}, predictor_sizes().size()));

TEST_P(PredictorReference, IsWhatThePredictorComputes) {
  for (int64_t frames = 1; frames <= size_.options.frames; ++frames) {
    SCOPED_TRACE(frames);
    const at::Tensor z = random(frames, 1).requires_grad_(true);
    const at::Tensor actions = random(frames, 2).requires_grad_(true);
    const at::Tensor expected = predictor_reference(predictor_, z, actions);
    const at::Tensor found = predictor_(z, actions);
    expect_near(found, expected, 1e-5);
    const Gradients wanted = gradients_of(predictor_, expected, z, actions);
    expect_same(gradients_of(predictor_, found, z, actions), wanted);
    EXPECT_GT(wanted.actions.abs().max().item<double>(), 1e-3);
  }
}

// A rollout in steps with memory, beyond the longest history. Each step is compared with the plain
// predictor on the frames of its context.
TEST_P(PredictorReference, IsWhatStepsThatRememberCompute) {
  const int64_t steps = size_.options.frames + 2;
  const at::Tensor z = random(steps, 1).requires_grad_(true);
  const at::Tensor actions = random(steps, 2).requires_grad_(true);
  at::Tensor memory;
  std::vector<at::Tensor> found, expected;
  for (int64_t t = 1; t <= steps; ++t) {
    const int64_t frames = std::min(t, size_.options.frames);
    const at::Tensor window = z.narrow(1, t - frames, frames);
    Predictor::Step step = predictor_.step(window, memory, actions.select(1, t - 1));
    memory = std::move(step.memory);
    found.push_back(step.next);
    const at::Tensor seen = actions.narrow(1, t - frames, frames);
    expected.push_back(predictor_reference(predictor_, window, seen).select(1, -1));
  }
  expect_near(at::stack(found, 1), at::stack(expected, 1), 1e-5);
  const Gradients wanted = gradients_of(predictor_, at::stack(expected, 1), z, actions);
  expect_same(gradients_of(predictor_, at::stack(found, 1), z, actions), wanted);
}

}  // namespace
}  // namespace reverie
