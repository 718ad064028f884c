#include "agents/training/rollout_trainer.h"

#include "agents/training/gathering.h"
#include "agents/training/reward_scale.h"
#include "agents/training/vector_env_state.h"
#include "nn/device.h"
#include "nn/pch.h"
#include "replay/rollout.h"

namespace reverie {

void RolloutTraining::describe(ConfigFields& f) {
  f.add("num_envs", num_envs, "environments stepped together", between(1, 65536));
  f.set_lifelong({"num_envs"});
  describe_limits(f, limits);
  f.add("normalize_reward", normalize_reward,
        "divide rewards by the standard deviation of their running discounted sum");
  drive_options.describe(f);
  drive_options.describe_evaluation(f);
}

int64_t RolloutTraining::length(const RunConfig& config) const { return config.total_steps(); }

namespace {

class RolloutTrainer final : public Trainer {
 public:
  RolloutTrainer(const RunConfig& config, const RolloutTraining& training)
      : num_envs_(training.num_envs),
        normalizes_reward_(training.normalize_reward),
        length_(training.length(config)),
        seed_(config.seed_for("environments")),
        device_(open_device(config.device)),
        environments_(config, num_envs_, training.limits),
        agent_(make_agent_of<RolloutAgent>(config, environments_.adapter.spec(), "rollouts")),
        actor_(agent_->actor(num_envs_, {ActMode::kExplore}, config.seed_for("exploration"))),
        store_(environments_.adapter.spec(), agent_->extra_fields(), agent_->request().steps,
               num_envs_),
        reward_scale_(num_envs_, agent_->request().gamma),
        rng_(config.seed_for("learning")) {}

  int64_t turn_steps() const { return num_envs_ * agent_->request().steps; }

  void start() override {
    environments_.env->reset(seed_);
    store_.start_episodes();
    actor_->on_episode_start(at::ones({num_envs_}, at::kBool));
  }

  void turn() override {
    const double progress = static_cast<double>(steps_) / static_cast<double>(length_);
    store_.begin(environments_.observations());
    while (!store_.full()) step();
    Rollout rollout = store_.rollout(at::kCPU);
    const at::Tensor scaled = normalizes_reward_ ? reward_scale_(rollout) : rollout.reward;
    if (!device_.is_cpu()) rollout = store_.rollout(device_);
    rollout.reward = scaled.to(device_);
    losses_ = agent_->update(rollout, progress, rng_).metrics;
    ++updates_;
  }

  TrainingCounts counts() const override {
    return {.position = steps_, .steps = steps_, .updates = updates_};
  }

  Agent& agent() override { return *agent_; }

  TrainingRow metrics() override {
    TrainingRow row = episode_row(episodes_);
    episodes_.clear();
    for (auto& metric : read_metrics(losses_)) row.values.push_back(std::move(metric));
    return row;
  }

  void state(StateList& list) override {
    agent_->state(list);
    list.add("steps", steps_);
    list.add("updates", updates_);
    list.add("learning.rng", rng_);
    list.add("actor", *actor_);
    list.add("rollout", store_);
    if (normalizes_reward_) list.add("reward_scale", reward_scale_);
    list_state(list, *environments_.env);
    list.after_load([this] {
      REVERIE_CHECK(steps_ >= 0 && updates_ >= 0,
                    "state.json: steps {} and updates {}, expected at least 0", steps_, updates_);
    });
  }

 private:
  void step() {
    const TensorMap obs = store_.observations();
    agent_->observe(obs);
    const Decision decision = actor_->act(obs);
    const at::Tensor action = decision.action.contiguous();
    check_finite(action, "the actions", losses_);
    const VectorStep step =
        environments_.adapter.step(environments_.env->step(environments_.adapter.actions(action)));
    store_.add(action, decision.extra, step);
    steps_ += num_envs_;
    episodes_.insert(episodes_.end(), step.finished.begin(), step.finished.end());
    if (!step.finished.empty()) actor_->on_episode_start(ended_envs(step));
  }

  const int64_t num_envs_;
  const bool normalizes_reward_;
  const int64_t length_;
  const uint64_t seed_;
  const at::Device device_;
  GatheringEnvs environments_;
  std::unique_ptr<RolloutAgent> agent_;
  std::unique_ptr<Actor> actor_;
  RolloutStore store_;
  RunningRewardScale reward_scale_;
  Rng rng_;  // of learning
  int64_t steps_ = 0;
  int64_t updates_ = 0;
  TensorMap losses_;               // of the last update, on the device
  std::vector<Episode> episodes_;  // ended since the last row of the log
};

}  // namespace

std::unique_ptr<Trainer> RolloutTraining::make(const RunConfig& config, const Say& say) const {
  auto trainer = std::make_unique<RolloutTrainer>(config, *this);
  say_where_it_ends(say, config.total_steps(), trainer->turn_steps(), "a rollout has");
  return trainer;
}

}  // namespace reverie
