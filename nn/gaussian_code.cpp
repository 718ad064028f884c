#include "nn/gaussian_code.h"

#include "nn/pch.h"

namespace reverie {

at::Tensor GaussianCode::draw(const NoiseSource& noise) const {
  return mean + at::exp(0.5 * log_variance) * noise.normal(mean.sizes());
}

at::Tensor GaussianCode::kl() const {
  return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1.0).sum(-1);
}

at::Tensor kl_penalty(const at::Tensor& kl, double beta, double free_nats) {
  return beta * kl.clamp_min(free_nats).mean();
}

void GaussianLayer::declare(Shapes& shapes, const std::string& name, int64_t inputs, int64_t size) {
  REVERIE_CHECK(inputs >= 1 && size >= 1,
                "network: a stochastic code of {} numbers from {}, expected at least 1 each", size,
                inputs);
  Linear::declare(shapes, name + ".mean", inputs, size);
  Linear::declare(shapes, name + ".log_variance", inputs, size);
}

GaussianLayer::GaussianLayer(const Parameters& parameters, const std::string& name)
    : mean_(parameters, name + ".mean"), log_variance_(parameters, name + ".log_variance") {}

GaussianCode GaussianLayer::operator()(const at::Tensor& h) const {
  return {mean_(h), log_variance_(h)};
}

}  // namespace reverie
