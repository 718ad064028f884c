#include <algorithm>
#include <cmath>

#include "agents/action_box.h"
#include "agents/training/environment_snapshot.h"
#include "agents/training/experience.h"
#include "agents/training/replay_options.h"
#include "envs/vector_env.h"
#include "nn/device.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Rows first .. first + count - 1 of every view.
std::vector<FieldView> rows_of(FieldViews views, int64_t first, int64_t count) {
  std::vector<FieldView> out;
  for (const FieldView& view : views) {
    out.push_back({view.field, view.row(first).data, count});
  }
  return out;
}

// Some of the environments that step together, with a replay buffer of their own.
class Share {
 public:
  Share(const EnvSpec& spec, const TrainingConfig& training, int64_t capacity, int64_t first,
        int64_t count, at::Device device)
      : first_(first),
        count_(count),
        replay_(spec, capacity, count, device, replay_options(training)) {}

  void start(FieldViews obs) { replay_.start(rows_of(obs, first_, count_)); }

  void add(ConstFieldView actions, const VectorStep& step) {
    const auto part = [&](auto values) {
      return values.subspan(static_cast<size_t>(first_), static_cast<size_t>(count_));
    };
    const std::vector<FieldView> obs = rows_of(step.obs, first_, count_);
    const std::vector<FieldView> final_obs = rows_of(step.final_obs, first_, count_);
    replay_.add({actions.field, actions.row(first_).data, count_},
                {.obs = obs,
                 .final_obs = final_obs,
                 .reward = part(step.reward),
                 .terminated = part(step.terminated),
                 .truncated = part(step.truncated)});
  }

  ReplayBuffer& replay() { return replay_; }
  const ReplayBuffer& replay() const { return replay_; }

 private:
  int64_t first_, count_;
  ReplayBuffer replay_;
};

class LiveExperience final : public Experience {
 public:
  explicit LiveExperience(const RunConfig& config)
      : training_config_(config.training),
        lanes_(training_config_.num_envs),
        held_out_lanes_(held_out_lanes(training_config_)),
        env_(config.env_config->maker(), lanes_ + held_out_lanes_,
             static_cast<int>(config.threads)),
        action_(action_field(env_.spec().action)),
        rng_(config.seed_for("actions")),
        training_(env_.spec(), training_config_, training_config_.replay_capacity, 0, lanes_,
                  open_device(config.device)),
        held_out_(env_.spec(), training_config_, held_out_capacity(), lanes_, held_out_lanes_,
                  open_device(config.device)) {
    env_.reset(config.seed_for("environments"));
    training_.start(env_.observations());
    held_out_.start(env_.observations());
  }

  const ReplayBuffer& training() const override { return training_.replay(); }
  const ReplayBuffer& held_out() const override { return held_out_.replay(); }
  void check_holds(int64_t steps) const override {
    const int64_t limit = env_.spec().max_steps;
    REVERIE_CHECK(limit == 0 || limit >= steps,
                  "{}: episodes end after {} steps, the model looks at {} (--history times "
                  "--action-block)",
                  env_.spec().id, limit, steps);
    const int64_t each = training_config_.learning_starts / lanes_;
    REVERIE_CHECK(
        each >= steps,
        "--learning-starts {}: {} steps in each of {} environments, the model looks at {} "
        "(--history times --action-block)",
        training_config_.learning_starts, each, lanes_, steps);
  }
  bool ready() const override { return steps_ >= training_config_.learning_starts; }

  int64_t advance(double& updates) override {
    const at::Tensor actions =
        uniform_actions(env_.spec().action, lanes_ + held_out_lanes_, rng_).contiguous();
    const ConstFieldView rows = view_of(action_, actions);
    const VectorStep step = env_.step(rows);
    training_.add(rows, step);
    held_out_.add(rows, step);
    steps_ += lanes_;
    if (ready()) updates += static_cast<double>(lanes_) * training_config_.updates_per_step;
    return lanes_;
  }

  at::Tensor actions() const override { return training_.replay().actions(); }

  void save(Checkpoint& checkpoint) const override {
    checkpoint.set("experience.steps", steps_);
    checkpoint.set("experience.rng", rng_.to_string());
    if (!training_config_.save_replay) return;
    training_.replay().save(checkpoint.group("replay"));
    held_out_.replay().save(checkpoint.group("held_out"));
    save_environments(env_, checkpoint);
  }

  void load(const Checkpoint& saved) override {
    steps_ = saved.integer("experience.steps");
    rng_ = Rng::from_string(saved.text("experience.rng"));
    training_.replay().restore(saved.group("replay"));
    held_out_.replay().restore(saved.group("held_out"));
    restore_environments(env_, saved);
  }

 private:
  static int64_t held_out_lanes(const TrainingConfig& config) {
    const double share = config.held_out / (1.0 - config.held_out);
    return std::max<int64_t>(1, std::llround(share * static_cast<double>(config.num_envs)));
  }

  int64_t held_out_capacity() const {
    return std::max<int64_t>(training_config_.replay_capacity * held_out_lanes_ / lanes_,
                             3 * held_out_lanes_);
  }

  const TrainingConfig training_config_;
  int64_t lanes_, held_out_lanes_;
  VectorEnv env_;
  Field action_;
  Rng rng_;
  Share training_, held_out_;
  int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<Experience> gather_experience(const RunConfig& config) {
  return std::make_unique<LiveExperience>(config);
}

}  // namespace reverie
