#include "worldmodel/sigreg_reference.h"

#include "nn/pch.h"

namespace reverie {

at::Tensor sigreg_reference(const at::Tensor& z, const at::Tensor& directions,
                            const EppsPulleyOptions& options) {
  // Samples of M one-dimensional distributions, [..., N, M].
  const at::Tensor x = at::matmul(z, directions);

  // Knots, and the weights of the trapezoid rule times exp(-t^2 / 2), [K].
  const at::Tensor t = at::linspace(options.low, options.high, options.knots, z.options());
  const at::Tensor normal = at::exp(-0.5 * t.square());
  const double step = (options.high - options.low) / static_cast<double>(options.knots - 1);
  const at::Tensor weight = options.scale * step * normal;
  weight[0] *= 0.5;
  weight[-1] *= 0.5;

  // The characteristic function of the samples, E[exp(i t x)], compared with the normal
  // distribution's.
  const at::Tensor tx = x.unsqueeze(-1) * t;  // [..., N, M, K]
  const at::Tensor real = tx.cos().mean(-3), imaginary = tx.sin().mean(-3);
  const at::Tensor error = (real - normal).square() + imaginary.square();  // [..., M, K]
  const auto samples = static_cast<double>(x.size(-2));
  return samples * at::matmul(error, weight).mean();
}

}  // namespace reverie
