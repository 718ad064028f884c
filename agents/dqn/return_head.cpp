#include "agents/dqn/return_head.h"

#include "nn/pch.h"

namespace reverie {
namespace {

// The mean return: Q itself.
class MeanHead final : public ReturnHead {
 public:
  int64_t numbers() const override { return 1; }

  at::Tensor value(const at::Tensor& x) const override { return x.squeeze(-1); }

  at::Tensor loss(const at::Tensor& x, const at::Tensor& next, const at::Tensor& reward,
                  const at::Tensor& discount) const override {
    return at::huber_loss(value(x), reward + discount * value(next), at::Reduction::None);
  }
};

// Probabilities of fixed returns z_0 < ... < z_K-1, an equal distance apart.
class CategoricalHead final : public ReturnHead {
 public:
  CategoricalHead(const DqnConfig& config, at::Device device)
      : low_(config.value_min),
        high_(config.value_max),
        distance_((high_ - low_) / static_cast<double>(config.atoms - 1)),
        z_(at::linspace(low_, high_, config.atoms, at::TensorOptions(at::kFloat).device(device))) {}

  int64_t numbers() const override { return z_.size(0); }

  at::Tensor value(const at::Tensor& x) const override { return at::softmax(x, -1).matmul(z_); }

  at::Tensor loss(const at::Tensor& x, const at::Tensor& next, const at::Tensor& reward,
                  const at::Tensor& discount) const override {
    const at::Tensor target = projected(at::softmax(next, -1), reward, discount);
    return -(target * at::log_softmax(x, -1)).sum(-1);
  }

 private:
  // The distribution of r + discount z on the atoms: each atom's probability is shared by the two
  // atoms around where it moves, in proportion to their nearness.
  at::Tensor projected(const at::Tensor& p, const at::Tensor& reward,
                       const at::Tensor& discount) const {
    const at::Tensor moved =
        (reward.unsqueeze(1) + discount.unsqueeze(1) * z_).clamp(low_, high_);   // [B, j]
    const at::Tensor apart = (moved.unsqueeze(2) - z_).abs() / distance_;        // [B, j, i]
    return at::matmul(p.unsqueeze(1), (1.0 - apart).clamp_min(0.0)).squeeze(1);  // [B, i]
  }

  double low_, high_, distance_;
  at::Tensor z_;  // [K]
};

// Quantiles of the return at (i + 1/2) / K.
class QuantileHead final : public ReturnHead {
 public:
  QuantileHead(const DqnConfig& config, at::Device device)
      : levels_((at::arange(config.atoms, at::TensorOptions(at::kFloat).device(device)) + 0.5) /
                static_cast<double>(config.atoms)) {}

  int64_t numbers() const override { return levels_.size(0); }

  at::Tensor value(const at::Tensor& x) const override { return x.mean(-1); }

  at::Tensor loss(const at::Tensor& x, const at::Tensor& next, const at::Tensor& reward,
                  const at::Tensor& discount) const override {
    const at::Tensor target = reward.unsqueeze(1) + discount.unsqueeze(1) * next;  // [B, j]
    const at::Tensor error = target.unsqueeze(1) - x.unsqueeze(2);                 // [B, i, j]
    const at::Tensor huber = at::huber_loss(error, at::zeros_like(error), at::Reduction::None);
    const at::Tensor slope = (levels_.unsqueeze(1) - (error.detach() < 0.0).to(at::kFloat)).abs();
    return (slope * huber).mean(2).sum(1);
  }

 private:
  at::Tensor levels_;  // [K]
};

}  // namespace

std::unique_ptr<ReturnHead> make_return_head(const DqnConfig& config, at::Device device) {
  if (config.distribution == "c51") return std::make_unique<CategoricalHead>(config, device);
  if (config.distribution == "quantile") return std::make_unique<QuantileHead>(config, device);
  return std::make_unique<MeanHead>();
}

}  // namespace reverie
