#include "agents/training/transition_learner.h"

#include <algorithm>
#include <cmath>

#include "agents/random/random_agent.h"
#include "agents/training/dataset_split.h"
#include "agents/training/gathering.h"
#include "agents/training/hindsight.h"
#include "nn/device.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr double kLeastPriority = 1e-6;  // epsilon of Schaul et al. 2016, section 3.3

// The number of dataset observations for running statistics: enough for three digits.
constexpr int64_t kStatisticsBatches = 64;
constexpr int64_t kStatisticsBatch = 1024;

}  // namespace

Batch MixedSource::sample(int64_t batch, const SampleSpec& spec, Rng& rng) const {
  const bool has_gathered = gathered_ != nullptr && gathered_->size() > 0;
  if (dataset_ == nullptr) return gathered_->sample(batch, spec, rng);
  if (!has_gathered) return dataset_->sample(batch, spec, rng);
  const int64_t of_dataset = std::llround(share_ * static_cast<double>(batch));
  if (of_dataset == batch) return dataset_->sample(batch, spec, rng);
  if (of_dataset == 0) return gathered_->sample(batch, spec, rng);
  const Batch first = dataset_->sample(of_dataset, spec, rng);
  const Batch second = gathered_->sample(batch - of_dataset, spec, rng);
  const auto join = [](const TensorMap& a, const TensorMap& b) {
    TensorMap out;
    for (const auto& [name, values] : a) out.add(name, at::cat({values, b.at(name)}));
    return out;
  };
  Batch out{.obs = join(first.obs, second.obs),
            .next_obs = join(first.next_obs, second.next_obs),
            .action = at::cat({first.action, second.action}),
            .reward = at::cat({first.reward, second.reward}),
            .discount = at::cat({first.discount, second.discount}),
            .index = at::cat({first.index, second.index})};
  if (spec.future) out.future_obs = join(first.future_obs, second.future_obs);
  if (!spec.next_action) return out;
  out.next_action = at::cat({first.next_action, second.next_action});
  out.has_next_action = at::cat({first.has_next_action, second.has_next_action});
  return out;
}

TransitionLearner::TransitionLearner(const RunConfig& config, const TransitionTraining& training,
                                     const EnvSpec& spec, int64_t num_envs,
                                     const TrainingConfig::Say& say)
    : gathering_(training.gathering),
      priority_(training.priority),
      num_envs_(num_envs),
      action_field_(action_field(spec.action)),
      agent_(make_agent_of<TransitionAgent>(config, spec, "transitions")),
      goals_(hindsight_goals(config, training.hindsight)),
      source_(nullptr, nullptr, 0.0),
      // Batches drawn ahead would miss the priorities that the batch before them sets.
      batches_(source_, Rng(config.seed_for("sampling")),
               training.replay.prefetch && !prioritized()),
      statistics_seed_(config.seed_for("observation statistics")) {
  refuse_extra_fields(*agent_, config.agent);
  const at::Device device = open_device(config.device);
  const ReplayOptions options = training.replay.buffer_options(priority_.priority_exponent);
  if (const std::string& path = training.data.path; !path.empty()) {
    REVERIE_CHECK(!prioritized() || num_envs == 0,
                  "--priority-exponent: a dataset and gathered experience share no priorities; "
                  "leave it at 0, or learn from one of them");
    if (say) say(fmt::format("reading {}", path));
    const std::unique_ptr<Dataset> dataset = open_dataset_for(spec, path);
    identity_ = DatasetIdentity::of(*dataset);
    dataset_ =
        load_transitions(*dataset, training.data.best_episodes, config, spec, device, options);
  }
  if (num_envs > 0) {
    replay_.emplace(spec, training.replay.replay_capacity, num_envs, device, options);
    actor_ = agent_->actor(num_envs, {ActMode::kExplore}, config.seed_for("exploration"));
    const auto* follower = dynamic_cast<const FollowsPrior*>(agent_.get());
    Agent* const prior = follower != nullptr ? follower->prior() : nullptr;
    warmup_actor_ = prior != nullptr
                        ? prior->actor(num_envs, {ActMode::kExplore}, config.seed_for("warm-up"))
                        : make_random_actor(spec, config.seed_for("warm-up"));
  }
  source_ = MixedSource(dataset_.get(), replay_ ? &*replay_ : nullptr, training.data.share);
}

SampleRequest TransitionLearner::request() const {
  SampleRequest request = agent_->request();
  request.spec.prioritized = prioritized();
  request.spec.beta = priority_.priority_beta;
  request.spec.goals = goals_;
  return request;
}

void TransitionLearner::start(FieldViews obs) {
  replay_->start(obs);
  actor_->on_episode_start(at::ones({num_envs_}, at::kBool));
}

at::Tensor TransitionLearner::choose_actions(FieldViews obs) {
  const TensorMap tensors = borrow_tensors(obs);
  agent_->observe(tensors);
  if (steps_ < warm_up()) return warmup_actor_->act(tensors).action;
  at::Tensor actions = actor_->act(tensors).action.contiguous();
  // Weights that are not finite show in the next action, before a log or a checkpoint is due.
  check_finite(actions, "the actions", losses_);
  return actions;
}

void TransitionLearner::update(const Batch& batch) {
  Learned learned = agent_->update(batch);
  losses_ = std::move(learned.metrics);
  ++updates_;
  if (prioritized()) set_priorities(batch, learned.td_error);
}

Pace TransitionLearner::pace() { return agent_->pace(static_cast<int64_t>(owed_updates_)); }

void TransitionLearner::learn(int64_t most) {
  const int64_t updates = std::min(most, static_cast<int64_t>(owed_updates_));
  const SampleRequest wanted = request();
  batches_.request(updates, wanted.batch, wanted.spec);
  for (int64_t i = 0; i < updates; ++i) update(batches_.next());
  owed_updates_ -= static_cast<double>(updates);
}

void TransitionLearner::learn_from_dataset() {
  if (updates_ == 0) observe_dataset();
  const SampleRequest wanted = request();
  batches_.request(1, wanted.batch, wanted.spec);
  update(batches_.next());
}

// Normally the gathering code updates the running statistics of observations; here nothing gathers.
void TransitionLearner::observe_dataset() {
  Rng rng(statistics_seed_);
  for (int64_t i = 0; i < kStatisticsBatches; ++i) {
    agent_->observe(dataset_->sample(kStatisticsBatch, {}, rng).obs);
  }
}

void TransitionLearner::set_priorities(const Batch& batch, const at::Tensor& td_error) {
  REVERIE_CHECK(
      td_error.defined(),
      "--priority-exponent: this agent reports no temporal-difference errors; leave it at 0");
  const at::Tensor priority = td_error.abs() + kLeastPriority;
  check_finite(priority, "the temporal-difference errors", losses_);
  (replay_ ? *replay_ : *dataset_).update_priorities(batch.index, priority);
}

void TransitionLearner::add(const at::Tensor& actions, const VectorStep& step) {
  replay_->add(view_of(action_field_, actions), step);
  if (steps_ >= warm_up()) {
    owed_updates_ += static_cast<double>(num_envs_) * gathering_.updates_per_step;
    for (const Episode& episode : step.finished) agent_->on_episode_end(episode);
  }
  steps_ += num_envs_;
  const at::Tensor ended = ended_envs(step);
  if (ended.any().item<bool>()) actor_->on_episode_start(ended);
}

Metrics TransitionLearner::metrics() const { return read_metrics(losses_); }

void TransitionLearner::state(StateList& list, bool with_replay) {
  agent_->state(list);
  list.add("steps", steps_);
  list.add("updates", updates_);
  list.add("owed_updates", owed_updates_);
  list.add_text(
      "sampling.rng", [this] { return batches_.rng().to_string(); },
      [this](const std::string& text) { batches_.set_rng(Rng::from_string(text)); });
  if (identity_) identity_->state(list);
  list.after_load([this] {
    REVERIE_CHECK(steps_ >= 0 && updates_ >= 0 && owed_updates_ >= 0.0 && owed_updates_ <= 1e9,
                  "state.json: steps {}, updates {} and owed_updates {}, expected at least 0",
                  steps_, updates_, owed_updates_);
  });
  if (!replay_) return;
  list.add("actor", *actor_);
  list.add("warm_up", *warmup_actor_);
  if (with_replay) replay_->list_state(list, "replay");
}

}  // namespace reverie
