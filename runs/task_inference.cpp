#include "runs/task_inference.h"

#include <algorithm>
#include <cmath>
#include <vector>

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

// Whether the reward of a step changes with the goal: it is computed once more for a goal where the
// body is.
bool depends_on_goal(StateReplay& replay, const EpisodeData& episode) {
  replay.begin(episode);
  const double own = replay.reward(0);
  replay.go_to(1);
  std::vector<double> place = replay.part("qpos");
  place.resize(replay.part(kGoalPart).size());
  replay.begin(episode);
  replay.set_goal(place);
  return replay.reward(0) != own;
}

bool has_goal(Env& env) {
  const PhysicsState* physics = env.physics();
  if (physics == nullptr) return false;
  for (const PhysicsState::Part& part : physics->parts()) {
    if (part.name == kGoalPart) return true;
  }
  return false;
}

}  // namespace

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
    if (rewards.empty() && has_goal(env) && !replay.has_fixed_goal()) {
      REVERIE_CHECK(
          !depends_on_goal(replay, episode),
          "{}: its goals change from episode to episode, and so does its reward, which is then no "
          "one task; expected one goal (--set goal=X/Y) or a run that is shown the goals "
          "(--goal-observation true)",
          env.spec().id);
    }
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
