#include "runs/collector.h"

#include <algorithm>
#include <cstring>

#include "envs/maze/waypoint_driver.h"
#include "envs/thread_pool.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr int64_t kMaxLanes = 8;
constexpr int64_t kStepsPerRound = 1024;  // for a lane without a policy
constexpr double kTargetNoise = 0.1;      // [m] half width, as D4RL draws its targets

void append_bytes(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// Keeps the first `rows` rows of a column.
void cut_rows(std::vector<std::byte>& column, int64_t rows, const Field& field) {
  column.resize(static_cast<size_t>(rows) * field.bytes());
}

// The first `length` steps of an episode; the result of the last one is known.
void cut_episode(EpisodeData& episode, int64_t length, const DatasetSchema& schema) {
  for (size_t f = 0; f < schema.observation.size(); ++f) {
    cut_rows(episode.observation[f], length + 1, schema.observation[f]);
  }
  for (size_t f = 0; f < schema.info.size(); ++f) {
    cut_rows(episode.info[f], length + 1, schema.info[f]);
  }
  cut_rows(episode.action, length, schema.action);
  episode.reward.resize(static_cast<size_t>(length));
  episode.terminated.resize(static_cast<size_t>(length));
  episode.truncated.resize(static_cast<size_t>(length));
}

// Adds noise to a Box action and clips it to its bounds.
template <typename T>
void disturb(std::span<T> action, const Field& field, double noise, Rng& rng) {
  for (size_t i = 0; i < action.size(); ++i) {
    double value = static_cast<double>(action[i]) + noise * rng.standard_normal();
    if (!field.low.empty()) {
      value = std::clamp<double>(value, field.low[field.low.size() == 1 ? 0 : i],
                                 field.high[field.high.size() == 1 ? 0 : i]);
    }
    action[i] = static_cast<T>(value);
  }
}

maze::Position get_position(const PhysicsState& physics, std::string_view part) {
  maze::Position position{};
  physics.get(part, position);
  return position;
}

}  // namespace

// One environment: its current episode, and those it has finished since the last round.
struct Collector::Lane {
  Rng rng{0};
  EpisodeData episode;
  std::vector<EpisodeData> finished;
  std::vector<double> part;  // a part of the physics

  // With the waypoint controller.
  const maze::MazePhysics* maze = nullptr;
  std::optional<maze::WaypointController> controller;
  maze::Position target{};
  // D4RL's generator records the controller's target, which is not the environment's goal.
  bool names_target = false;

  void begin(EnvLane& env, FieldViews obs, std::span<const PhysicsState::Part> parts) {
    episode = {};
    episode.observation.resize(obs.size());
    episode.info.resize(parts.size());
    episode.seed = static_cast<int64_t>(env.seed);
    record_state(env, obs, parts);
  }

  // What the environment shows and the simulator's values, before the next action or after the last
  // one.
  void record_state(EnvLane& env, FieldViews obs, std::span<const PhysicsState::Part> parts) {
    for (size_t f = 0; f < obs.size(); ++f) {
      append_bytes(episode.observation[f], {obs[f].data, obs[f].field->bytes()});
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      part.resize(parts[i].size);
      env.env->physics()->get(parts[i].name, part);
      if (names_target && parts[i].name == "desired_goal")
        part.assign(target.begin(), target.end());
      append_bytes(episode.info[i], std::as_bytes(std::span<const double>(part)));
    }
  }

  // The column `policy_index`, after the simulator's.
  void note_policy(int64_t index) {
    const std::vector<int64_t> column(static_cast<size_t>(episode.length() + 1), index);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(column));
    episode.info.emplace_back(bytes.begin(), bytes.end());
  }
};

int64_t Collector::lanes(const EnvSpec& spec, bool drives, const CollectOptions& options) {
  if (options.lanes > 0) return options.lanes;
  // No more than are needed to gather the steps in whole episodes; the rest would be discarded.
  const int64_t length = std::max<int64_t>(drives ? options.target_limit : spec.max_steps, 1);
  return std::clamp<int64_t>(options.steps / length, 1, kMaxLanes);
}

Collector::Collector(const EnvMaker& make, Actor* policy, const CollectOptions& options)
    : policy_(policy), options_(options) {
  const std::unique_ptr<Env> first = make();
  const int64_t lanes = Collector::lanes(first->spec(), drives(), options_);
  REVERIE_CHECK(
      drives() || first->spec().max_steps > 0,
      "{}: its episodes have no limit, and only whole episodes are kept; add --time-limit N",
      first->spec().id);
  env_lanes_ = make_lanes(make, lanes);
  fields_ = first->spec().observation;
  action_space_ = first->spec().action;
  action_field_ = action_field(action_space_);
  REVERIE_CHECK(options_.noise == 0.0 || action_field_.dtype != DType::kInt64,
                "--noise: {} has discrete actions; normal noise needs continuous ones",
                first->spec().id);
  schema_.observation = fields_;
  schema_.action = action_field_;
  if (first->physics() != nullptr) parts_ = first->physics()->parts();
  for (const PhysicsState::Part& part : parts_) {
    Field field{.name = part.name == "desired_goal" ? "goal" : part.name,
                .shape = {static_cast<int64_t>(part.size)},
                .dtype = DType::kFloat64};
    if (part.is_scalar) field.shape.clear();
    schema_.info.push_back(std::move(field));
  }
  if (options_.mixture != nullptr) {
    schema_.info.push_back({.name = "policy_index", .shape = {}, .dtype = DType::kInt64});
  }
  obs_ = FieldRows(fields_, lanes);
  if (!drives()) adapter_.emplace(first->spec(), lanes);
  final_obs_ = FieldRows(fields_, lanes);
  reward_.resize(static_cast<size_t>(lanes));
  terminated_.resize(static_cast<size_t>(lanes));
  truncated_.resize(static_cast<size_t>(lanes));
  actions_.resize(static_cast<size_t>(lanes) * action_field_.bytes());
  started_.assign(static_cast<size_t>(lanes), 1);
  lanes_ = std::vector<Lane>(static_cast<size_t>(lanes));
  relabels_ = drives() && first->spec().id.starts_with("maze2d-");
  REVERIE_CHECK(!relabels_ || first->physics()->reward(),
                "{}: the waypoint generator stores the reward of a state, and with --frame-skip a "
                "reward is a sum over several; expected --frame-skip 1",
                first->spec().id);
  for (size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    lane.rng = Rng(mix_seed({options_.seed, i, 1}));
    if (!drives()) continue;
    lane.maze = &maze::point_maze_physics(*env_lanes_[i].env);
    lane.controller.emplace(lane.maze->layout(), mix_seed({options_.seed, i, 2}));
    lane.names_target = relabels_;
  }
}

Collector::~Collector() = default;

void Collector::start_lane(size_t i) {
  EnvLane& env = env_lanes_[i];
  Lane& lane = lanes_[i];
  env.start(options_.seed, i, obs_.row(i));
  ++env.episode;
  started_[i] = 1;
  if (drives()) {
    lane.controller->reset();
    draw_target(lane, env, obs_.row(i));
  }
  lane.begin(env, obs_.row(i), parts_);
}

// Any free cell, as D4RL draws it. If the goal is part of the task, the target becomes the goal.
void Collector::draw_target(Lane& lane, EnvLane& env, FieldViews obs) {
  const std::vector<maze::Position>& cells = lane.maze->layout().open;
  lane.target = cells[static_cast<size_t>(lane.rng.choice(static_cast<int64_t>(cells.size())))];
  for (double& x : lane.target) x += lane.rng.uniform(-kTargetNoise, kTargetNoise);
  if (relabels_) return;
  env.env->physics()->set("desired_goal", lane.target);
  env.env->physics()->observe(obs);
}

void Collector::act() {
  const at::Tensor mask =
      at::from_blob(started_.data(), {static_cast<int64_t>(started_.size())}, at::kByte)
          .to(at::kBool);
  std::fill(started_.begin(), started_.end(), uint8_t{0});
  TransitionLearner* learner = options_.learner;
  const FieldViews obs = adapter_->observations(obs_.all());
  if (learner != nullptr) {
    if (learner->steps() == 0) learner->start(obs);
    decided_ = learner->choose_actions(obs);
  } else {
    policy_->on_episode_start(mask);
    decided_ = policy_->act(borrow_tensors(obs)).action;
  }
  const ConstFieldView rows = adapter_->actions(decided_);
  std::copy_n(rows.data, actions_.size(), actions_.begin());
}

void Collector::store_for_learner() {
  options_.learner->add(taken_actions(), adapter_->step({.obs = obs_.all(),
                                                         .final_obs = final_obs_.all(),
                                                         .reward = reward_,
                                                         .terminated = terminated_,
                                                         .truncated = truncated_}));
}

// The actions that the environments executed, including noise, in the learner's form.
at::Tensor Collector::taken_actions() const {
  if (options_.noise == 0.0) return decided_;
  at::Tensor taken = at::empty_like(decided_);
  const Field unit = action_field(adapter_->spec().action);
  const auto lanes = static_cast<int64_t>(lanes_.size());
  ActionScale(action_space_)
      .to_unit({&action_field_, actions_.data(), lanes},
               {&unit, static_cast<std::byte*>(taken.mutable_data_ptr()), lanes});
  return taken;
}

void Collector::choose_waypoint_action(Lane& lane, std::span<std::byte> action, bool& solved) {
  const maze::Position position = get_position(*lane.maze, "qpos");
  const maze::Position velocity = get_position(*lane.maze, "qvel");
  const auto command = lane.controller->act(position, velocity, lane.target);
  solved = command.solved;
  const std::span<float> out = FieldView{&action_field_, action.data(), 1}.as<float>();
  for (size_t axis = 0; axis < 2; ++axis) out[axis] = static_cast<float>(command.action[axis]);
}

void Collector::step_lane(size_t i) {
  EnvLane& env = env_lanes_[i];
  Lane& lane = lanes_[i];
  const size_t action_bytes = action_field_.bytes();
  const std::span<std::byte> action = std::span(actions_).subspan(i * action_bytes, action_bytes);
  bool solved = false;
  if (drives()) choose_waypoint_action(lane, action, solved);
  if (options_.noise > 0.0) {
    const FieldView view{&action_field_, action.data(), 1};
    if (action_field_.dtype == DType::kFloat64) {
      disturb(view.as<double>(), action_field_, options_.noise, lane.rng);
    } else {
      disturb(view.as<float>(), action_field_, options_.noise, lane.rng);
    }
  }
  const double before = relabels_ ? env.env->physics()->reward().value() : 0.0;
  StepResult step = env.step({&action_field_, action.data(), 1}, obs_.row(i));
  if (relabels_) step.reward = before;
  const bool ended = step.terminated || step.truncated;
  const bool limit = drives() && lane.episode.length() + 1 == options_.target_limit;
  const bool retarget = !ended && (solved || limit);
  reward_[i] = step.reward;
  terminated_[i] = step.terminated ? 1 : 0;
  truncated_[i] = step.truncated ? 1 : 0;
  append_bytes(lane.episode.action, action);
  lane.episode.reward.push_back(static_cast<float>(step.reward));
  lane.episode.terminated.push_back(step.terminated ? 1 : 0);
  lane.episode.truncated.push_back(step.truncated || retarget ? 1 : 0);
  lane.record_state(env, obs_.row(i), parts_);
  if (!ended && !retarget) return;
  if (options_.mixture != nullptr) lane.note_policy(options_.mixture->playing(i));
  lane.finished.push_back(std::move(lane.episode));
  if (ended) {
    copy_row(obs_.row(i), final_obs_.row(i));
    start_lane(i);
  } else {
    draw_target(lane, env, obs_.row(i));
    lane.begin(env, obs_.row(i), parts_);
  }
}

// An exception stays in the lane, because a round must not throw.
void Collector::run_lane(size_t i) {
  EnvLane& env = env_lanes_[i];
  try {
    if (env.episode == 0) start_lane(i);
    for (int64_t k = drives() ? kStepsPerRound : 1; k > 0; --k) step_lane(i);
  } catch (...) {
    env.error = std::current_exception();
  }
}

void Collector::rethrow_failure() {
  for (size_t i = 0; i < env_lanes_.size(); ++i) {
    if (env_lanes_[i].error) {
      env_lanes_[i].rethrow(i, static_cast<int64_t>(env_lanes_.size()));
    }
  }
}

// One round of all environments.
void Collector::step_lanes(ThreadPool& pool) {
  const auto work = [](void* self, int64_t i) {
    static_cast<Collector*>(self)->run_lane(static_cast<size_t>(i));
  };
  Pace pace = Pace::kGather;
  if (options_.learner != nullptr) {
    while ((pace = options_.learner->pace()) == Pace::kLearn) options_.learner->learn();
  }
  if (!drives()) act();
  ThreadPool::Round round(pool, static_cast<int64_t>(lanes_.size()), work, this);
  if (pace == Pace::kTogether) options_.learner->learn();
  round.wait();
  rethrow_failure();
  if (options_.learner != nullptr) store_for_learner();
}

std::exception_ptr Collector::run(DatasetWriter& writer, const std::atomic<bool>& stop,
                                  const std::function<void(const EpisodeData&)>& on_episode) {
  ThreadPool pool(std::min(options_.threads, static_cast<int>(lanes_.size())));
  const auto write = [&](EpisodeData& episode) {
    const int64_t left = options_.steps - writer.steps();
    if (left <= 0) return;
    if (episode.length() > left) cut_episode(episode, left, schema_);
    writer.append(episode);
    on_episode(episode);
  };
  if (!drives()) {
    for (size_t i = 0; i < lanes_.size(); ++i) start_lane(i);
  }
  while (writer.steps() < options_.steps && !stop) {
    std::exception_ptr failure;
    try {
      step_lanes(pool);
    } catch (...) {
      failure = std::current_exception();
    }
    for (Lane& lane : lanes_) {
      for (EpisodeData& episode : lane.finished) write(episode);
      lane.finished.clear();
    }
    if (failure) return failure;
  }
  return nullptr;
}

}  // namespace reverie
