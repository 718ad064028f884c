#include "agents/evolution/cma_constants.h"

#include <algorithm>
#include <cmath>

namespace reverie {

int64_t CmaConstants::default_population(int64_t n) {
  return 4 + static_cast<int64_t>(std::floor(3.0 * std::log(static_cast<double>(n))));
}

CmaConstants::CmaConstants(int64_t n, int64_t population) : parents(population / 2) {
  const auto size = static_cast<double>(n), count = static_cast<double>(population);

  // Not yet scaled, and mu_eff of the best and the worst half.
  double sum = 0.0, squares = 0.0, sum_minus = 0.0, squares_minus = 0.0;
  for (int64_t i = 1; i <= population; ++i) {
    const double w = std::log((count + 1.0) / 2.0) - std::log(static_cast<double>(i));
    weights.push_back(w);
    (i <= parents ? sum : sum_minus) += w;
    (i <= parents ? squares : squares_minus) += w * w;
  }
  mu_eff = sum * sum / squares;
  const double mu_eff_minus = sum_minus * sum_minus / squares_minus;

  c_sigma = (mu_eff + 2.0) / (size + mu_eff + 5.0);
  d_sigma = 1.0 + 2.0 * std::max(0.0, std::sqrt((mu_eff - 1.0) / (size + 1.0)) - 1.0) + c_sigma;
  c_c = (4.0 + mu_eff / size) / (size + 4.0 + 2.0 * mu_eff / size);
  c_1 = 2.0 / ((size + 1.3) * (size + 1.3) + mu_eff);
  c_mu = std::min(1.0 - c_1, 2.0 * (0.25 + mu_eff + 1.0 / mu_eff - 2.0) /
                                 ((size + 2.0) * (size + 2.0) + mu_eff));
  expected_length = std::sqrt(size) * (1.0 - 1.0 / (4.0 * size) + 1.0 / (21.0 * size * size));

  // The last bound keeps the matrix positive definite.
  const double alpha = std::min({1.0 + c_1 / c_mu, 1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0),
                                 (1.0 - c_1 - c_mu) / (size * c_mu)});
  for (double& w : weights) w = w >= 0.0 ? w / sum : alpha * w / std::fabs(sum_minus);
}

}  // namespace reverie
