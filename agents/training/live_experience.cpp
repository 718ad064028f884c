#include <algorithm>
#include <cmath>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "agents/training/experience.h"
#include "agents/training/gathering.h"
#include "agents/training/vector_env_state.h"
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

// The replay buffer for some of the environments that step together.
class LaneReplay {
 public:
  LaneReplay(const EnvSpec& spec, const ReplaySettings& settings, int64_t capacity, int64_t first,
             int64_t count, at::Device device)
      : first_(first),
        count_(count),
        replay_(spec, capacity, count, device, settings.buffer_options()) {}

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

ActorMaker gathering_actor(const RunConfig& config, const std::string& name) {
  const AgentEntry& entry = find_agent(name);
  REVERIE_CHECK(entry.untrained.has_value(),
                "--gather-policy {}: needs training; expected one of {}", name, untrained_agents());
  return entry.untrained->make(config.env_config->maker());
}

class LiveExperience final : public Experience {
 public:
  LiveExperience(const RunConfig& config, const ExperienceOptions& training)
      : gathering_(training.gathering),
        saves_replay_(training.replay.save_replay),
        seed_(config.seed_for("environments")),
        lanes_(gathering_.num_envs),
        held_out_lanes_(held_out_lanes(training)),
        env_(gathering_env(config, lanes_ + held_out_lanes_, gathering_.limits)),
        adapter_(env_->spec(), lanes_ + held_out_lanes_),
        action_field_(action_field(adapter_.spec().action)),
        actor_(gathering_actor(config, training.gather_policy)(lanes_ + held_out_lanes_,
                                                               config.seed_for("actions"))),
        training_(adapter_.spec(), training.replay, training.replay.replay_capacity, 0, lanes_,
                  open_device(config.device)),
        held_out_(adapter_.spec(), training.replay, held_out_capacity(training), lanes_,
                  held_out_lanes_, open_device(config.device)) {
    env_->reset(seed_);
    const FieldViews obs = adapter_.observations(env_->observations());
    training_.start(obs);
    held_out_.start(obs);
    actor_->on_episode_start(at::ones({lanes_ + held_out_lanes_}, at::kBool));
  }

  const ReplayBuffer& training() const override { return training_.replay(); }
  const ReplayBuffer& held_out() const override { return held_out_.replay(); }

  void check_holds(int64_t steps, std::string_view why) const override {
    const int64_t limit = env_->spec().max_steps;
    REVERIE_CHECK(limit == 0 || limit >= steps,
                  "{}: episodes end after {} steps, the model needs {} ({})", env_->spec().id,
                  limit, steps, why);
    REVERIE_CHECK(gathering_.limits.stall_limit == 0 || gathering_.limits.stall_limit >= steps,
                  "--stall-limit {}: the model needs {} steps of an episode ({})",
                  gathering_.limits.stall_limit, steps, why);
    const int64_t each = gathering_.learning_starts / lanes_;
    REVERIE_CHECK(
        each >= steps,
        "--learning-starts {}: {} steps in each of {} environments, the model needs {} ({})",
        gathering_.learning_starts, each, lanes_, steps, why);
  }

  bool ready() const override { return steps_ >= gathering_.learning_starts; }

  int64_t advance(double& updates) override {
    const FieldViews obs = adapter_.observations(env_->observations());
    const at::Tensor decided = actor_->act(borrow_tensors(obs)).action;
    const at::Tensor actions = decided.to(scalar_type(action_field_.dtype)).contiguous();
    const VectorStep step = adapter_.step(env_->step(adapter_.actions(decided)));
    const ConstFieldView rows = view_of(action_field_, actions);
    training_.add(rows, step);
    held_out_.add(rows, step);
    note_ends(step);
    steps_ += lanes_;
    if (ready()) updates += static_cast<double>(lanes_) * gathering_.updates_per_step;
    return lanes_;
  }

  at::Tensor actions() const override { return training_.replay().actions(); }

  void state(StateList& list) override {
    list.add("experience.steps", steps_);
    list.add("experience.actor", *actor_);
    if (!saves_replay_) return;
    training_.replay().list_state(list, "replay");
    held_out_.replay().list_state(list, "held_out");
    list_state(list, *env_);
  }

 private:
  static int64_t held_out_lanes(const ExperienceOptions& training) {
    const double share = training.data.held_out / (1.0 - training.data.held_out);
    const auto lanes = static_cast<double>(training.gathering.num_envs);
    return std::max<int64_t>(1, std::llround(share * lanes));
  }

  int64_t held_out_capacity(const ExperienceOptions& training) const {
    return std::max<int64_t>(training.replay.replay_capacity * held_out_lanes_ / lanes_,
                             3 * held_out_lanes_);
  }

  void note_ends(const VectorStep& step) {
    if (step.finished.empty()) return;
    at::Tensor started = at::zeros({lanes_ + held_out_lanes_}, at::kBool);
    for (const Episode& episode : step.finished) started[episode.env] = true;
    actor_->on_episode_start(started);
  }

  const GatheringOptions gathering_;
  const bool saves_replay_;
  const uint64_t seed_;
  const int64_t lanes_, held_out_lanes_;
  std::unique_ptr<VectorEnv> env_;
  SpaceAdapter adapter_;
  Field action_field_;
  std::unique_ptr<Actor> actor_;
  LaneReplay training_, held_out_;
  int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<Experience> gather_experience(const RunConfig& config,
                                              const ExperienceOptions& training) {
  return std::make_unique<LiveExperience>(config, training);
}

}  // namespace reverie
