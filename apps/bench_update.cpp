#include "apps/bench_update.h"

#include "agents/ddpg/ddpg.h"
#include "agents/fb/fb.h"
#include "agents/iql/iql.h"
#include "agents/registry.h"
#include "agents/sac/sac.h"
#include "agents/space_adapter.h"
#include "agents/td3/td3.h"
#include "agents/td7/td7.h"
#include "envs/registry.h"
#include "nn/device.h"
#include "nn/pch.h"

namespace reverie {
namespace {

struct Shape {
  int64_t observation, action;
};

// The functions *_products() count the multiply-adds of one transition's update: each network once
// forward and, where it learns, twice that backward. A network that only passes gradients on takes
// once its forward pass backward. Input gradients of first layers are left out.

// Weights of a perceptron.
double weights(int64_t inputs, const std::vector<int64_t>& hidden, int64_t outputs) {
  double sum = 0.0;
  for (const int64_t width : hidden) {
    sum += static_cast<double>(inputs * width);
    inputs = width;
  }
  return sum + static_cast<double>(inputs * outputs);
}

double ddpg_products(const Shape& n) {
  const DdpgConfig config;
  const double actor = weights(n.observation, config.hidden_sizes, n.action);
  const double critic = weights(n.observation + n.action, config.hidden_sizes, 1);
  return (actor + critic) + 3 * critic + (3 * actor + 2 * critic);
}

double td3_products(const Shape& n) {
  const Td3Config config;
  const double actor = weights(n.observation, config.hidden_sizes, n.action);
  const double critic = weights(n.observation + n.action, config.hidden_sizes, 1);
  return (actor + 2 * critic) + 3 * 2 * critic +
         (3 * actor + 2 * critic) / static_cast<double>(config.policy_delay);
}

double sac_products(const Shape& n) {
  const SacConfig config;
  const double actor = weights(n.observation, config.hidden_sizes, 2 * n.action);
  const double critic = weights(n.observation + n.action, config.hidden_sizes, 1);
  return (actor + 2 * critic) + 3 * 2 * critic + (3 * actor + 2 * 2 * critic);
}

double td7_products(const Shape& n) {
  const Td7Config config;
  const int64_t hidden = config.hidden_size, z = config.embedding_size;
  const double f = weights(n.observation, {hidden, hidden}, z);
  const double g = weights(z + n.action, {hidden, hidden}, z);
  const double critic = static_cast<double>((n.observation + n.action) * hidden) +
                        weights(hidden + 2 * z, {hidden, hidden}, 1);
  const double actor =
      static_cast<double>(n.observation * hidden) + weights(hidden + z, {hidden, hidden}, n.action);
  const double embeddings = f + 3 * (f + g);
  const double targets = f + actor + g + 2 * critic;
  const double critics = f + g + 3 * 2 * critic;
  const double policy = 3 * actor + 2 * g + 2 * 2 * critic;
  return embeddings + targets + critics + policy / static_cast<double>(config.policy_delay);
}

double iql_products(const Shape& n) {
  const IqlConfig config;
  const double actor = weights(n.observation, config.hidden_sizes, n.action);
  const double value = weights(n.observation, config.hidden_sizes, 1);
  const double critic = weights(n.observation + n.action, config.hidden_sizes, 1);
  return 2 * critic + 3 * value + 2 * value + 3 * actor + 3 * 2 * critic;
}

double fb_products(const Shape& n) {
  const FbConfig config;
  const int64_t h = config.hidden_size, d = config.task_size;
  const auto branch = [&](int64_t inputs) { return weights(inputs, {h}, h / 2); };
  const double f =
      branch(n.observation + n.action) + branch(n.observation + d) + 2 * weights(h, {h}, d);
  const double b = weights(n.observation, {h, h}, d);
  const double actor =
      branch(n.observation) + branch(n.observation + d) + weights(h, {h}, n.action);
  const double pairs = static_cast<double>(config.minibatch * d);  // F B^T of one member, or B B^T
  const double targets = actor + f + b + 2 * pairs;
  const double tasks = config.goal_share * b;
  return targets + tasks + 3 * (f + b) + 3 * (2 * pairs + pairs) + 3 * actor + 2 * f;
}

struct UpdateBench {
  std::string agent;
  std::string env;
  double (*products)(const Shape& shape);
  bool has_peer = false;  // bench/peers/torch_update.py has a twin
};

const std::vector<UpdateBench> kUpdates = {
    {"ddpg", "maze2d-umaze", &ddpg_products, true}, {"td3", "half-cheetah", &td3_products},
    {"sac", "half-cheetah", &sac_products},         {"td7", "half-cheetah", &td7_products},
    {"iql", "maze2d-medium", &iql_products, true},  {"fb", "maze2d-medium", &fb_products, true},
};

constexpr int64_t kTransitions = 256;  // that of all their configs

// Drawn once.
Batch fixed_batch(const Shape& n) {
  return {.obs = {{"observation", at::randn({kTransitions, n.observation})}},
          .next_obs = {{"observation", at::randn({kTransitions, n.observation})}},
          .action = at::rand({kTransitions, n.action}) * 2 - 1,
          .reward = at::randn({kTransitions}),
          .discount = at::full({kTransitions}, 0.99),
          .index = at::arange(kTransitions),
          .next_action = at::rand({kTransitions, n.action}) * 2 - 1,
          .has_next_action = at::ones({kTransitions})};
}

}  // namespace

std::vector<BenchResult> bench_update(const BenchFlags& flags) {
  const at::Device device = open_device("cpu");
  std::vector<BenchResult> results;
  for (const int64_t count : flags.threads) {
    const auto threads = static_cast<int>(count);
    set_compute_threads(threads);
    bool first = true;
    for (const UpdateBench& bench : named_agents(kUpdates, flags)) {
      const EnvSpec spec = SpaceAdapter::adapt(find_env(bench.env).config()->spec());
      const Shape shape{.observation = spec.observation[0].numel(),
                        .action = std::get<Field>(spec.action).numel()};
      const auto agent = find_agent(bench.agent).config()->make(spec, device, 0);
      auto& learner = dynamic_cast<TransitionAgent&>(*agent);
      const Batch batch = fixed_batch(shape);
      const Measurement ours = [&](double seconds) {
        return calls_per_second([&] { learner.update(batch); }, seconds);
      };
      const Measurement peak = [](double seconds) { return gemm_peak(seconds); };
      const auto torch_python = [&](const char* extra) -> Measurement {
        return [&flags, &bench, &shape, threads, extra](double seconds) -> std::optional<double> {
          if (!flags.peers || !bench.has_peer) return std::nullopt;
          return run_peer(
              fmt::format("torch_update.py --agent {} --observation {} --action {} --threads {} "
                          "--seconds {} {}",
                          bench.agent, shape.observation, shape.action, threads, seconds, extra),
              "updates_per_second");
        };
      };
      const auto measured = measure_in_turns(
          {ours, peak, torch_python(""), torch_python("--fused")}, flags.seconds, /*rounds=*/3);
      const double flops = 2.0 * kTransitions * bench.products(shape);
      if (first) {
        results.push_back(
            {.name = "gemm-2048", .value = *measured[1], .unit = "GFLOP/s", .threads = threads});
        first = false;
      }
      BenchResult result{.name = bench.agent + "-256x256-batch-256",
                         .value = *measured[0],
                         .unit = "updates/s",
                         .threads = threads,
                         .limit = *measured[1] * 1e9 / flops};
      if (bench.has_peer) {
        result.peers = {{"torch-python", measured[2]}, {"torch-python-fused-adam", measured[3]}};
      }
      results.push_back(std::move(result));
    }
  }
  return results;
}

}  // namespace reverie
