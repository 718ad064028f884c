#include "agents/evaluation.h"

#include <algorithm>
#include <cmath>

#include "agents/space_adapter.h"
#include "core/random.h"
#include "core/text.h"
#include "envs/threaded_vector_env.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Episodes run side by side; more would only cost memory.
constexpr int64_t kMaxLanes = 128;

}  // namespace

std::vector<Episode> evaluate(const ActorMaker& make_actor, const EnvMaker& make,
                              const EvaluationOptions& options) {
  REVERIE_CHECK(options.episodes >= 1, "evaluation: {} episodes, expected at least 1",
                options.episodes);
  const int64_t lanes = std::min(options.episodes, kMaxLanes);
  const size_t seeds = options.episode_seeds.size();
  REVERIE_CHECK(seeds == 0 || seeds == static_cast<size_t>(options.episodes),
                "evaluation: {} seeds of episodes for {} episodes, expected one each", seeds,
                options.episodes);
  ThreadedVectorEnv env(
      make,
      {.num_envs = lanes, .threads = options.threads, .episode_seeds = options.episode_seeds});
  SpaceAdapter adapter(env.spec(), lanes);
  const std::unique_ptr<Actor> actor =
      make_actor(lanes, mix_seed({options.seed, name_hash("evaluation")}));
  env.reset(options.seed);
  actor->on_episode_start(at::ones({lanes}, at::kBool));

  // Lane i plays the episodes i, i + lanes, ...: taking the first ones to end would favour short
  // ones.
  std::vector<Episode> episodes;
  for (int64_t left = options.episodes; left > 0;) {
    const FieldViews obs = adapter.observations(env.observations());
    env.step(adapter.actions(actor->act(borrow_tensors(obs)).action));
    if (env.finished().empty()) continue;
    at::Tensor started = at::zeros({lanes}, at::kBool);
    at::Tensor idle = at::zeros({lanes}, at::kBool);
    for (const Episode& episode : env.finished()) {
      const int64_t number = episode.index * lanes + episode.env;
      started[episode.env] = true;
      idle[episode.env] = number + lanes >= options.episodes;
      if (number >= options.episodes) continue;
      episodes.push_back(episode);
      --left;
    }
    actor->on_episode_start(started);
    actor->on_idle(idle);
    if (options.on_progress) options.on_progress(static_cast<int64_t>(episodes.size()));
  }
  std::sort(episodes.begin(), episodes.end(), [](const Episode& a, const Episode& b) {
    return std::pair(a.index, a.env) < std::pair(b.index, b.env);
  });
  return episodes;
}

std::vector<double> episode_returns(const std::vector<Episode>& episodes) {
  std::vector<double> values;
  for (const Episode& episode : episodes) values.push_back(episode.episode_return);
  return values;
}

std::vector<double> episode_metric(const std::vector<Episode>& episodes, std::string_view name) {
  std::vector<double> values;
  for (const Episode& episode : episodes) {
    const auto found = std::find_if(episode.metrics.begin(), episode.metrics.end(),
                                    [&](const auto& metric) { return metric.first == name; });
    values.push_back(found == episode.metrics.end() ? std::nan("") : found->second);
  }
  return values;
}

double mean_of_numbers(const std::vector<double>& values) {
  double sum = 0.0;
  int64_t count = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  return count == 0 ? std::nan("") : sum / static_cast<double>(count);
}

}  // namespace reverie
