#include "worldmodel/planning/candidate_search.h"

#include <limits>
#include <mutex>

#include "core/error.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Numbers of all candidates of an iteration together: 16 GiB of float32.
constexpr double kMostNumbers = 4294967296.0;

void check_shapes(const PlanningProblem& problem) {
  const ActionLimits& limits = problem.limits;
  REVERIE_CHECK(problem.start.z.defined() && problem.start.z.dim() >= 2 && problem.start.size() > 0,
                "planning: the start has no rows, expected [B, ...] with B >= 1");
  REVERIE_CHECK(problem.cost != nullptr, "planning: the problem has no cost");
  REVERIE_CHECK(problem.horizon >= 1, "planning: a horizon of {} steps, expected at least 1",
                problem.horizon);
  REVERIE_CHECK(limits.low.defined() && limits.low.dim() == 1 && limits.low.numel() > 0 &&
                    limits.high.defined() && limits.high.sizes() == limits.low.sizes(),
                "planning: limits of actions that are no two vectors of the same size >= 1");
}

void check_guess(const std::string& planner, const PlanningProblem& problem) {
  const at::Tensor& guess = problem.guess;
  if (!guess.defined()) return;
  const std::vector<int64_t> expected = {problem.start.size(), problem.horizon,
                                         problem.limits.size()};
  REVERIE_CHECK(guess.sizes() == expected, "{}: a guess of shape {}, expected {}", planner,
                fmt::join(guess.sizes(), "x"), fmt::join(expected, "x"));
  if (problem.limits.choices == 0) {
    REVERIE_CHECK(at::isfinite(guess).all().item<bool>(), "{}: a guess that is not finite",
                  planner);
    return;
  }
  REVERIE_CHECK(guess.scalar_type() == at::kLong &&
                    at::logical_and(guess >= 0, guess < problem.limits.choices).all().item<bool>(),
                "{}: a guess that is not of int64 in [0, {}]", planner, problem.limits.choices - 1);
}

// One that shares nothing with the process's own.
at::Generator make_generator(at::Device device, uint64_t seed) {
  at::Generator process_wide = at::globalContext().defaultGenerator(device);
  const std::lock_guard<std::mutex> lock(process_wide.mutex());
  at::Generator generator = process_wide.clone();
  generator.set_current_seed(seed);
  return generator;
}

}  // namespace

CandidateCosts::CandidateCosts(const PlanningProblem& problem) : problem_(problem) {
  check_shapes(problem);
}

at::Tensor CandidateCosts::operator()(const at::Tensor& actions) {
  const int64_t worlds = problem_.start.size();
  const int64_t size = problem_.limits.size();
  REVERIE_CHECK(actions.dim() == 4 && actions.size(0) == worlds &&
                    actions.size(2) == problem_.horizon && actions.size(3) == size,
                "planning: candidates of shape {}, expected {} x samples x {} x {}",
                fmt::join(actions.sizes(), "x"), worlds, problem_.horizon, size);
  const int64_t samples = actions.size(1);
  const int64_t rows = worlds * samples;
  if (repeated_ != samples) {
    start_ = problem_.start.repeat(samples);
    repeated_ = samples;
  }
  // Time first, so that the actions of a step lie together.
  const at::Tensor steps = actions.permute({2, 0, 1, 3}).reshape({problem_.horizon, rows, size});
  LatentState state = start_;
  at::Tensor total;
  for (int64_t t = 0; t < problem_.horizon; ++t) {
    const at::Tensor action = steps.select(0, t);
    state = problem_.dynamics.predict(state, action);
    const at::Tensor cost = problem_.cost(state, action, t);
    REVERIE_CHECK(cost.dim() == 1 && cost.size(0) == rows,
                  "planning: the cost of step {} has the shape {}, expected {}", t,
                  fmt::join(cost.sizes(), "x"), rows);
    total = total.defined() ? total + cost : cost;
  }
  return total.view({worlds, samples});
}

CandidateSearch::CandidateSearch(std::string planner, ActionKind kind,
                                 const PlanningProblem& problem, int64_t samples, Rng& rng)
    : planner_(std::move(planner)), problem_(problem), costs_(problem) {
  const ActionLimits& limits = problem.limits;
  const at::Device device = problem.start.z.device();
  if (kind == ActionKind::kDiscrete) {
    REVERIE_CHECK(limits.choices >= 1,
                  "{}: plans discrete actions, these are continuous; use another planner",
                  planner_);
  } else {
    REVERIE_CHECK(limits.choices == 0,
                  "{}: plans continuous actions, these are discrete; use categorical-cem",
                  planner_);
    low_ = limits.low.to(device, at::kFloat);
    high_ = limits.high.to(device, at::kFloat);
    REVERIE_CHECK((low_ <= high_).all().item<bool>(),
                  "{}: limits of actions that are not low <= high", planner_);
  }
  const double numbers = static_cast<double>(worlds()) * static_cast<double>(samples) *
                         static_cast<double>(problem.horizon) * static_cast<double>(limits.size()) *
                         static_cast<double>(std::max<int64_t>(limits.choices, 1));
  REVERIE_CHECK(numbers <= kMostNumbers,
                "{}: {} worlds x {} samples x {} steps x {} numbers an action are too many; lower "
                "--samples or --horizon, or plan for fewer worlds at once",
                planner_, worlds(), samples, problem.horizon, limits.size());
  check_guess(planner_, problem);
  generator_ = std::make_shared<const at::Generator>(make_generator(device, rng.next_uint64()));
}

at::Tensor CandidateSearch::initial_mean() const {
  if (problem_.guess.defined()) return clamp(problem_.guess.to(low_.options()));
  return clamp(at::zeros({worlds(), problem_.horizon, problem_.limits.size()}, low_.options()));
}

at::Tensor CandidateSearch::normal(int64_t samples) {
  return at::randn({worlds(), samples, problem_.horizon, problem_.limits.size()}, generator(),
                   low_.options());
}

at::Tensor CandidateSearch::clamp(const at::Tensor& actions) const {
  return actions.clamp(low_, high_);
}

at::Tensor CandidateSearch::costs(const at::Tensor& actions) {
  const double infinity = std::numeric_limits<double>::infinity();
  return costs_(actions).nan_to_num(infinity, infinity, infinity);
}

Plan CandidateSearch::finish(const at::Tensor& found) {
  const at::Tensor actions = low_.defined() ? clamp(found) : found;
  const at::Tensor cost = costs_(actions.unsqueeze(1)).squeeze(1).to(at::kFloat);
  REVERIE_CHECK_RUN(at::isfinite(cost).all().item<bool>(),
                    "{}: the model's cost of the plan is not finite", planner_);
  return {actions, cost};
}

Elites select_elites(const at::Tensor& actions, const at::Tensor& cost, int64_t count) {
  const auto [least_cost, order] = cost.topk(count, /*dim=*/1, /*largest=*/false);
  const at::Tensor is_finite = at::isfinite(least_cost);
  const at::Tensor elite_cost = at::where(is_finite, least_cost, least_cost.narrow(1, 0, 1));
  const at::Tensor index = at::where(is_finite, order, order.narrow(1, 0, 1));
  const std::vector<int64_t> shape = {actions.size(0), count, actions.size(2), actions.size(3)};
  return {actions.gather(1, index.view({index.size(0), count, 1, 1}).expand(shape)), elite_cost};
}

}  // namespace reverie
