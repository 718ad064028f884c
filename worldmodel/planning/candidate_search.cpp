#include "worldmodel/planning/candidate_search.h"

#include <limits>

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
  REVERIE_CHECK(problem.horizon >= 1, "planning: a horizon of {} steps, expected at least 1",
                problem.horizon);
  REVERIE_CHECK(limits.low.defined() && limits.low.dim() == 1 && limits.low.numel() > 0 &&
                    limits.high.defined() && limits.high.sizes() == limits.low.sizes(),
                "planning: limits of actions that are no two vectors of the same size >= 1");
}

void check_guess(const std::string& planner, const PlanningProblem& problem) {
  const at::Tensor& guess = problem.guess;
  if (!guess.defined()) return;
  REVERIE_CHECK(guess.dim() == 3 && guess.size(0) == problem.start.size() &&
                    guess.size(1) <= problem.horizon && guess.size(2) == problem.limits.size(),
                "{}: a guess of shape {}, expected {}x{}x{}, or fewer steps", planner,
                fmt::join(guess.sizes(), "x"), problem.start.size(), problem.horizon,
                problem.limits.size());
}

void check_proposals(const std::string& planner, const PlanningProblem& problem) {
  const at::Tensor& proposals = problem.proposals;
  if (!proposals.defined()) return;
  REVERIE_CHECK(proposals.dim() == 4 && proposals.size(0) == problem.start.size() &&
                    proposals.size(2) == problem.horizon &&
                    proposals.size(3) == problem.limits.size(),
                "{}: proposals of shape {}, expected {} x proposals x {} x {}", planner,
                fmt::join(proposals.sizes(), "x"), problem.start.size(), problem.horizon,
                problem.limits.size());
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
  // Time first, so that the actions of a step are contiguous.
  const at::Tensor steps = actions.permute({2, 0, 1, 3}).reshape({problem_.horizon, rows, size});
  return rollout_cost(problem_.dynamics, problem_.cost, start_, steps).view({worlds, samples});
}

CandidateSearch::CandidateSearch(std::string planner, ActionKind kind,
                                 const PlanningProblem& problem, int64_t samples, Rng& rng,
                                 DeviceChecks& checks)
    : planner_(std::move(planner)),
      problem_(problem),
      checks_(checks),
      costs_(problem),
      noise_(problem.start.z.device(), rng.next_uint64()) {
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
    checks_.expect(low_ <= high_, ErrorKind::kInput,
                   fmt::format("{}: limits of actions that are not low <= high", planner_));
  }
  check_guess(planner_, problem);
  check_proposals(planner_, problem);
  if (problem.guess.defined()) check_values("a guess", problem.guess);
  if (problem.proposals.defined()) check_values("proposals", problem.proposals);
  if (problem.proposals.defined()) samples += problem.proposals.size(1);
  const double numbers = static_cast<double>(worlds()) * static_cast<double>(samples) *
                         static_cast<double>(problem.horizon) * static_cast<double>(limits.size()) *
                         static_cast<double>(std::max<int64_t>(limits.choices, 1));
  REVERIE_CHECK(numbers <= kMostNumbers,
                "{}: {} worlds x {} samples x {} steps x {} numbers an action are too many; lower "
                "--samples or --horizon, or plan for fewer worlds at once",
                planner_, worlds(), samples, problem.horizon, limits.size());
}

// what: "a guess" or "proposals", actions: [..., A].
void CandidateSearch::check_values(const char* what, const at::Tensor& actions) {
  const int64_t choices = problem_.limits.choices;
  if (choices == 0) {
    checks_.expect(at::isfinite(actions), ErrorKind::kInput,
                   fmt::format("{}: {} with values that are not finite", planner_, what));
    return;
  }
  const std::string message =
      fmt::format("{}: {} with values that are not int64 in [0, {}]", planner_, what, choices - 1);
  REVERIE_CHECK(actions.scalar_type() == at::kLong, "{}", message);
  checks_.expect(at::logical_and(actions >= 0, actions < choices), ErrorKind::kInput, message);
}

at::Tensor CandidateSearch::initial_mean() const {
  const at::Tensor mean =
      at::zeros({worlds(), problem_.horizon, problem_.limits.size()}, low_.options());
  const at::Tensor& guess = problem_.guess;
  if (guess.defined()) mean.narrow(1, 0, guess.size(1)).copy_(guess);
  return clamp(mean);
}

at::Tensor CandidateSearch::with_proposals(const at::Tensor& candidates) const {
  const at::Tensor& proposals = problem_.proposals;
  return proposals.defined() ? at::cat({candidates, proposals.to(candidates.options())}, 1)
                             : candidates;
}

at::Tensor CandidateSearch::normal(int64_t samples) {
  return noise_.normal({worlds(), samples, problem_.horizon, problem_.limits.size()});
}

at::Tensor CandidateSearch::choices(const at::Tensor& chances, int64_t samples) {
  const at::Tensor drawn = noise_.choices(chances.flatten(0, -2), samples);  // [B * T * A, samples]
  return drawn.view({worlds(), problem_.horizon, problem_.limits.size(), samples})
      .permute({0, 3, 1, 2})
      .contiguous();
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
  checks_.expect(at::isfinite(cost), ErrorKind::kRun,
                 fmt::format("{}: the model's cost of the plan is not finite", planner_));
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
