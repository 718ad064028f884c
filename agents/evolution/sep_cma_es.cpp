#include "agents/evolution/sep_cma_es.h"

#include <algorithm>
#include <cmath>

#include "agents/evolution/cma_constants.h"
#include "agents/evolution/matrix_views.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

class SepCmaEs final : public EvolutionStrategy {
 public:
  SepCmaEs(const EvolutionOptions& options, const at::Tensor& start, uint64_t seed)
      : EvolutionStrategy(options, start, seed),
        constants_(size(), population()),
        sigma_path_(at::zeros({size()}, at::kDouble)),
        path_(at::zeros({size()}, at::kDouble)),
        variance_(at::ones({size()}, at::kDouble)) {
    const double faster = (static_cast<double>(size()) + 2.0) / 3.0;
    constants_.c_1 = std::min(1.0, faster * constants_.c_1);
    constants_.c_mu = std::min(1.0 - constants_.c_1, faster * constants_.c_mu);
  }

 private:
  at::Tensor shape() const override { return z_ * variance_.sqrt(); }

  void adapt(std::span<const int64_t> order) override {
    const CmaConstants& c = constants_;
    const auto n = static_cast<double>(size());
    const auto z = as_matrix(z_);
    auto p_s = as_vector(sigma_path_), p_c = as_vector(path_), variance = as_vector(variance_);
    Eigen::VectorXd z_w = Eigen::VectorXd::Zero(size()), squares = z_w;
    for (int64_t i = 0; i < c.parents; ++i) {
      const auto row = z.row(order[static_cast<size_t>(i)]).transpose();
      const double w = c.weights[static_cast<size_t>(i)];
      z_w += w * row;
      squares += w * row.cwiseAbs2();
    }
    const Eigen::VectorXd y_w = variance.cwiseSqrt().cwiseProduct(z_w);
    as_vector(mean_) += sigma_ * y_w;

    p_s = (1.0 - c.c_sigma) * p_s + std::sqrt(c.c_sigma * (2.0 - c.c_sigma) * c.mu_eff) * z_w;
    const double length = p_s.norm();
    sigma_ *= std::exp(std::min(1.0, c.c_sigma / c.d_sigma * (length / c.expected_length - 1.0)));

    const double grown =
        std::sqrt(1.0 - std::pow(1.0 - c.c_sigma, 2.0 * static_cast<double>(generation() + 1)));
    const double h = length / grown < (1.4 + 2.0 / (n + 1.0)) * c.expected_length ? 1.0 : 0.0;
    p_c = (1.0 - c.c_c) * p_c + h * std::sqrt(c.c_c * (2.0 - c.c_c) * c.mu_eff) * y_w;

    const double delta = (1.0 - h) * c.c_c * (2.0 - c.c_c);
    variance = (1.0 + c.c_1 * delta - c.c_1 - c.c_mu) * variance + c.c_1 * p_c.cwiseAbs2() +
               c.c_mu * variance.cwiseProduct(squares);
  }

  double largest_scale() const override { return std::sqrt(as_vector(variance_).maxCoeff()); }
  at::Tensor scales() const override { return variance_.sqrt(); }
  double condition() const override {
    return as_vector(variance_).maxCoeff() / as_vector(variance_).minCoeff();
  }

  void list_state(StateList& list) override {
    list.add_learning("sigma_path", sigma_path_);
    list.add_learning("path", path_);
    list.add_learning("variance", variance_);
  }

  CmaConstants constants_;
  at::Tensor sigma_path_, path_;  // p_s, p_c: [n]
  at::Tensor variance_;           // the diagonal of C: [n]
};

}  // namespace

std::unique_ptr<EvolutionStrategy> make_sep_cma_es(const EvolutionOptions& options,
                                                   const at::Tensor& start, uint64_t seed) {
  return std::make_unique<SepCmaEs>(options, start, seed);
}

}  // namespace reverie
