#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/TensorBody.h>

#include "nn/layers.h"
#include "nn/noise_source.h"
#include "nn/parameters.h"

namespace reverie {

// A stochastic code of D numbers for each of B rows, independent N(mean, exp(log_variance)).
struct GaussianCode {
  at::Tensor mean, log_variance;  // [B, D]

  // mean + exp(log_variance / 2) noise: a draw that moves with mean and variance, so that both
  // learn from what is made of it (Kingma & Welling 2014, arXiv:1312.6114, section 2.4).
  at::Tensor draw(const NoiseSource& noise) const;

  // The information that each row's code carries beyond N(0, I), in nats, >= 0: [B],
  //
  //   KL(N(m, s^2) || N(0, 1)) = (m^2 + s^2 - log s^2 - 1) / 2, summed over the numbers
  at::Tensor kl() const;
};

// beta times the mean over rows of max(kl, free_nats). kl: [B]. Rows that already say less than
// free_nats have no gradient: nothing is gained by saying less (Kingma et al. 2016,
// arXiv:1606.04934, section 2.1.2, there for groups of numbers).
at::Tensor kl_penalty(const at::Tensor& kl, double beta, double free_nats = 0.0);

// The layer of such a code: mean and log variance are linear in its inputs. It is the end of a
// variational autoencoder's encoder, and in any other network a variational information bottleneck
// (Alemi et al. 2017, arXiv:1612.00410, equation 17):
//
//   const GaussianCode code = bottleneck(h);
//   const at::Tensor z = learns ? code.draw(noise) : code.mean;
//   loss = loss_of(head(z)) + kl_penalty(code.kl(), beta)
class GaussianLayer {
 public:
  // "name.mean" and "name.log_variance", both linear. Throws Error(kInput) for sizes below 1.
  static void declare(Shapes& shapes, const std::string& name, int64_t inputs, int64_t size);

  GaussianLayer(const Parameters& parameters, const std::string& name);

  GaussianCode operator()(const at::Tensor& h) const;  // [B, inputs]

  // Its mean alone: half the work of acting without noise.
  at::Tensor mean(const at::Tensor& h) const { return mean_(h); }  // [B, D]

 private:
  Linear mean_, log_variance_;
};

}  // namespace reverie
