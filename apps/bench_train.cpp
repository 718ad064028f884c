#include "apps/bench_train.h"

#include "agents/run_config.h"
#include "agents/training/trainer.h"
#include "core/clock.h"
#include "nn/device.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr int64_t kBenchSteps = int64_t{1} << 40;  // of the run: it never ends by itself

// The options of a run that the peer (bench/peers/stable_baselines3_train.py) has too.
struct TrainBench {
  std::string agent;
  std::string env;
  std::string peer_env;
  std::vector<std::pair<std::string, std::string>> options;
};

const std::vector<std::pair<std::string, std::string>> kOffPolicy = {
    {"num_envs", "1"},           {"learning_starts", "200"}, {"updates_per_step", "1"},
    {"hidden_sizes", "256,256"}, {"minibatch", "256"},       {"replay_capacity", "100000"}};

const std::vector<TrainBench> kTrainings = {
    {"td3", "half-cheetah", "HalfCheetah-v5", kOffPolicy},
    {"sac", "half-cheetah", "HalfCheetah-v5", kOffPolicy},
    {"ppo",
     "car-racing",
     "CarRacing-v3",
     {{"num_envs", "8"},
      {"rollout_steps", "64"},
      {"epochs", "10"},
      {"minibatch", "64"},
      {"shared_sizes", "512"},
      {"hidden_sizes", "[]"},
      {"activation", "relu"},
      {"grey", "true"},
      {"resize", "84x84"},
      {"frame_stack", "4"}}},
    {"dqn",
     "car-racing-discrete",
     "CarRacing-v3-discrete",
     {{"num_envs", "4"},
      {"learning_starts", "200"},
      {"updates_per_step", "0.25"},
      {"minibatch", "32"},
      {"hidden_sizes", "512"},
      {"replay_capacity", "20000"},
      {"double_q", "false"},
      {"grey", "true"},
      {"resize", "84x84"},
      {"frame_stack", "4"}}},
};

// Steps per second of whole turns, at least two, once it has learnt.
double training_rate(const TrainBench& bench, int threads, double seconds) {
  set_compute_threads(threads);
  const std::unique_ptr<RunConfig> config = make_run_config(bench.env, bench.agent);
  config->steps = kBenchSteps;
  config->threads = threads;
  const ConfigFields fields = config->fields();
  for (const auto& [name, value] : bench.options) fields.set(name, value);
  const std::unique_ptr<Trainer> trainer = config->training->make(*config, {});
  trainer->start();
  while (trainer->counts().updates == 0) trainer->turn();
  const double begin = steady_seconds();
  const int64_t before = trainer->counts().steps;
  const auto elapsed = [&] { return steady_seconds() - begin; };
  for (int turns = 0; turns < 2 || elapsed() < seconds; ++turns) trainer->turn();
  return static_cast<double>(trainer->counts().steps - before) / elapsed();
}

}  // namespace

std::vector<BenchResult> bench_train(const BenchFlags& flags) {
  std::vector<BenchResult> results;
  for (const int64_t count : flags.threads) {
    const auto threads = static_cast<int>(count);
    for (const TrainBench& bench : named_agents(kTrainings, flags)) {
      const Measurement ours = [&](double seconds) -> std::optional<double> {
        return training_rate(bench, threads, seconds);
      };
      const Measurement peer = [&](double seconds) -> std::optional<double> {
        if (!flags.peers) return std::nullopt;
        return run_peer(fmt::format("stable_baselines3_train.py --agent {} --env {} --threads {} "
                                    "--seconds {}",
                                    bench.agent, bench.peer_env, threads, seconds),
                        "steps_per_second");
      };
      const auto measured = measure_in_turns({ours, peer}, flags.seconds, /*rounds=*/3);
      results.push_back({.name = bench.agent + " " + bench.env,
                         .value = *measured[0],
                         .unit = "steps/s",
                         .threads = threads,
                         .peers = {{"stable-baselines3", measured[1]}}});
    }
  }
  return results;
}

}  // namespace reverie
