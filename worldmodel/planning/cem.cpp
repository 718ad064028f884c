#include "nn/pch.h"
#include "worldmodel/planning/gaussian_planner.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

class Cem final : public GaussianPlanner {
 public:
  explicit Cem(const PlannerOptions& options) : GaussianPlanner("cem", options) {}

 private:
  PlanGaussian fit(const Elites& elites, const PlanGaussian& /*before*/) const override {
    return {.mean = elites.actions.mean(1), .std = elites.actions.std(1, /*unbiased=*/true)};
  }
};

}  // namespace

std::unique_ptr<Planner> make_cem(const PlannerOptions& options) {
  return std::make_unique<Cem>(options);
}

}  // namespace reverie
