#pragma once

#include <cstdint>
#include <vector>

namespace reverie {

// The default constants of CMA-ES (Hansen 2016, "The CMA Evolution Strategy: A Tutorial",
// arXiv:1604.00772v2, table 1), for n numbers and a population of L.
struct CmaConstants {
  static int64_t default_population(int64_t n);  // 4 + floor(3 ln n)

  CmaConstants(int64_t n, int64_t population);

  int64_t parents;  // mu: the candidates with positive weights

  // Of the ranks, best first, [L]. Those of the parents sum to 1; the others are negative and push
  // the covariance matrix away from bad directions (Jastrebski & Arnold 2006).
  std::vector<double> weights;

  double mu_eff;            // effective number of parents: (sum w)^2 / sum w^2
  double c_sigma, d_sigma;  // learning rate of the step size's path, and its damping
  double c_c;               // learning rate of the covariance matrix's path
  double c_1, c_mu;         // learning rates of the rank-one and the rank-mu update
  double expected_length;   // E|N(0, I)|
};

}  // namespace reverie
