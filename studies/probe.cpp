#include "studies/probe.h"

#include <cmath>
#include <limits>

#include "nn/adam.h"
#include "nn/mlp.h"
#include "nn/pch.h"

namespace reverie {
namespace {

void check(const ProbeData& data, int64_t least) {
  const auto is_matrix = [](const at::Tensor& t) {
    return t.defined() && t.dim() == 2 && t.is_floating_point();
  };
  REVERIE_CHECK(is_matrix(data.latents) && is_matrix(data.targets) &&
                    data.latents.size(0) == data.targets.size(0) && data.latents.size(1) > 0 &&
                    data.targets.size(1) > 0,
                "probe: latents and targets are not [N, D] and [N, K] floating point tensors");
  REVERIE_CHECK(data.latents.size(0) >= least, "probe: {} samples, expected at least {}",
                data.latents.size(0), least);
  REVERIE_CHECK(at::isfinite(data.latents).all().item<bool>(),
                "probe: latents are not finite; has training diverged?");
  REVERIE_CHECK(at::isfinite(data.targets).all().item<bool>(), "probe: targets are not finite");
}

at::Tensor matrix(const at::Tensor& t) { return t.detach().to(at::kCPU, at::kDouble); }

// Rounding of a constant's mean leaves a standard deviation that is not quite 0.
at::Tensor standard_deviation(const at::Tensor& x) {
  const at::Tensor std = x.std({0}, /*unbiased=*/false);
  return at::where(std > 1e-10 * x.abs().amax({0}), std, at::zeros_like(std));
}

at::Tensor standardise(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& std) {
  const at::Tensor centred = matrix(x) - mean;
  return at::where(std > 0.0, centred / std, at::zeros_like(centred));
}

// Of [N] each; NaN if one of them is constant.
double correlation(const at::Tensor& a, const at::Tensor& b) {
  const double scale = standard_deviation(a).item<double>() * standard_deviation(b).item<double>();
  if (scale == 0.0) return std::numeric_limits<double>::quiet_NaN();
  return ((a - a.mean()) * (b - b.mean())).mean().item<double>() / scale;
}

class LinearProbe final : public Probe {
 public:
  LinearProbe(const ProbeData& data, double ridge) : Probe(data) {
    const at::Tensor x = features(data.latents), y = standard_targets(data.targets);
    const at::Tensor penalty =
        ridge * static_cast<double>(x.size(0)) * at::eye(x.size(1), x.options());
    const at::Tensor factor = at::linalg_cholesky(at::matmul(x.t(), x) + penalty);
    weight_ = at::cholesky_solve(at::matmul(x.t(), y), factor);
  }

 protected:
  at::Tensor predict_standard(const at::Tensor& features) const override {
    return at::matmul(features, weight_);
  }

 private:
  at::Tensor weight_;  // [D, K]
};

class MlpProbe final : public Probe {
 public:
  MlpProbe(const ProbeData& training, const ProbeData& validation, uint64_t seed,
           const MlpProbeOptions& options)
      : Probe(training),
        rng_(seed),
        mlp_(training.latents.size(1), options.hidden_sizes, training.targets.size(1), rng_,
             at::kCPU) {
    const auto single = [](const at::Tensor& t) { return t.to(at::kFloat); };
    fit(single(features(training.latents)), single(standard_targets(training.targets)),
        single(features(validation.latents)), single(standard_targets(validation.targets)),
        options);
  }

 protected:
  at::Tensor predict_standard(const at::Tensor& features) const override {
    const at::NoGradGuard no_grad;
    return mlp_(features.to(at::kFloat)).to(at::kDouble);
  }

 private:
  void fit(const at::Tensor& x, const at::Tensor& y, const at::Tensor& held_out_x,
           const at::Tensor& held_out_y, const MlpProbeOptions& options) {
    Adam adam(mlp_.parameters(), {.learning_rate = options.learning_rate});
    double least = std::numeric_limits<double>::infinity();
    at::Tensor best = mlp_.parameters().flat().clone();
    int64_t waited = 0;
    for (int64_t epoch = 0; epoch < options.epochs && waited < options.patience; ++epoch) {
      run_epoch(adam, x, y, options.minibatch);
      const at::NoGradGuard no_grad;
      const double error = (mlp_(held_out_x) - held_out_y).square().mean().item<double>();
      ++waited;
      if (error < least) {
        least = error;
        best.copy_(mlp_.parameters().flat());
        waited = 0;
      }
    }
    const at::NoGradGuard no_grad;
    mlp_.parameters().flat().copy_(best);
  }

  void run_epoch(Adam& adam, const at::Tensor& x, const at::Tensor& y, int64_t minibatch) {
    const int64_t n = x.size(0);
    const std::vector<int64_t> order = rng_.choice(n, n);
    const at::Tensor shuffled = copy_to_tensor(std::span<const int64_t>(order));
    for (int64_t begin = 0; begin < n; begin += minibatch) {
      const at::Tensor rows = shuffled.narrow(0, begin, std::min(minibatch, n - begin));
      adam.zero_grad();
      at::mse_loss(mlp_(x.index_select(0, rows)), y.index_select(0, rows)).backward();
      adam.step();
    }
  }

  Rng rng_;
  Mlp mlp_;
};

}  // namespace

Probe::Probe(const ProbeData& data) {
  check(data, 2);
  const at::Tensor x = matrix(data.latents), y = matrix(data.targets);
  mean_ = x.mean({0});
  std_ = standard_deviation(x);
  target_mean_ = y.mean({0});
  target_std_ = standard_deviation(y);
}

at::Tensor Probe::features(const at::Tensor& latents) const {
  return standardise(latents, mean_, std_);
}

at::Tensor Probe::standard_targets(const at::Tensor& targets) const {
  return standardise(targets, target_mean_, target_std_);
}

at::Tensor Probe::predict(const at::Tensor& latents) const {
  return predict_standard(features(latents)) * target_std_ + target_mean_;
}

ProbeScores Probe::score(const ProbeData& data) const {
  check(data, 1);
  REVERIE_CHECK(
      data.latents.size(1) == mean_.size(0) && data.targets.size(1) == target_mean_.size(0),
      "probe: {} latent numbers and {} targets, it was fitted to {} and {}", data.latents.size(1),
      data.targets.size(1), mean_.size(0), target_mean_.size(0));
  const at::Tensor predicted = predict_standard(features(data.latents));
  const at::Tensor truth = standard_targets(data.targets);
  const at::Tensor mse = (predicted - truth).square().mean({0});
  ProbeScores scores;
  for (int64_t k = 0; k < truth.size(1); ++k) {
    const bool is_constant = target_std_[k].item<double>() == 0.0;
    scores.mse.push_back(is_constant ? std::numeric_limits<double>::quiet_NaN()
                                     : mse[k].item<double>());
    scores.r.push_back(correlation(predicted.select(1, k), truth.select(1, k)));
  }
  return scores;
}

std::unique_ptr<Probe> fit_linear_probe(const ProbeData& data, double ridge) {
  REVERIE_CHECK(ridge > 0.0, "probe: ridge {}, expected more than 0", ridge);
  return std::make_unique<LinearProbe>(data, ridge);
}

std::unique_ptr<Probe> fit_mlp_probe(const ProbeData& training, const ProbeData& validation,
                                     uint64_t seed, const MlpProbeOptions& options) {
  check(training, 2);
  check(validation, 1);
  REVERIE_CHECK(validation.latents.size(1) == training.latents.size(1) &&
                    validation.targets.size(1) == training.targets.size(1),
                "probe: validation data of other sizes than the training data");
  REVERIE_CHECK(options.minibatch >= 1, "probe: minibatches of {} samples, expected at least 1",
                options.minibatch);
  return std::make_unique<MlpProbe>(training, validation, seed, options);
}

}  // namespace reverie
