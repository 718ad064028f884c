#include "agents/evolution/lm_ma_es.h"

#include <algorithm>
#include <cmath>

#include "agents/evolution/cma_constants.h"
#include "agents/evolution/matrix_views.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

class LmMaEs final : public EvolutionStrategy {
 public:
  LmMaEs(const EvolutionOptions& options, const at::Tensor& start, uint64_t seed)
      : EvolutionStrategy(options, start, seed),
        constants_(size(), population()),
        c_sigma_(2.0 * static_cast<double>(population()) / static_cast<double>(size())),
        sigma_path_(at::zeros({size()}, at::kDouble)),
        directions_(at::zeros({CmaConstants::default_population(size()), size()}, at::kDouble)) {
    REVERIE_CHECK(size() >= 2 * population(),
                  "evolution: lm-ma-es with {} numbers and a population of {}, expected at least "
                  "twice as many numbers; use cma-es",
                  size(), population());
  }

 private:
  double c_d(int64_t j) const {
    return 1.0 / (std::pow(1.5, static_cast<double>(j)) * static_cast<double>(size()));
  }
  double c_c(int64_t j) const {
    return static_cast<double>(population()) /
           (std::pow(4.0, static_cast<double>(j)) * static_cast<double>(size()));
  }

  at::Tensor shape() const override {
    at::Tensor steps = z_.clone();
    auto y = as_matrix(steps);
    const auto directions = as_matrix(directions_);
    const int64_t used = std::min(generation(), directions_.size(0));
    for (int64_t j = 0; j < used; ++j) {
      const Eigen::VectorXd along = y * directions.row(j).transpose();
      y *= 1.0 - c_d(j);
      y.noalias() += c_d(j) * along * directions.row(j);
    }
    return steps;
  }

  void adapt(std::span<const int64_t> order) override {
    const double mu_eff = constants_.mu_eff;
    Eigen::VectorXd z_w = Eigen::VectorXd::Zero(size()), y_w = z_w;
    for (int64_t i = 0; i < constants_.parents; ++i) {
      const double w = constants_.weights[static_cast<size_t>(i)];
      const int64_t row = order[static_cast<size_t>(i)];
      z_w += w * as_matrix(z_).row(row).transpose();
      y_w += w * as_matrix(y_).row(row).transpose();
    }
    as_vector(mean_) += sigma_ * y_w;

    auto p_s = as_vector(sigma_path_);
    p_s = (1.0 - c_sigma_) * p_s + std::sqrt(c_sigma_ * (2.0 - c_sigma_) * mu_eff) * z_w;
    auto directions = as_matrix(directions_);
    for (int64_t j = 0; j < directions_.size(0); ++j) {
      directions.row(j) = (1.0 - c_c(j)) * directions.row(j) +
                          std::sqrt(c_c(j) * (2.0 - c_c(j)) * mu_eff) * z_w.transpose();
    }
    const auto n = static_cast<double>(size());
    sigma_ *= std::exp(std::min(1.0, c_sigma_ / 2.0 * (p_s.squaredNorm() / n - 1.0)));
  }

  // Of the transformation without its directions: theirs are not worth n^2 / M operations.
  double largest_scale() const override { return 1.0; }
  at::Tensor scales() const override { return at::ones({size()}, at::kDouble); }

  void list_state(StateList& list) override {
    list.add_learning("sigma_path", sigma_path_);
    list.add_learning("directions", directions_);
  }

  CmaConstants constants_;
  double c_sigma_;
  at::Tensor sigma_path_;  // p_s: [n]
  at::Tensor directions_;  // m_j: [M, n]
};

}  // namespace

std::unique_ptr<EvolutionStrategy> make_lm_ma_es(const EvolutionOptions& options,
                                                 const at::Tensor& start, uint64_t seed) {
  return std::make_unique<LmMaEs>(options, start, seed);
}

}  // namespace reverie
