#include "apps/bench_plan.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "core/progress.h"
#include "core/random.h"
#include "core/statistics.h"
#include "nn/device.h"
#include "nn/pch.h"
#include "worldmodel/jepa/predictor.h"
#include "worldmodel/jepa/projector.h"
#include "worldmodel/planning/planner.h"

namespace reverie {
namespace {

constexpr int64_t kActionSize = 10;  // a block of five two-dimensional actions
constexpr int64_t kMixed = 10, kActionHidden = 768, kProjectorHidden = 2048;
constexpr int64_t kRounds = 3;

// LeWorldModel without its encoder, which runs once per plan. Weights are random, because they do
// not affect the speed.
class LatentDynamics final : public Dynamics {
 public:
  explicit LatentDynamics(Rng& rng)
      : action_encoder_(kActionSize, kMixed, kActionHidden, latent_size(), rng, at::kCPU),
        predictor_({}, rng, at::kCPU),
        projector_(latent_size(), kProjectorHidden, latent_size(), rng, at::kCPU) {}

  // z: the last latents, h: what the predictor remembers.
  LatentState predict(const LatentState& state, const at::Tensor& action) override {
    const Predictor::Step step = predictor_.step(state.z, state.h, action_encoder_(action));
    const at::Tensor next = projector_(step.next, ForwardMode::kInference).unsqueeze(1);
    const int64_t kept = std::min(state.z.size(1), PredictorOptions{}.frames - 1);
    return {at::cat({state.z.narrow(1, state.z.size(1) - kept, kept), next}, 1), step.memory};
  }

  bool differentiable() const override { return true; }

  static int64_t latent_size() { return PredictorOptions{}.latent_size; }

  // Multiply-adds of one rollout from one frame, times two.
  static double flops(int64_t horizon) {
    const PredictorOptions o;
    const int64_t inner = o.heads * o.head_size;
    const int64_t attended = o.width * 3 * inner + o.width * 6 * o.width;  // and modulated
    const int64_t behind = inner * o.width + 2 * o.width * o.hidden_size;
    const int64_t step = kActionSize * kMixed + kMixed * kActionHidden + kActionHidden * o.width +
                         2 * o.width * kProjectorHidden;
    int64_t sum = 0;
    for (int64_t t = 0; t < horizon; ++t) {
      const int64_t frames = t < o.frames ? 1 : o.frames;  // whose outputs are not known yet
      sum += step + o.depth * frames * attended + ((o.depth - 1) * frames + 1) * behind;
    }
    return 2.0 * static_cast<double>(sum);
  }

 private:
  ActionEncoder action_encoder_;
  Predictor predictor_;
  Projector projector_;
};

// Makes one plan after another.
class PlanTimer {
 public:
  explicit PlanTimer(const PlannerOptions& options)
      : options_(options), planner_(make_planner(options)), dynamics_(rng_) {
    PlannerOptions once = options;
    once.iterations = 1;
    make_planner(once)->plan(problem(), rng_);  // warm-up
  }

  double milliseconds() {
    const auto begin = std::chrono::steady_clock::now();
    planner_->plan(problem(), rng_);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
    return time.count();
  }

 private:
  PlanningProblem problem() {
    const auto distance = [this](const LatentState& last) {
      return (last.z.select(1, -1) - goal_).square().sum(1);
    };
    const at::Tensor limit = at::full({kActionSize}, 10.0);
    return {.dynamics = dynamics_,
            .start = {.z = at::randn({1, 1, LatentDynamics::latent_size()}), .h = {}},
            .cost = {.parts = {{.end = distance}}},
            .limits = {.low = -limit, .high = limit},
            .horizon = options_.horizon};
  }

  Rng rng_{0};
  PlannerOptions options_;
  std::unique_ptr<Planner> planner_;
  LatentDynamics dynamics_;
  at::Tensor goal_ = at::randn({LatentDynamics::latent_size()});
};

}  // namespace

std::vector<BenchResult> bench_plan(const BenchFlags& flags) {
  open_device("cpu");  // chooses how matrices are multiplied
  const PlannerOptions options;
  std::vector<BenchResult> results;
  for (const int64_t count : flags.threads) {
    const auto threads = static_cast<int>(count);
    set_compute_threads(threads);
    PlanTimer timer(options);
    std::vector<double> ours, torch_python, peak;
    ProgressBar progress(
        0, {.label = fmt::format("bench plan, {} threads", threads), .unit = "plans"});
    // A round is never less than one plan, so slow plans make fewer rounds of the time asked for.
    const double most = 1e3 * flags.seconds;
    for (double all_spent = 0.0; ours.empty() || all_spent < most;) {
      int64_t plans = 0;
      for (double spent = 0.0; plans < 1 || spent < most / kRounds; ++plans) {
        ours.push_back(timer.milliseconds());
        spent += ours.back();
        progress.update(static_cast<int64_t>(ours.size()));
      }
      all_spent = std::accumulate(ours.begin(), ours.end(), 0.0);
      peak.push_back(gemm_peak(0.5));
      if (!flags.peers) continue;
      const std::vector<double> more = run_peer_list(
          fmt::format("torch_plan.py --threads {} --samples {} --iterations {} --horizon {} "
                      "--elites {} --plans {}",
                      threads, options.samples, options.iterations, options.horizon, options.elites,
                      plans),
          "milliseconds");
      torch_python.insert(torch_python.end(), more.begin(), more.end());
    }
    for (std::vector<double>* values : {&ours, &torch_python, &peak}) {
      std::sort(values->begin(), values->end());
    }
    const double flops = static_cast<double>(options.samples * options.iterations) *
                         LatentDynamics::flops(options.horizon);
    for (const auto& [name, rank] : {std::pair{"p50", 0.5}, {"p95", 0.95}}) {
      BenchResult result{.name = fmt::format("cem-{}x{}x{}-{}", options.samples, options.iterations,
                                             options.horizon, name),
                         .value = quantile(ours, rank),
                         .unit = "ms/plan",
                         .threads = threads,
                         .limit = 1e3 * flops / (quantile(peak, 0.5) * 1e9),
                         .lower_is_better = true};
      if (!torch_python.empty()) result.peers["torch-python"] = quantile(torch_python, rank);
      results.push_back(result);
    }
  }
  return results;
}

}  // namespace reverie
