#include "agents/training/off_policy_learner.h"

#include <cmath>

#include "agents/action_box.h"
#include "agents/training/hindsight.h"
#include "agents/training/replay_options.h"
#include "nn/device.h"
#include "nn/finite.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr double kLeastPriority = 1e-6;  // epsilon of Schaul et al. 2016, section 3.3

}  // namespace

OffPolicyLearner::OffPolicyLearner(const RunConfig& config, const EnvSpec& spec, int64_t num_envs)
    : training_(config.training),
      action_(spec.action),
      num_envs_(num_envs),
      agent_(config.agent_config->make(spec, open_device(config.device), config.seed_for("agent"))),
      replay_(spec, training_.replay_capacity, num_envs, open_device(config.device),
              replay_options(training_)),
      goals_(hindsight_goals(config)),
      warmup_rng_(config.seed_for("warm-up")),
      // Drawn ahead, batches would not know the priorities that the one before them sets.
      batches_(replay_, Rng(config.seed_for("sampling")), training_.prefetch && !prioritized()) {}

SampleRequest OffPolicyLearner::request() const {
  SampleRequest request = agent_->request();
  request.spec.prioritized = prioritized();
  request.spec.beta = training_.priority_beta;
  request.spec.goals = goals_;
  return request;
}

void OffPolicyLearner::start(FieldViews obs) {
  replay_.start(obs);
  agent_->on_episode_start(at::ones({num_envs_}, at::kBool));
}

at::Tensor OffPolicyLearner::choose_actions(FieldViews obs) {
  const TensorMap tensors = borrow_tensors(obs);
  agent_->observe(tensors);
  if (step_ < training_.learning_starts) return uniform_actions(action_, num_envs_, warmup_rng_);
  at::Tensor actions = agent_->act(tensors, ActMode::kExplore).contiguous();
  // Weights that are not finite show in the very next action, before a log or a checkpoint is due.
  if (actions.is_floating_point() && !at::isfinite(actions).all().item<bool>()) {
    check_losses();
    fail_run("{}", failure("the actions are not finite"));
  }
  return actions;
}

void OffPolicyLearner::learn() {
  const auto updates = static_cast<int64_t>(owed_updates_);
  const SampleRequest wanted = request();
  batches_.request(updates, wanted.batch, wanted.spec);
  for (int64_t i = 0; i < updates; ++i) {
    const Batch batch = batches_.next();
    Learned learned = agent_->update(batch);
    losses_ = std::move(learned.metrics);
    ++updates_;
    if (prioritized()) set_priorities(batch, learned.td_error);
  }
  owed_updates_ -= static_cast<double>(updates);
}

void OffPolicyLearner::set_priorities(const Batch& batch, const at::Tensor& td_error) {
  REVERIE_CHECK(td_error.defined(),
                "--priority-exponent: this agent tells no TD errors to draw by; leave it at 0");
  const at::Tensor priority = td_error.abs() + kLeastPriority;
  if (!at::isfinite(priority).all().item<bool>()) {
    check_losses();
    fail_run("{}", failure("the TD errors are not finite"));
  }
  replay_.update_priorities(batch.index, priority);
}

void OffPolicyLearner::add(ConstFieldView actions, const VectorStep& step) {
  replay_.add(actions, step);
  if (step_ >= training_.learning_starts) {
    owed_updates_ += static_cast<double>(num_envs_) * training_.updates_per_step;
  }
  step_ += num_envs_;
}

std::string OffPolicyLearner::failure(const std::string& what) const {
  return fmt::format("{} at step {}{}{}", what, step_, advice_.empty() ? "" : "; ", advice_);
}

void OffPolicyLearner::check_losses() const {
  const std::string broken = find_not_finite(losses_);
  if (broken.empty()) return;
  fail_run("{}", failure(fmt::format("{} is {}", broken, losses_.at(broken).item<double>())));
}

void OffPolicyLearner::save(Checkpoint& checkpoint, bool with_replay) const {
  checkpoint.set("step", step_);
  checkpoint.set("updates", updates_);
  checkpoint.set("owed_updates", owed_updates_);
  checkpoint.set("warmup.rng", warmup_rng_.to_string());
  checkpoint.set("sampling.rng", batches_.rng().to_string());
  agent_->save(checkpoint);
  check_losses();
  const std::string broken = find_not_finite(checkpoint.group("model"));
  REVERIE_CHECK_RUN(broken.empty(), "{}",
                    failure(fmt::format("the weights {} are not finite", broken)));
  if (with_replay) replay_.save(checkpoint.group("replay"));
}

void OffPolicyLearner::load(const Checkpoint& saved) {
  step_ = saved.integer("step");
  updates_ = saved.integer("updates");
  REVERIE_CHECK(step_ >= 0 && updates_ >= 0,
                "state.json: step {} and updates {}, expected at least 0", step_, updates_);
  owed_updates_ = saved.number("owed_updates");
  REVERIE_CHECK(owed_updates_ >= 0.0 && owed_updates_ <= 1e9,
                "state.json: owed_updates is {}, expected 0 to 1e9", owed_updates_);
  warmup_rng_ = Rng::from_string(saved.text("warmup.rng"));
  batches_.set_rng(Rng::from_string(saved.text("sampling.rng")));
  agent_->load(saved);
  replay_.restore(saved.group("replay"));
}

}  // namespace reverie
