#include "worldmodel/jepa/latent_statistics.h"

#include <cmath>

#include "nn/pch.h"

namespace reverie {
namespace {

// The least standard deviation of a direction that counts for the effective rank.
constexpr double kLeastDeviation = 0.01;

// [N, D] centred samples.
at::Tensor effective_rank(const at::Tensor& centred) {
  const at::Tensor covariance = at::matmul(centred.t(), centred).to(at::kDouble);
  // Diverged latents have no rank; LAPACK would throw.
  const at::Tensor is_finite = at::isfinite(covariance).all();
  const at::Tensor eigenvalues = at::linalg_eigvalsh(at::nan_to_num(covariance, 0.0, 0.0, 0.0));
  const double floor = kLeastDeviation * kLeastDeviation * static_cast<double>(centred.size(0));
  const at::Tensor singular_values = eigenvalues.masked_fill(eigenvalues < floor, 0.0).sqrt();
  const at::Tensor share = singular_values / singular_values.sum().clamp_min(1e-300);
  const at::Tensor rank = at::exp(-at::xlogy(share, share).sum());
  return at::where(is_finite, rank, std::nan(""));
}

at::Tensor straightness(const at::Tensor& z) {
  if (z.size(1) < 3) return at::full({}, std::nan(""), z.options());
  const at::Tensor steps = z.narrow(1, 1, z.size(1) - 1) - z.narrow(1, 0, z.size(1) - 1);
  const int64_t turns = steps.size(1) - 1;
  return at::cosine_similarity(steps.narrow(1, 0, turns), steps.narrow(1, 1, turns), -1).mean();
}

}  // namespace

TensorMap latent_statistics(const at::Tensor& z) {
  const at::NoGradGuard no_grad;
  const at::Tensor latents = z.detach();
  const at::Tensor samples = latents.flatten(0, 1);
  const at::Tensor centred = samples - samples.mean({0});
  const at::Tensor variance = centred.square().mean({0});
  return {{"effective_rank", effective_rank(centred)},
          {"least_variance", variance.min()},
          {"greatest_variance", variance.max()},
          {"straightness", straightness(latents)}};
}

}  // namespace reverie
