#include <limits>

#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "nn/adam.h"
#include "nn/parameters.h"
#include "nn/pch.h"
#include "worldmodel/planning/candidate_search.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

// The cheapest sequence so far of each world.
class Cheapest {
 public:
  // actions: [B, S, T, A], cost: [B, S].
  void offer(const at::Tensor& actions, const at::Tensor& cost) {
    const Elites best = select_elites(actions, cost, 1);
    if (!actions_.defined()) {
      cost_ = best.cost;
      actions_ = best.best();
      return;
    }
    const at::Tensor better = best.cost < cost_;  // [B, 1]
    actions_ = at::where(better.unsqueeze(-1), best.best(), actions_);
    cost_ = at::where(better, best.cost, cost_);
  }

  const at::Tensor& actions() const { return actions_; }  // [B, T, A]

 private:
  at::Tensor actions_, cost_;
};

class GradientPlanner final : public Planner {
 public:
  explicit GradientPlanner(const PlannerOptions& options) : options_(options) {}

  Plan search(const PlanningProblem& problem, Rng& rng, DeviceChecks& checks) override {
    REVERIE_CHECK(problem.dynamics.differentiable(),
                  "gradient: these dynamics have no gradients; use another planner (cem)");
    at::NoGradGuard no_grad;
    CandidateSearch search("gradient", ActionKind::kContinuous, problem, options_.samples, rng,
                           checks);
    const at::Tensor mean = search.initial_mean().unsqueeze(1);
    at::Tensor first = mean + options_.initial_std * search.normal(options_.samples);
    first.select(1, 0).copy_(mean.squeeze(1));
    first = search.with_proposals(first);

    // The optimiser treats the sequences as a network's parameters.
    Parameters sequences({{"actions", first.sizes().vec()}}, first.device());
    const at::Tensor actions = sequences.flat().view(first.sizes());
    actions.copy_(search.clamp(first));
    Adam adam(sequences, {.learning_rate = options_.learning_rate});
    Cheapest cheapest;
    for (int64_t i = 0; i < options_.iterations; ++i) {
      const auto [cost, gradient] = descend(search, actions);
      cheapest.offer(actions, cost);
      sequences.flat_grad().copy_(gradient.flatten());
      adam.step();
      actions.copy_(search.clamp(actions));
    }
    cheapest.offer(actions, search.costs(actions));
    return search.finish(cheapest.actions());
  }

 private:
  // Costs [B, S] of the sequences, and their gradient [B, S, T, A]. Costs of different sequences
  // are independent, so the gradient of their sum holds the gradient of each.
  static std::pair<at::Tensor, at::Tensor> descend(CandidateSearch& search,
                                                   const at::Tensor& actions) {
    const at::AutoGradMode grad(true);
    const at::Tensor leaf = actions.detach().requires_grad_(true);
    const at::Tensor cost = search.costs(leaf);
    at::Tensor gradient;
    if (cost.requires_grad()) {
      // Not backward(), because the model's parameters must keep their gradients.
      gradient = torch::autograd::grad({cost.sum()}, {leaf}, /*grad_outputs=*/{},
                                       /*retain_graph=*/{}, /*create_graph=*/false,
                                       /*allow_unused=*/true)[0];
    }
    REVERIE_CHECK(gradient.defined(),
                  "gradient: this cost has no gradient by the actions; use another planner (cem)");
    // A sequence whose gradient is not finite stays unchanged.
    return {cost.detach(), gradient.nan_to_num(0.0, 0.0, 0.0)};
  }

  PlannerOptions options_;
};

}  // namespace

std::unique_ptr<Planner> make_gradient_planner(const PlannerOptions& options) {
  return std::make_unique<GradientPlanner>(options);
}

}  // namespace reverie
