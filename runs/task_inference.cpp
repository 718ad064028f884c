#include "runs/task_inference.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "envs/env_lane.h"
#include "envs/maze/goal_episode.h"
#include "nn/pch.h"
#include "recordings/state_replay.h"
#include "runs/observation_rows.h"

namespace reverie {
namespace {

constexpr int64_t kMostEpisodes = 500;  // reading an episode takes longer than a few of its states

// Up to `count` of the numbers 0 .. n - 1, ascending.
std::vector<int64_t> draw_some(int64_t n, int64_t count, Rng& rng) {
  std::vector<int64_t> drawn = rng.choice(n, std::min(count, n));
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

}  // namespace

void check_one_task(Env& env) {
  const maze::MazePhysics* maze = maze::find_maze(env);
  if (maze == nullptr || maze->has_fixed_goal()) return;
  PhysicsState* const physics = env.physics();
  FieldRows rows(env.spec().observation, 1);
  env.reset(0, rows.all());
  std::vector<double> goal(2);
  physics->get(kGoalPart, goal);
  // The body is put where the goal is, and the goal then moves away.
  for (const PhysicsState::Part& part : physics->parts()) {
    if (part.name != "qpos") continue;
    std::vector<double> qpos(part.size);
    physics->get("qpos", qpos);
    std::copy(goal.begin(), goal.end(), qpos.begin());
    physics->set("qpos", qpos);
  }
  const std::optional<double> near = physics->reward();
  physics->set(kGoalPart, std::vector<double>{goal[0] + 100.0, goal[1]});
  REVERIE_CHECK(
      near == physics->reward(),
      "{}: its goals change from episode to episode, and so does its reward, which is then no one "
      "task; expected one goal (--set goal=X/Y) or a run that is shown the goals "
      "(--goal-observation true)",
      env.spec().id);
}

void pursue_reward_of(TaskAgent& agent, Env& env, Dataset& dataset, int64_t count, uint64_t seed) {
  Rng rng(mix_seed({seed, 0x7461736bULL}));
  StateReplay replay(dataset, env);
  const auto episodes = static_cast<int64_t>(dataset.episodes().size());
  const std::vector<int64_t> chosen = draw_some(episodes, kMostEpisodes, rng);
  const int64_t taken = std::max<int64_t>(1, static_cast<int64_t>(chosen.size()));
  const int64_t each = (count + taken - 1) / taken;
  ObservationRows rows(env.spec());
  std::vector<float> rewards;
  for (const int64_t index : chosen) {
    const EpisodeData episode = dataset.read(index);
    replay.begin(episode);
    for (const int64_t t : draw_some(episode.length(), each, rng)) {
      const double reward = replay.reward(t);
      REVERIE_CHECK(std::isfinite(reward), "{}: episode {}, step {}: the reward of {} is {}",
                    dataset.path(), index, t, env.spec().id, reward);
      replay.go_to(t + 1);
      env.physics()->observe(replay.observation());
      rows.add(replay.observation());
      rewards.push_back(static_cast<float>(reward));
    }
  }
  const bool all_zero =
      std::all_of(rewards.begin(), rewards.end(), [](float reward) { return reward == 0.0F; });
  REVERIE_CHECK(
      !all_zero,
      "{}: the reward of {} is 0 in all of {} states; a task cannot be inferred from them",
      dataset.path(), env.spec().id, rewards.size());
  const at::Tensor kept = at::tensor(draw_some(static_cast<int64_t>(rewards.size()), count, rng));
  TensorMap obs;
  for (const auto& [name, values] : rows.joined()) obs.add(name, values.index_select(0, kept));
  agent.pursue(obs, at::tensor(rewards).index_select(0, kept));
}

}  // namespace reverie
