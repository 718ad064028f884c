#include "worldmodel/goodness_of_fit.h"

#include <cmath>
#include <vector>

#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"
#include "nn/pch.h"
#include "worldmodel/characteristic_function.h"

namespace reverie {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

void average(at::Tensor& values, const DataParallel& parallel) {
  if (parallel.average) parallel.average(values);
}

void check_samples(const at::Tensor& samples) {
  REVERIE_CHECK(samples.dim() >= 2 && samples.size(-2) > 0,
                "goodness of fit: samples of {} axes, expected [..., samples, distributions] with "
                "at least one sample",
                samples.dim());
}

struct Knots {
  EvenKnots places;
  at::Tensor weight, normal;  // [K] w_k and exp(-t_k^2 / 2), float32 on the samples' device
};

// Autograd itself would store cos and sin at every knot.
struct EppsPulleyFunction : torch::autograd::Function<EppsPulleyFunction> {
  static Variable forward(AutogradContext* context, const Variable& x, const Knots& knots,
                          const DataParallel& parallel) {
    at::Tensor errors = characteristic_function(x, knots.places);  // [2, K, ..., M]
    average(errors, parallel);
    errors[0].sub_(as_knots(knots.normal, errors[0]));
    const at::Tensor weight = as_knots(knots.weight, errors[0]);
    context->save_for_backward({x, errors});
    context->saved_data["weight"] = knots.weight;
    context->saved_data["start"] = knots.places.start;
    context->saved_data["step"] = knots.places.step;
    context->saved_data["processes"] = parallel.processes;
    const double samples = static_cast<double>(x.size(-2) * parallel.processes);
    return (errors.square().sum(0) * weight).sum(0) * samples;
  }

  static variable_list backward(AutogradContext* context, const variable_list& output) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& errors = saved[1];
    const at::Tensor weight = context->saved_data["weight"].toTensor();
    const EvenKnots places{.start = context->saved_data["start"].toDouble(),
                           .step = context->saved_data["step"].toDouble(),
                           .knots = weight.numel()};
    const at::Tensor knots =
        places.start + places.step * at::arange(places.knots, weight.options());
    // d error^2 = 2 error t (-sin, cos), so the two errors swap places.
    const at::Tensor factor = as_knots(2.0 * weight * knots, errors[0]);
    const at::Tensor weights = at::stack({errors[1] * factor, errors[0] * -factor});
    const auto processes = static_cast<double>(context->saved_data["processes"].toInt());
    return {trigonometric_sum(x, places, weights) * (output[0].unsqueeze(-2) * processes),
            Variable(), Variable()};
  }

 private:
  // [K] as [K, 1, ...], to broadcast with `like` [K, ..., M].
  static at::Tensor as_knots(const at::Tensor& values, const at::Tensor& like) {
    std::vector<int64_t> shape(static_cast<size_t>(like.dim()), 1);
    shape[0] = values.numel();
    return values.to(like.scalar_type()).view(shape);
  }
};

class EppsPulley final : public GoodnessOfFit {
 public:
  EppsPulley(const EppsPulleyOptions& options, at::Device device) {
    REVERIE_CHECK(options.knots >= 2 && options.low < options.high,
                  "Epps-Pulley: {} knots from {} to {}, expected at least 2 of them in order",
                  options.knots, options.low, options.high);
    knots_.places = {.start = options.low,
                     .step = (options.high - options.low) / static_cast<double>(options.knots - 1),
                     .knots = options.knots};
    std::vector<double> weight, normal;
    for (int64_t k = 0; k < options.knots; ++k) {
      const double t = knots_.places.at(k);
      const bool is_end = k == 0 || k + 1 == options.knots;
      normal.push_back(std::exp(-0.5 * t * t));
      weight.push_back(options.scale * knots_.places.step * (is_end ? 0.5 : 1.0) * normal.back());
    }
    knots_.weight = at::tensor(weight, at::kFloat).to(device);
    knots_.normal = at::tensor(normal, at::kFloat).to(device);
  }

  at::Tensor statistic(const at::Tensor& samples, const DataParallel& parallel) const override {
    check_samples(samples);
    return EppsPulleyFunction::apply(samples, knots_, parallel);
  }

 private:
  Knots knots_;
};

class SmoothTest final : public GoodnessOfFit {
 public:
  at::Tensor statistic(const at::Tensor& x, const DataParallel& parallel) const override {
    check_samples(x);
    const at::Tensor x2 = x.square();
    const double samples = static_cast<double>(x.size(-2) * parallel.processes);
    // He_k is orthogonal to the others under the normal distribution, with E[He_k^2] = k!.
    const at::Tensor statistic = squared_mean(x, parallel) +
                                 squared_mean(x2 - 1.0, parallel) / 2.0 +
                                 squared_mean(x * (x2 - 3.0), parallel) / 6.0 +
                                 squared_mean(x2 * (x2 - 6.0) + 3.0, parallel) / 24.0;
    return statistic * samples;
  }

 private:
  static at::Tensor squared_mean(const at::Tensor& values, const DataParallel& parallel) {
    const at::Tensor local = values.mean(-2);
    at::Tensor whole = local.detach().clone();
    average(whole, parallel);
    // The value of the whole batch with the gradient of this process's part.
    return (local + (whole - local.detach())).square();
  }
};

}  // namespace

std::unique_ptr<GoodnessOfFit> make_epps_pulley(const EppsPulleyOptions& options,
                                                at::Device device) {
  return std::make_unique<EppsPulley>(options, device);
}

std::unique_ptr<GoodnessOfFit> make_smooth_test() { return std::make_unique<SmoothTest>(); }

}  // namespace reverie
