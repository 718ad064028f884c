#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "agents/agent.h"
#include "core/random.h"
#include "envs/env.h"
#include "nn/tensor_map.h"
#include "replay/batch.h"

namespace reverie::test {

struct PointOptions {
  int64_t max_steps = 30;    // an episode is truncated here
  double goal_radius = 0.0;  // [m] the episode terminates nearer than this to the goal
  bool discrete = false;     // four actions: 0.2 m to the right, left, up or down
  bool pictures = false;     // shows pixels [16, 16, 2] alone: the point, and the goal
  // Called in each step with the total number of steps of this simulator and the reward; returns
  // the reward to use.
  std::function<double(int64_t lifetime, double reward)> hook = {};
};

// A point on the square [-1, 1]^2 that the action moves. It starts anywhere and should stay at a
// goal.
//
//   x <- clip(x + clip(a)),   reward = -|x - goal|  [m]
//
// The bounds of the action are neither [-1, 1] nor symmetric, and one of the two observation fields
// is a scalar.
class PointEnv final : public Env {
 public:
  static constexpr double kGoal[2] = {0.3, -0.2};  // [m]
  static constexpr int64_t kSize = 16;             // [pixels]

  explicit PointEnv(PointOptions options)
      : options_(std::move(options)), spec_(make_spec(options_)) {}

  static EnvSpec make_spec(const PointOptions& options) {
    EnvSpec spec = {
        .id = "point",
        .observation = {{.name = "position", .shape = {2}, .dtype = DType::kFloat64},
                        {.name = "clock", .shape = {}, .dtype = DType::kFloat32}},
        .action = Field{.name = "action", .shape = {2}, .low = {-0.1F, -0.2F}, .high = {0.2F}},
        .dt = 1.0,
        .max_steps = options.max_steps,
        .source = "tests"};
    if (options.discrete) {
      spec.id = "point-discrete";
      spec.action = DiscreteSpace{4};
    }
    if (options.pictures) {
      spec.id = "point-pixels";
      spec.observation = {{.name = "pixels", .shape = {kSize, kSize, 2}, .dtype = DType::kUInt8}};
    }
    return spec;
  }

  // A point of the square on pixels [16, 16, 2]: 255 of the colour, shared by the four pixels
  // around it in proportion to their nearness.
  static void draw_point(std::span<uint8_t> pixels, size_t colour, const double* x) {
    std::array<size_t, 2> low{};
    std::array<double, 2> share{};
    for (size_t i = 0; i < 2; ++i) {
      const double at = (x[i] + 1.0) / 2.0 * (kSize - 1);
      low[i] = std::min(static_cast<size_t>(at), static_cast<size_t>(kSize - 2));
      share[i] = at - static_cast<double>(low[i]);
    }
    for (const size_t dy : {0, 1}) {
      for (const size_t dx : {0, 1}) {
        const double weight =
            (dx == 1 ? share[0] : 1 - share[0]) * (dy == 1 ? share[1] : 1 - share[1]);
        pixels[((low[1] + dy) * kSize + low[0] + dx) * 2 + colour] =
            static_cast<uint8_t>(std::lround(255.0 * weight));
      }
    }
  }

  const EnvSpec& spec() const override { return spec_; }

  void reset(uint64_t seed, FieldViews obs) override {
    Rng rng(seed);
    x_[0] = rng.uniform(-1.0, 1.0);
    x_[1] = rng.uniform(-1.0, 1.0);
    clock_ = 0;
    observe(obs);
  }

  StepResult step(ConstFieldView action, FieldViews obs) override {
    check_action(spec_.id, spec_.action, action);
    const std::array<double, 2> moved = move(action);
    for (size_t i = 0; i < 2; ++i) x_[i] = std::clamp(x_[i] + moved[i], -1.0, 1.0);
    ++clock_;
    ++lifetime_;
    observe(obs);
    const double distance = std::hypot(x_[0] - kGoal[0], x_[1] - kGoal[1]);
    double reward = -distance;
    if (options_.hook) reward = options_.hook(lifetime_, reward);
    return {.reward = reward,
            .terminated = distance < options_.goal_radius,
            .truncated = clock_ == options_.max_steps};
  }

  std::vector<double> state() const override {
    return {x_[0], x_[1], static_cast<double>(clock_), static_cast<double>(lifetime_)};
  }

  void set_state(std::span<const double> state) override {
    REVERIE_CHECK(state.size() == 4, "point: a state of {} numbers, expected 4", state.size());
    x_[0] = state[0];
    x_[1] = state[1];
    clock_ = static_cast<int64_t>(state[2]);
    lifetime_ = static_cast<int64_t>(state[3]);
  }

  void draw(Canvas& /*canvas*/, View /*view*/) const override {}

  Metrics metrics() const override {
    return {{"final_distance", std::hypot(x_[0] - kGoal[0], x_[1] - kGoal[1])}};
  }

 private:
  std::array<double, 2> move(ConstFieldView action) const {
    std::array<double, 2> moved{};
    if (options_.discrete) {
      const int64_t choice = action.as<int64_t>()[0];
      moved[static_cast<size_t>(choice / 2)] = choice % 2 == 0 ? 0.2 : -0.2;
      return moved;
    }
    const Field& box = std::get<Field>(spec_.action);
    for (size_t i = 0; i < 2; ++i) {
      moved[i] = std::clamp(action.as<float>()[i], box.low[i], box.high[0]);
    }
    return moved;
  }

  void observe(FieldViews obs) const {
    if (options_.pictures) {
      const std::span<uint8_t> pixels = obs[0].as<uint8_t>();
      std::fill(pixels.begin(), pixels.end(), uint8_t{0});
      draw_point(pixels, 0, x_);
      draw_point(pixels, 1, kGoal);
      return;
    }
    std::copy(x_, x_ + 2, obs[0].as<double>().begin());
    obs[1].as<float>()[0] = static_cast<float>(clock_) / static_cast<float>(options_.max_steps);
  }

  PointOptions options_;
  EnvSpec spec_;
  double x_[2] = {0.0, 0.0};  // [m]
  int64_t clock_ = 0;
  int64_t lifetime_ = 0;
};

class PointConfig final : public EnvConfig {
 public:
  explicit PointConfig(PointOptions options = {}) : options_(std::move(options)) {}

  void describe(ConfigFields& f) override {
    f.add("max_episode_steps", options_.max_steps, "steps of an episode", at_least(1));
    f.add("goal_radius", options_.goal_radius, "distance that ends an episode [m]", at_least(0));
  }

  EnvMaker maker() const override {
    return [options = options_] { return std::make_unique<PointEnv>(options); };
  }

 private:
  PointOptions options_;
};

// A task with the same observation and four actions to choose from.
inline EnvSpec discrete_spec() { return PointEnv::make_spec({.discrete = true}); }

// A task that shows only pictures, and the picture of a goal.
inline EnvSpec picture_spec() {
  EnvSpec spec = PointEnv::make_spec({});
  spec.id = "point-pictures";
  spec.observation = {{.name = "pixels", .shape = {16, 16, 3}, .dtype = DType::kUInt8},
                      {.name = "goal_pixels", .shape = {16, 16, 3}, .dtype = DType::kUInt8}};
  return spec;
}

// A task of six numbered states and four actions, for tables.
inline EnvSpec table_spec() {
  EnvSpec spec = discrete_spec();
  spec.id = "point-table";
  spec.observation = {
      {.name = "cell", .shape = {}, .dtype = DType::kInt64, .low = {0.0F}, .high = {5.0F}}};
  return spec;
}

// One task of each kind: continuous actions, discrete ones, pictures, numbered states.
inline std::vector<EnvSpec> specs_of_each_kind() {
  return {PointEnv::make_spec({}), discrete_spec(), picture_spec(), table_spec()};
}

// Observations of any field: uniform in [-1, 1), or bytes, or states.
inline TensorMap random_observations(const EnvSpec& spec, int64_t count, Rng& rng,
                                     bool as_learner_sees_them) {
  TensorMap map;
  for (const Field& field : spec.observation) {
    std::vector<int64_t> shape{count};
    shape.insert(shape.end(), field.shape.begin(), field.shape.end());
    at::Tensor values = at::empty(shape, at::kDouble);
    auto* data = values.mutable_data_ptr<double>();
    const bool floating = field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64;
    for (int64_t i = 0; i < values.numel(); ++i) {
      data[i] = field.dtype == DType::kInt64
                    ? static_cast<double>(rng.integers(0, static_cast<int64_t>(field.high[0]) + 1))
                    : rng.uniform(-1.0, 1.0);
    }
    if (field.dtype == DType::kUInt8) values = values * 127.0 + 128.0;
    map.add(field.name,
            values.to(floating && as_learner_sees_them ? at::kFloat : scalar_type(field.dtype)));
  }
  return map;
}

// A batch of nonsense within the spaces, a fifth of it terminated.
inline Batch random_batch(const EnvSpec& spec, int64_t count, Rng& rng) {
  Batch batch;
  batch.obs = random_observations(spec, count, rng, true);
  batch.next_obs = random_observations(spec, count, rng, true);
  batch.reward = at::empty({count}, at::kFloat);
  batch.discount = at::empty({count}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    batch.reward[i] = rng.uniform(-1.0, 1.0);
    batch.discount[i] = rng.random() < 0.2 ? 0.0 : 0.99;
  }
  if (const auto* discrete = std::get_if<DiscreteSpace>(&spec.action)) {
    batch.action = at::empty({count}, at::kLong);
    for (int64_t i = 0; i < count; ++i) batch.action[i] = rng.integers(0, discrete->n);
  } else {
    const Field& box = std::get<Field>(spec.action);
    const int64_t size = box.numel();
    batch.action = at::empty({count, size}, at::kFloat);
    auto* data = batch.action.mutable_data_ptr<float>();
    for (int64_t i = 0; i < count * size; ++i) {
      const auto element = static_cast<size_t>(i % size);
      data[i] = static_cast<float>(rng.uniform(box.low[box.low.size() == 1 ? 0 : element],
                                               box.high[box.high.size() == 1 ? 0 : element]));
    }
  }
  batch.index = at::arange(count);
  batch.next_action = batch.action.roll(1, 0);
  batch.has_next_action = batch.discount.ne(0.0).to(at::kFloat);
  for (const auto& [name, values] : batch.obs) batch.future_obs.add(name, values.roll(1, 0));
  return batch;
}

// A rollout of an agent's actions on nonsense; a fifth of the steps end an episode.
inline Rollout random_rollout(RolloutAgent& agent, const EnvSpec& spec, int64_t num_envs,
                              Rng& rng) {
  const int64_t steps = agent.request().steps;
  const auto actor = agent.actor(num_envs, {ActMode::kExplore}, rng.next_uint64());
  std::vector<TensorMap> obs, extra;
  for (int64_t t = 0; t < steps; ++t) {
    obs.push_back(random_observations(spec, num_envs, rng, true));
  }
  const auto stacked = [](const std::vector<TensorMap>& maps) {
    TensorMap out;
    for (const auto& [name, first] : maps.front()) {
      std::vector<at::Tensor> rows;
      for (const TensorMap& map : maps) rows.push_back(map.at(name));
      out.add(name, at::stack(rows));
    }
    return out;
  };
  Rollout rollout{.obs = stacked(obs),
                  .started = at::zeros({steps, num_envs}, at::kBool),
                  .action = {},
                  .extra = {},
                  .reward = at::zeros({steps, num_envs}),
                  .terminated = at::zeros({steps, num_envs}, at::kBool),
                  .truncated = at::zeros({steps, num_envs}, at::kBool),
                  .last_obs = random_observations(spec, num_envs, rng, true),
                  .final_obs = {},
                  .final_index = {}};
  std::vector<int64_t> finals;
  for (int64_t i = 0; i < steps * num_envs; ++i) {
    const double draw = rng.random();
    rollout.reward.view({-1})[i] = rng.uniform(-1.0, 1.0);
    rollout.terminated.view({-1})[i] = draw < 0.1;
    rollout.truncated.view({-1})[i] = draw > 0.9;
    if (draw > 0.9) finals.push_back(i);
    if (i + num_envs < steps * num_envs) {
      rollout.started.view({-1})[i + num_envs] = draw < 0.1 || draw > 0.9;
    }
  }
  rollout.started[0].fill_(true);
  rollout.final_index = at::tensor(finals, at::kLong);
  rollout.final_obs = random_observations(spec, static_cast<int64_t>(finals.size()), rng, true);
  std::vector<at::Tensor> action;
  for (int64_t t = 0; t < steps; ++t) {
    actor->on_episode_start(rollout.started[t]);
    const Decision decision = actor->act(obs[static_cast<size_t>(t)]);
    action.push_back(decision.action);
    extra.push_back(decision.extra);
  }
  rollout.action = at::stack(action);
  rollout.extra = stacked(extra);
  return rollout;
}

// Sequences of nonsense within the spaces, as an observation stride leaves them.
inline SequenceBatch random_sequences(const EnvSpec& spec, int64_t count, const SampleSpec& request,
                                      Rng& rng) {
  const int64_t steps = request.burn_in + request.length;
  const int64_t frames = steps / request.observation_stride + 1;
  const auto unfold = [&](const at::Tensor& rows, int64_t each) {
    std::vector<int64_t> shape = rows.sizes().vec();
    shape[0] = count;
    shape.insert(shape.begin() + 1, each);
    return rows.view(shape);
  };
  SequenceBatch batch;
  for (const auto& [name, values] : random_observations(spec, count * frames, rng, true)) {
    batch.obs.add(name, unfold(values, frames));
  }
  const Batch transitions = random_batch(spec, count * steps, rng);
  batch.action = unfold(transitions.action, steps);
  batch.reward = unfold(transitions.reward, steps);
  batch.terminated = at::zeros({count, steps}, at::kBool);
  batch.truncated = at::zeros({count, steps}, at::kBool);
  batch.valid = at::ones({count, steps}, at::kBool);
  return batch;
}

}  // namespace reverie::test
