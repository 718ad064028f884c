// The MDN-RNN: the paper's size, an update as PyTorch computes it, a process with two futures and a
// memory, restarts and wrong input.

#include "worldmodel/mdn_rnn/mdn_rnn.h"

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
#include "worldmodel/mdn_rnn/mdn_rnn_learner.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using testing::AllOf;
using testing::HasSubstr;

MdnRnn make_mdn_rnn(const MdnRnnOptions& options, int64_t latent_size, int64_t action_size,
                    uint64_t seed = 1, at::Device device = at::kCPU) {
  Rng rng(seed);
  return {options, latent_size, action_size, rng, device};
}

const MdnRnnOptions kSmall{
    .memory_size = 6, .components = 3, .predicts_reward = true, .predicts_end = true};

TEST(MdnRnn, HasThePapersNumberOfParameters) {
  EXPECT_EQ(make_mdn_rnn({}, 32, 3).parameters().numel(), 422368);
  // A linear controller of its latents and memory: 867.
  EXPECT_EQ((32 + make_mdn_rnn({}, 32, 3).output(at::zeros({1, 512})).size(1)) * 3 + 3, 867);
}

TEST(MdnRnn, AnUpdateIsPyTorchs) {
  const SafetensorsFile file = test::golden("mdn_rnn");
  MdnRnn model = make_mdn_rnn(kSmall, 4, 2);
  ASSERT_EQ(model.parameters().named().size(), 9U);
  for (const auto& [name, parameter] : model.parameters().named()) {
    parameter.detach().copy_(file.tensor(name));
  }
  const auto data = [&](const char* name) { return file.tensor(std::string("data.") + name); };
  const LatentSequences sequences{.mean = data("mean"),
                                  .log_variance = data("log_variance"),
                                  .action = data("action"),
                                  .reward = data("reward"),
                                  .ended = data("ended"),
                                  .started = data("started"),
                                  .weight = data("weight")};
  MdnRnnLearner learner(model,
                        {.learning_rate = 1e-2,
                         .gradient_limit = 0.05,
                         .reward_weight = 0.5,
                         .end_weight = 2.0,
                         .end_factor = 10.0},
                        /*seed=*/5);
  const TensorMap losses = learner.update(sequences);
  for (const char* term : {"latent", "reward", "end", "total"}) {
    EXPECT_LT(max_difference(losses.at(std::string("loss/") + term),
                             file.tensor(std::string("loss.") + term)),
              5e-6)
        << term;
  }
  for (const auto& [name, parameter] : model.parameters().named()) {
    EXPECT_LT(max_difference(parameter.grad(), file.tensor("clipped." + name)), 2e-6) << name;
    EXPECT_LT(max_difference(parameter, file.tensor("after." + name)), 1e-4) << name;
  }
}

// At step t the first number becomes 1 or -1 with equal chance, the second one the action of the
// step before, each with noise of 0.1. The reward is the second number, and episodes end behind
// actions above 1.
LatentSequences two_futures(uint64_t seed) {
  constexpr int64_t kSteps = 16, kSequences = 64;
  const NoiseSource noise(at::kCPU, seed);
  const at::Tensor sides =
      2.0 * noise.integers(2, {kSteps + 1, kSequences, 1}).to(at::kFloat) - 1.0;
  const at::Tensor action = noise.normal({kSteps, kSequences, 1});
  const at::Tensor before =
      at::cat({at::zeros({2, kSequences, 1}), action.narrow(0, 0, kSteps - 1)});
  const at::Tensor z =
      at::cat({sides, before}, 2) + 0.1 * noise.normal({kSteps + 1, kSequences, 2});
  return {.mean = z,
          .action = action,
          .reward = z.narrow(0, 0, kSteps).select(2, 1),
          .ended = (action.squeeze(2) > 1.0).to(at::kFloat)};
}

TEST(MdnRnn, LearnsTwoFuturesAndAMemory) {
  set_compute_threads(1);
  MdnRnn model = make_mdn_rnn(
      {.memory_size = 24, .components = 3, .predicts_reward = true, .predicts_end = true}, 2, 1);
  MdnRnnLearner learner(model, {.learning_rate = 1e-2, .end_factor = 1.0}, 1);
  for (uint64_t i = 0; i < 500; ++i) learner.update(two_futures(i));
  const TensorMap losses = learner.validate(two_futures(1000), 1);
  // The entropy of the process: one Gaussian alone would need 1.4 nats for the first number, and
  // without a memory 1.4 for the second one.
  const double one = 0.5 * std::log(2.0 * std::numbers::pi * std::numbers::e * 0.01);
  const double entropy = (one + std::numbers::ln2 + one) / 2.0;
  const double latent = losses.at("loss/latent").item<double>();
  RecordProperty("above_entropy", std::to_string(latent - entropy));
  EXPECT_GT(latent, entropy - 0.1);
  EXPECT_LT(latent, entropy + 0.25);
  EXPECT_LT(losses.at("loss/reward").item<double>(), 0.05);
  EXPECT_LT(losses.at("loss/end").item<double>(), 0.1);

  const at::NoGradGuard no_grad;
  const LatentSequences data = two_futures(1001);
  const at::Tensor h =
      model.read(data.mean.narrow(0, 0, 16), data.action, model.initial_memory(64));
  const MdnRnn::Prediction next = model.next(h[10]);
  const NoiseSource noise(at::kCPU, 3);
  const at::Tensor drawn = next.draw(noise);
  ASSERT_EQ(drawn.sizes(), at::IntArrayRef({64, 2}));
  const at::Tensor side = drawn.select(1, 0);
  EXPECT_GT((side > 0.0).sum().item<int64_t>(), 16);
  EXPECT_GT((side < 0.0).sum().item<int64_t>(), 16);
  EXPECT_LT((side.abs() - 1.0).abs().mean().item<double>(), 0.2);
  EXPECT_LT((drawn.select(1, 1) - data.action[9].squeeze(1)).abs().mean().item<double>(), 0.25);
  EXPECT_LT(next.mean().select(1, 0).abs().mean().item<double>(), 0.4);
  // A hot model is less sure.
  const at::Tensor hot = next.draw(noise, 9.0).select(1, 1) - data.action[9].squeeze(1);
  EXPECT_GT(hot.abs().mean().item<double>(), 0.15);
}

TEST(MdnRnn, StepsAreItsSequences) {
  const MdnRnn model = make_mdn_rnn(kSmall, 4, 2);
  const NoiseSource noise(at::kCPU, 2);
  const at::NoGradGuard no_grad;
  const at::Tensor z = noise.normal({5, 3, 4}), action = noise.normal({5, 3, 2});
  const at::Tensor h = model.read(z, action, model.initial_memory(3));
  at::Tensor memory = model.initial_memory(3);
  for (int64_t t = 0; t < 5; ++t) {
    memory = model.step(z[t], action[t], memory);
    EXPECT_LT(max_difference(model.output(memory), h[t]), 1e-6) << t;
  }
  EXPECT_EQ(model.reward(h[4]).sizes(), at::IntArrayRef({3}));
  EXPECT_EQ(model.end_logit(h).sizes(), at::IntArrayRef({5, 3}));
}

// The density is the product over the numbers, each with weights of its own.
TEST(MdnRnn, NumbersHaveMixturesOfTheirOwn) {
  const MdnRnn model = make_mdn_rnn(kSmall, 4, 2);
  const NoiseSource noise(at::kCPU, 2);
  const at::NoGradGuard no_grad;
  const MdnRnn::Prediction next = model.next(noise.normal({2, 6}));
  const at::Tensor z = noise.normal({2, 4});
  const at::Tensor weights = at::softmax(next.next.logits, 1).view({2, 4, 3});
  const at::Tensor means = next.next.means.view({2, 4, 3});
  const at::Tensor stds = next.next.log_stds.exp().view({2, 4, 3});
  double expected = 0.0;
  for (int64_t d = 0; d < 4; ++d) {
    double density = 0.0;
    for (int64_t k = 0; k < 3; ++k) {
      const double s = stds[1][d][k].item<double>();
      const double e = (z[1][d].item<double>() - means[1][d][k].item<double>()) / s;
      density += weights[1][d][k].item<double>() * std::exp(-0.5 * e * e) /
                 (s * std::sqrt(2.0 * std::numbers::pi));
    }
    expected += std::log(density);
  }
  EXPECT_NEAR(next.log_prob(z)[1].item<double>(), expected, 1e-5);
  EXPECT_LT(max_difference(next.mean(), (weights * means).sum(2)), 1e-6);
}

TEST(MdnRnn, PredictsMeansWithGradientsToActions) {
  MdnRnn model = make_mdn_rnn(kSmall, 4, 2);
  const NoiseSource noise(at::kCPU, 2);
  const LatentState start{noise.normal({3, 4}), noise.normal({3, 12})};
  const at::Tensor action = noise.normal({3, 2}).requires_grad_();
  const LatentState next = model.predict(start, action);
  EXPECT_TRUE(next.h.equal(model.step(start.z, action, start.h)));
  EXPECT_TRUE(next.z.equal(model.next(model.output(next.h)).mean()));
  next.z.sum().backward();
  EXPECT_GT(action.grad().abs().min().item<double>(), 0.0);
  EXPECT_EQ(imagine(model, start, noise.normal({3, 6, 2})).sizes(), at::IntArrayRef({3, 7, 4}));
}

TEST(MdnRnnLearner, AResumedOneContinuesBitByBit) {
  struct Run {
    MdnRnn model;
    MdnRnnLearner learner{model, {}, 4};
    void state(StateList& list) {
      list.add("model", model);
      list.add("learner", learner);
    }
  };
  const auto data = [](uint64_t seed) {
    LatentSequences out = two_futures(seed);
    out.log_variance = at::full_like(out.mean, -2.0);
    return out;
  };
  Rng rng(1), other(2);
  Run whole{{kSmall, 2, 1, rng, at::kCPU}}, resumed{{kSmall, 2, 1, other, at::kCPU}};
  for (uint64_t i = 0; i < 3; ++i) whole.learner.update(data(i));
  load_state(resumed, take_checkpoint(whole));
  for (uint64_t i = 3; i < 6; ++i) {
    whole.learner.update(data(i));
    resumed.learner.update(data(i));
  }
  test::expect_same_bits(test::saved(resumed), test::saved(whole));
}

TEST(MdnRnnLearner, NoValueIsReadFromADevice) {
  MdnRnn model = make_mdn_rnn(kSmall, 2, 1, 1, at::kMeta);
  MdnRnnLearner learner(model, {}, 1);
  LatentSequences data = two_futures(1);
  data.log_variance = data.mean;
  data.weight = data.reward;
  data.started = data.reward > 0.0;
  for (at::Tensor* part : {&data.mean, &data.log_variance, &data.action, &data.reward, &data.ended,
                           &data.started, &data.weight}) {
    *part = part->to(at::kMeta);
  }
  const test::MetaDevice meta;
  for (const auto& [name, value] : learner.update(data)) EXPECT_TRUE(value.is_meta()) << name;
  const LatentState next = model.predict({data.mean[0], model.initial_memory(64)}, data.action[0]);
  EXPECT_TRUE(model.next(model.output(next.h)).draw(NoiseSource(at::kMeta, 1), 1.15).is_meta());
  EXPECT_THAT(meta.faults(), testing::IsEmpty());
}

TEST(MdnRnn, RefusesWhatDoesNotFit) {
  EXPECT_THAT(input_error([] { make_mdn_rnn({}, 0, 3); }), HasSubstr("latents of 0 numbers"));
  EXPECT_THAT(input_error([] { make_mdn_rnn({.components = 0}, 2, 3); }),
              HasSubstr("0 components"));
  EXPECT_THAT(input_error([] { make_mdn_rnn({.memory_size = 0}, 2, 3); }),
              HasSubstr("recurrent layer of 0"));
  MdnRnn model = make_mdn_rnn({.memory_size = 6, .predicts_end = true}, 2, 1);
  const at::Tensor h = at::zeros({1, 6});
  EXPECT_THAT(input_error([&] { model.reward(h); }),
              AllOf(HasSubstr("without a reward head"), HasSubstr("--predict-reward")));
  EXPECT_THAT(input_error([&] { make_mdn_rnn({}, 2, 1).end_logit(h); }),
              HasSubstr("without a termination head"));
  EXPECT_THAT(input_error([&] {
                model.step(at::zeros({1, 3}), at::zeros({1, 2}), model.initial_memory(1));
              }),
              HasSubstr("latents of 3 numbers and actions of 2, expected 2 and 1"));
  EXPECT_THAT(input_error([&] { model.next(h).draw(NoiseSource(at::kCPU, 1), 0.0); }),
              HasSubstr("temperature of 0"));

  MdnRnnLearner learner(model, {}, 1);
  const auto refuse = [&](const std::function<void(LatentSequences&)>& change) {
    LatentSequences data = two_futures(1);
    change(data);
    return input_error([&] { learner.update(data); });
  };
  EXPECT_THAT(refuse([](LatentSequences& data) { data.ended = at::Tensor(); }),
              AllOf(HasSubstr("ends"), HasSubstr("the sequences lack it")));
  EXPECT_THAT(refuse([](LatentSequences& data) { data.action = data.action.narrow(0, 0, 15); }),
              HasSubstr("actions of [15, 64, 1], expected [16, 64, 1]"));
  EXPECT_THAT(refuse([](LatentSequences& data) { data.mean = data.mean[0]; }),
              HasSubstr("[64, 2], expected [steps + 1, sequences, numbers]"));
}

}  // namespace
}  // namespace reverie
