#include <limits>

#include "nn/pch.h"
#include "worldmodel/planning/gaussian_planner.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

class Mppi final : public GaussianPlanner {
 public:
  explicit Mppi(const PlannerOptions& options) : GaussianPlanner("mppi", options) {}

 private:
  PlanGaussian fit(const Elites& elites, const PlanGaussian& /*before*/) const override {
    const at::Tensor weight = weights(elites.cost);
    const at::Tensor mean = (weight * elites.actions).sum(1);
    const at::Tensor variance = (weight * (elites.actions - mean.unsqueeze(1)).square()).sum(1);
    // Corrects the variance of weighted samples, as K / (K - 1) does for equal weights.
    const at::Tensor missed = (1.0 - weight.square().sum(1)).clamp_min(1e-6);
    return {.mean = mean, .std = (variance / missed).sqrt()};
  }

  // [B, K] costs, the lowest first, to [B, K, 1, 1] weights that sum to 1.
  at::Tensor weights(const at::Tensor& cost) const {
    const at::Tensor spread =
        cost.std(1, /*unbiased=*/true, /*keepdim=*/true)
            .clamp_min(std::numeric_limits<float>::min());  // equal costs get equal weights
    const at::Tensor weight =
        at::softmax((cost.narrow(1, 0, 1) - cost) / (options().temperature * spread), 1);
    return weight.to(at::kFloat).view({cost.size(0), cost.size(1), 1, 1});
  }
};

}  // namespace

std::unique_ptr<Planner> make_mppi(const PlannerOptions& options) {
  return std::make_unique<Mppi>(options);
}

}  // namespace reverie
