#include "agents/evolution/population_agent.h"

#include <cmath>

#include "core/error.h"

namespace reverie {

void PopulationAgent::note(const TensorMap& /*obs*/) {}

void tell_returns(EvolutionStrategy& strategy, const std::vector<double>& returns) {
  for (const double value : returns) {
    REVERIE_CHECK_RUN(std::isfinite(value), "the return of a candidate is {}", value);
  }
  strategy.tell(returns);
}

}  // namespace reverie
