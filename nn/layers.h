#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/parameters.h"

namespace reverie {

// Layers are handles to tensors that a Parameters block owns. A network declares the shapes of its
// layers, makes the block, and then makes the layers from it by the same names, which are those of
// PyTorch's state dicts. A layer must not outlive the block.
using Shapes = std::vector<Parameters::Shape>;

// y = x W^T + b over the last axis.
class Linear {
 public:
  static void declare(Shapes& shapes, const std::string& name, int64_t inputs, int64_t outputs,
                      bool bias = true);

  Linear() = default;  // no layer: returns its input
  Linear(const Parameters& parameters, const std::string& name);

  at::Tensor operator()(const at::Tensor& x) const;  // [..., inputs] to [..., outputs]

 private:
  at::Tensor weight_, bias_;
};

// Normalises to zero mean and unit variance over the last axis, then applies gain and bias if there
// are any.
class LayerNorm {
 public:
  static void declare(Shapes& shapes, const std::string& name, int64_t size);

  // Without parameters, for vectors of that size.
  LayerNorm(int64_t size, double epsilon) : size_(size), epsilon_(epsilon) {}
  LayerNorm(const Parameters& parameters, const std::string& name, double epsilon = 1e-5);

  at::Tensor operator()(const at::Tensor& x) const;

 private:
  int64_t size_;
  double epsilon_;
  at::Tensor weight_, bias_;
};

// tanh(LayerNorm(x W^T + b)) of the first inputs; those behind them join its output as they are. It
// bounds what later layers read at any scale of x (the `trunk` of Yarats et al. 2021, DrQ-v2).
class Trunk {
 public:
  // "name.0" is linear, "name.1" a layer norm; without a name "0" and "1".
  static void declare(Shapes& shapes, const std::string& name, int64_t inputs, int64_t outputs);

  Trunk(const Parameters& parameters, const std::string& name);

  at::Tensor operator()(const at::Tensor& x) const;  // [B, inputs + R] to [B, outputs + R]

 private:
  Linear linear_;
  LayerNorm norm_;
  int64_t inputs_;
};

// A two-dimensional convolution.
class Conv2d {
 public:
  static void declare(Shapes& shapes, const std::string& name, int64_t inputs, int64_t outputs,
                      int64_t kernel);

  Conv2d(const Parameters& parameters, const std::string& name, int64_t stride, int64_t padding);

  at::Tensor operator()(const at::Tensor& x) const;  // [N, C, H, W]

 private:
  at::Tensor weight_, bias_;
  int64_t stride_, padding_;
};

// A two-dimensional transposed convolution without padding: sides S become (S - 1) stride + kernel.
// Every input pixel adds the kernel, times its value, to the output at its place.
//
// Computed in the form that is fastest on a CPU: from pictures of 1 x 1 as a matrix product; to at
// most 4 channels, where stride 2 divides the kernel, as a convolution that makes 2 x 2 pixels at
// once (Shi et al. 2016, arXiv:1609.05158); otherwise by LibTorch's operator. 100 pictures forward
// and backward on one thread: 1024 to 128 channels from 1 x 1 22 ms in the place of 59, 32 to 3
// channels from 30 x 30 25 in the place of 29, forward alone 9 in the place of 19.
class ConvTranspose2d {
 public:
  static void declare(Shapes& shapes, const std::string& name, int64_t inputs, int64_t outputs,
                      int64_t kernel);

  ConvTranspose2d(const Parameters& parameters, const std::string& name, int64_t stride);

  at::Tensor operator()(const at::Tensor& x) const;  // [N, C, H, W]

 private:
  at::Tensor by_pixel_shuffle(const at::Tensor& x) const;

  at::Tensor weight_, bias_;  // [inputs, outputs, kernel, kernel], [outputs]
  int64_t stride_;
};

// The purpose of a forward pass.
enum class ForwardMode : uint8_t {
  kInference,   // every input by itself, as it is used
  kValidation,  // as in training, without updating statistics or dropout
  kTraining,
};

// Normalises each feature to zero mean and unit variance (Ioffe & Szegedy 2015). Training and
// validation use the batch's statistics; inference uses a running mean of the training batches with
// momentum 0.1, which lags behind weights that change fast.
class BatchNorm1d {
 public:
  static void declare(Shapes& shapes, const std::string& name, int64_t size);

  BatchNorm1d(const Parameters& parameters, const std::string& name);

  at::Tensor operator()(const at::Tensor& x, ForwardMode mode);  // [N, size]

  // Appends handles to running_mean, running_var and num_batches_tracked, as "name.running_mean".
  void add_buffers(TensorMap& out) const;

 private:
  std::string name_;
  at::Tensor weight_, bias_, mean_, variance_, batches_;
};

// Initialises a block with PyTorch's defaults, so that published hyper-parameters apply: weights of
// two or more axes and their biases from U(-k, k), k = 1/sqrt(fan in); weights of one axis (norms)
// with 1 and their biases with 0.
void reset_parameters(Parameters& parameters, Rng& rng);

// Fills a matrix [n, m] with orthonormal rows or, when n > m, columns, times `gain`, from the QR
// decomposition of random numbers (Saxe et al. 2014, arXiv:1312.6120).
void fill_orthogonal(const at::Tensor& matrix, double gain, Rng& rng);

// Fills one tensor from U(-bound, bound).
void fill_uniform(const at::Tensor& tensor, double bound, Rng& rng);

// Fills one tensor from N(0, std^2).
void fill_normal(const at::Tensor& tensor, double std, Rng& rng);

}  // namespace reverie
