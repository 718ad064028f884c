#include "nn/layers.h"

#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::max_difference;

struct Case {
  int64_t inputs, outputs, kernel, stride, side;
};

// The three ways to compute it are LibTorch's operator, with its gradients.
TEST(ConvTranspose2d, IsLibTorchsInEachOfItsForms) {
  for (const auto& [inputs, outputs, kernel, stride, side] :
       {Case{6, 5, 5, 2, 1}, Case{6, 3, 6, 2, 4}, Case{6, 1, 2, 2, 3}, Case{6, 3, 4, 2, 5},
        Case{6, 5, 6, 2, 4}, Case{6, 3, 5, 2, 3}, Case{6, 3, 6, 3, 3}}) {
    SCOPED_TRACE(fmt::format("{} to {} channels, kernel {} / {}, side {}", inputs, outputs, kernel,
                             stride, side));
    Shapes shapes;
    ConvTranspose2d::declare(shapes, "layer", inputs, outputs, kernel);
    Parameters parameters(shapes, at::kCPU);
    Rng rng(2);
    reset_parameters(parameters, rng);
    at::Tensor x = at::empty({2, inputs, side, side + (side > 1 ? 1 : 0)});
    fill_normal(x, 1.0, rng);
    x.requires_grad_();
    const at::Tensor y = ConvTranspose2d(parameters, "layer", stride)(x);
    at::Tensor weight = at::empty(y.sizes());
    fill_normal(weight, 1.0, rng);
    (y * weight).sum().backward();
    const at::Tensor x_gradient = x.grad().clone(), gradients = parameters.flat_grad().clone();
    x.mutable_grad().zero_();
    parameters.zero_grad();
    const at::Tensor expected =
        at::conv_transpose2d(x, parameters.at("layer.weight"), parameters.at("layer.bias"), stride);
    (expected * weight).sum().backward();
    EXPECT_LT(max_difference(y, expected), 1e-5);
    EXPECT_LT(max_difference(x_gradient, x.grad()), 1e-5);
    EXPECT_LT(max_difference(gradients, parameters.flat_grad()), 5e-5);
  }
}

}  // namespace
}  // namespace reverie
