#include "nn/layers.h"

#include <algorithm>
#include <cmath>

#include "nn/pch.h"

namespace reverie {

void Linear::declare(Shapes& shapes, const std::string& name, int64_t inputs, int64_t outputs,
                     bool bias) {
  shapes.push_back({name + ".weight", {outputs, inputs}});
  if (bias) shapes.push_back({name + ".bias", {outputs}});
}

Linear::Linear(const Parameters& parameters, const std::string& name)
    : weight_(parameters.at(name + ".weight")) {
  if (parameters.named().contains(name + ".bias")) bias_ = parameters.at(name + ".bias");
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return weight_.defined() ? at::linear(x, weight_, bias_) : x;
}

void LayerNorm::declare(Shapes& shapes, const std::string& name, int64_t size) {
  shapes.push_back({name + ".weight", {size}});
  shapes.push_back({name + ".bias", {size}});
}

LayerNorm::LayerNorm(const Parameters& parameters, const std::string& name, double epsilon)
    : size_(parameters.at(name + ".weight").size(0)),
      epsilon_(epsilon),
      weight_(parameters.at(name + ".weight")),
      bias_(parameters.at(name + ".bias")) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, {size_}, weight_, bias_, epsilon_);
}

namespace {

std::string in_trunk(const std::string& name, int layer) {
  return fmt::format("{}{}{}", name, name.empty() ? "" : ".", layer);
}

}  // namespace

void Trunk::declare(Shapes& shapes, const std::string& name, int64_t inputs, int64_t outputs) {
  Linear::declare(shapes, in_trunk(name, 0), inputs, outputs);
  LayerNorm::declare(shapes, in_trunk(name, 1), outputs);
}

Trunk::Trunk(const Parameters& parameters, const std::string& name)
    : linear_(parameters, in_trunk(name, 0)),
      norm_(parameters, in_trunk(name, 1)),
      inputs_(parameters.at(in_trunk(name, 0) + ".weight").size(1)) {}

at::Tensor Trunk::operator()(const at::Tensor& x) const {
  const at::Tensor h = at::tanh(norm_(linear_(x.narrow(1, 0, inputs_))));
  const int64_t rest = x.size(1) - inputs_;
  return rest == 0 ? h : at::cat({h, x.narrow(1, inputs_, rest)}, 1);
}

void Conv2d::declare(Shapes& shapes, const std::string& name, int64_t inputs, int64_t outputs,
                     int64_t kernel) {
  shapes.push_back({name + ".weight", {outputs, inputs, kernel, kernel}});
  shapes.push_back({name + ".bias", {outputs}});
}

Conv2d::Conv2d(const Parameters& parameters, const std::string& name, int64_t stride,
               int64_t padding)
    : weight_(parameters.at(name + ".weight")),
      bias_(parameters.at(name + ".bias")),
      stride_(stride),
      padding_(padding) {}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  return at::conv2d(x, weight_, bias_, stride_, padding_);
}

void ConvTranspose2d::declare(Shapes& shapes, const std::string& name, int64_t inputs,
                              int64_t outputs, int64_t kernel) {
  shapes.push_back({name + ".weight", {inputs, outputs, kernel, kernel}});
  shapes.push_back({name + ".bias", {outputs}});
}

ConvTranspose2d::ConvTranspose2d(const Parameters& parameters, const std::string& name,
                                 int64_t stride)
    : weight_(parameters.at(name + ".weight")),
      bias_(parameters.at(name + ".bias")),
      stride_(stride) {}

at::Tensor ConvTranspose2d::operator()(const at::Tensor& x) const {
  const int64_t outputs = weight_.size(1), kernel = weight_.size(2);
  if (x.size(2) == 1 && x.size(3) == 1) {
    const at::Tensor y = at::mm(x.flatten(1), weight_.flatten(1));
    return y.view({x.size(0), outputs, kernel, kernel}) + bias_.view({1, outputs, 1, 1});
  }
  if (outputs <= 4 && stride_ == 2 && kernel % 2 == 0) return by_pixel_shuffle(x);
  return at::conv_transpose2d(x, weight_, bias_, stride_);
}

// Row 2 p + r of the output is the sum over q of row q of the input times row 2 (p - q) + r of the
// kernel: for each r = 0, 1 a convolution with half of the kernel's rows, in reverse order.
at::Tensor ConvTranspose2d::by_pixel_shuffle(const at::Tensor& x) const {
  const int64_t inputs = weight_.size(0), outputs = weight_.size(1), half = weight_.size(2) / 2;
  const at::Tensor kernels = weight_.view({inputs, outputs, half, 2, half, 2})
                                 .flip({2, 4})
                                 .permute({1, 3, 5, 0, 2, 4})
                                 .reshape({4 * outputs, inputs, half, half});
  const at::Tensor biases = bias_.unsqueeze(1).expand({outputs, 4}).reshape({4 * outputs});
  return at::pixel_shuffle(at::conv2d(x, kernels, biases, /*stride=*/1, /*padding=*/half - 1), 2);
}

void BatchNorm1d::declare(Shapes& shapes, const std::string& name, int64_t size) {
  LayerNorm::declare(shapes, name, size);
}

BatchNorm1d::BatchNorm1d(const Parameters& parameters, const std::string& name)
    : name_(name),
      weight_(parameters.at(name + ".weight")),
      bias_(parameters.at(name + ".bias")),
      mean_(at::zeros_like(weight_.detach())),
      variance_(at::ones_like(mean_)),
      batches_(at::zeros({}, mean_.options().dtype(at::kLong))) {}

at::Tensor BatchNorm1d::operator()(const at::Tensor& x, ForwardMode mode) {
  const bool remembers = mode != ForwardMode::kValidation;
  if (mode == ForwardMode::kTraining) batches_.add_(1);
  return at::batch_norm(x, weight_, bias_, remembers ? mean_ : at::Tensor(),
                        remembers ? variance_ : at::Tensor(), mode != ForwardMode::kInference,
                        /*momentum=*/0.1, /*eps=*/1e-5, /*cudnn_enabled=*/true);
}

void BatchNorm1d::add_buffers(TensorMap& out) const {
  out.add(name_ + ".running_mean", mean_);
  out.add(name_ + ".running_var", variance_);
  out.add(name_ + ".num_batches_tracked", batches_);
}

void reset_parameters(Parameters& parameters, Rng& rng) {
  double bound = 0.0;
  for (const auto& [name, parameter] : parameters.named()) {
    if (parameter.dim() == 1 && name.ends_with("weight")) {
      parameter.detach().fill_(1.0);
      bound = 0.0;
      continue;
    }
    if (parameter.dim() >= 2) {
      const int64_t fan_in = parameter.numel() / parameter.size(0);
      bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
    }
    fill_uniform(parameter, bound, rng);
  }
}

void fill_orthogonal(const at::Tensor& matrix, double gain, Rng& rng) {
  const int64_t rows = matrix.size(0), columns = matrix.size(1);
  const at::Tensor normal =
      at::empty({std::max(rows, columns), std::min(rows, columns)}, at::kDouble);
  rng.fill_normal(
      std::span<double>(normal.mutable_data_ptr<double>(), static_cast<size_t>(normal.numel())));
  const auto [q, r] = at::linalg_qr(normal);
  // The decomposition is unique, and its Q uniformly distributed, when R has a positive diagonal.
  const at::Tensor unique = q * r.diagonal().sign();
  matrix.detach().copy_(gain * (rows < columns ? unique.t() : unique));
}

void fill_uniform(const at::Tensor& tensor, double bound, Rng& rng) {
  const at::Tensor values = at::zeros(tensor.sizes(), at::kFloat);
  auto* data = values.mutable_data_ptr<float>();
  for (int64_t i = 0; i < values.numel() && bound > 0.0; ++i) {
    data[i] = static_cast<float>(rng.uniform(-bound, bound));
  }
  tensor.detach().copy_(values);
}

void fill_normal(const at::Tensor& tensor, double std, Rng& rng) {
  const at::Tensor values = at::empty(tensor.sizes(), at::kFloat);
  auto* data = values.mutable_data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    data[i] = static_cast<float>(std * rng.standard_normal());
  }
  tensor.detach().copy_(values);
}

}  // namespace reverie
