#include "agents/evolution/cma_es.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "agents/evolution/cma_constants.h"
#include "agents/evolution/matrix_views.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

// Of this many, the matrices take a gigabyte.
constexpr int64_t kMostNumbers = 5000;

class CmaEs final : public EvolutionStrategy {
 public:
  CmaEs(const EvolutionOptions& options, const at::Tensor& start, uint64_t seed)
      : EvolutionStrategy(options, start, seed),
        constants_(size(), population()),
        sigma_path_(at::zeros({size()}, at::kDouble)),
        path_(at::zeros({size()}, at::kDouble)),
        covariance_(at::eye(size(), at::kDouble)),
        axes_(at::eye(size(), at::kDouble)),
        lengths_(at::ones({size()}, at::kDouble)) {}

 private:
  at::Tensor shape() const override {
    at::Tensor y = at::empty_like(z_);
    as_matrix(y).noalias() =
        as_matrix(z_) * as_vector(lengths_).asDiagonal() * as_matrix(axes_).transpose();
    return y;
  }

  void adapt(std::span<const int64_t> order) override {
    const CmaConstants& c = constants_;
    const auto n = static_cast<double>(size());
    const auto z = as_matrix(z_), y = as_matrix(y_);
    auto p_s = as_vector(sigma_path_), p_c = as_vector(path_);
    Eigen::VectorXd z_w = Eigen::VectorXd::Zero(size()), y_w = z_w;
    Eigen::VectorXd rank_mu(population());  // the weights w'_i, by row
    double sum_w = 0.0;
    for (size_t i = 0; i < order.size(); ++i) {
      const double w = c.weights[i];
      const int64_t row = order[i];
      if (w > 0.0) {
        z_w += w * z.row(row).transpose();
        y_w += w * y.row(row).transpose();
      }
      rank_mu[row] = w >= 0.0 ? w : w * n / z.row(row).squaredNorm();
      sum_w += w;
    }
    as_vector(mean_) += sigma_ * y_w;

    p_s = (1.0 - c.c_sigma) * p_s +
          std::sqrt(c.c_sigma * (2.0 - c.c_sigma) * c.mu_eff) * (as_matrix(axes_) * z_w);
    const double length = p_s.norm();
    sigma_ *= std::exp(std::min(1.0, c.c_sigma / c.d_sigma * (length / c.expected_length - 1.0)));

    // Of the path's length after so few generations.
    const double grown =
        std::sqrt(1.0 - std::pow(1.0 - c.c_sigma, 2.0 * static_cast<double>(generation() + 1)));
    const double h = length / grown < (1.4 + 2.0 / (n + 1.0)) * c.expected_length ? 1.0 : 0.0;
    p_c = (1.0 - c.c_c) * p_c + h * std::sqrt(c.c_c * (2.0 - c.c_c) * c.mu_eff) * y_w;

    const double delta = (1.0 - h) * c.c_c * (2.0 - c.c_c);
    auto covariance = as_matrix(covariance_);
    covariance *= 1.0 + c.c_1 * delta - c.c_1 - c.c_mu * sum_w;
    covariance.noalias() += c.c_1 * p_c * p_c.transpose();
    const RowMajorMatrix weighted = (c.c_mu * rank_mu).asDiagonal() * y;
    covariance.noalias() += y.transpose() * weighted;

    const int64_t period =
        std::max<int64_t>(1, static_cast<int64_t>(1.0 / (10.0 * n * (c.c_1 + c.c_mu))));
    if ((generation() + 1) % period == 0) decompose();
  }

  void decompose() {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(as_matrix(covariance_));
    REVERIE_CHECK_RUN(solver.info() == Eigen::Success,
                      "evolution: the covariance matrix has no eigenvalues after {} generations: "
                      "its numbers are not finite",
                      generation() + 1);
    as_matrix(axes_) = solver.eigenvectors();
    // Rounding may make the smallest ones negative.
    const double smallest = 1e-20 * solver.eigenvalues().maxCoeff();
    as_vector(lengths_) = solver.eigenvalues().cwiseMax(smallest).cwiseSqrt();
  }

  double largest_scale() const override { return scales().max().item<double>(); }
  at::Tensor scales() const override { return covariance_.diagonal().sqrt(); }
  double condition() const override {
    const auto lengths = as_vector(lengths_);
    return std::pow(lengths.maxCoeff() / lengths.minCoeff(), 2.0);
  }

  void list_state(StateList& list) override {
    list.add_learning("sigma_path", sigma_path_);
    list.add_learning("path", path_);
    list.add_learning("covariance", covariance_);
    list.add_learning("axes", axes_);
    list.add_learning("lengths", lengths_);
  }

  CmaConstants constants_;
  at::Tensor sigma_path_, path_;  // p_s, p_c: [n]
  at::Tensor covariance_;         // C: [n, n]
  at::Tensor axes_, lengths_;     // B: [n, n], the diagonal of D: [n]
};

}  // namespace

std::unique_ptr<EvolutionStrategy> make_cma_es(const EvolutionOptions& options,
                                               const at::Tensor& start, uint64_t seed) {
  REVERIE_CHECK(
      start.numel() <= kMostNumbers,
      "evolution: cma-es keeps a matrix of {} x {} numbers, expected at most {}; sep-cma-es "
      "and lm-ma-es are for more",
      start.numel(), start.numel(), kMostNumbers);
  return std::make_unique<CmaEs>(options, start, seed);
}

}  // namespace reverie
