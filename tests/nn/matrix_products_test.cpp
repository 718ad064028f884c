#include "nn/matrix_products.h"

#include <ATen/CPUFunctions.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::max_difference;

// Sums of 200 to 400 products of normal numbers; float32 rounds to 1e-4, bfloat16 to 1e-1.
constexpr double kRounding = 5e-4;

at::Tensor exact(const at::Tensor& x) { return x.detach().to(at::kDouble); }

// The layouts in which layers and their gradients hand over a matrix [rows, columns].
std::vector<at::Tensor> layouts(int64_t rows, int64_t columns) {
  return {at::randn({rows, columns}),
          at::randn({columns, rows}).t(),
          at::randn({rows, columns + 5}).narrow(1, 2, columns),
          at::randn({columns, rows + 3}).t().narrow(0, 1, rows),
          at::randn({rows, 1}).expand({rows, columns}),
          at::randn({rows, 2 * columns}).slice(1, 0, 2 * columns, 2)};
}

class MatrixProducts : public testing::Test {
 protected:
  void SetUp() override { choose_matrix_products(); }
};

TEST_F(MatrixProducts, AreExactInEveryLayout) {
  for (const at::Tensor& a : layouts(300, 200)) {
    for (const at::Tensor& b : layouts(200, 260)) {
      EXPECT_LT(max_difference(at::mm(a, b), at::mm(exact(a), exact(b))), kRounding)
          << a.strides() << b.strides();
    }
  }
}

// oneDNN takes a thousand times as long for a second matrix with gaps.
TEST_F(MatrixProducts, RunInOneDnnOnlyWhereItIsFast) {
  const at::Tensor a = at::randn({300, 200}), b = at::randn({200, 260});
  if (!is_onednn_faster(a, b)) GTEST_SKIP() << "MKL is fast on this processor";
  EXPECT_FALSE(at::equal(at::mm(a, b), at::cpu::mm(a, b))) << "the kernel is replaced";
  EXPECT_TRUE(is_onednn_faster(a, at::randn({260, 200}).t()));
  EXPECT_TRUE(is_onednn_faster(at::randn({300, 205}).narrow(1, 2, 200), b)) << "it is copied";
  const at::Tensor wide = at::randn({200, 300}), tall = at::randn({300, 260});
  EXPECT_FALSE(is_onednn_faster(a, wide.narrow(1, 0, 260)));
  EXPECT_FALSE(is_onednn_faster(a, tall.narrow(0, 0, 260).narrow(1, 0, 200).t()));
  EXPECT_FALSE(is_onednn_faster(a, at::randn({200, 1}).expand({200, 260})));
  EXPECT_FALSE(is_onednn_faster(at::randn({30000, 200}), at::randn({200, 1})));
  EXPECT_FALSE(is_onednn_faster(at::randn({30, 20}), at::randn({20, 26})));
  EXPECT_FALSE(is_onednn_faster(exact(a), exact(b)));
}

TEST_F(MatrixProducts, AddWhatIsBroadcast) {
  const at::Tensor a = at::randn({300, 200}), b = at::randn({200, 260});
  for (const at::Tensor& x :
       {at::randn({260}), at::randn({300, 260}), at::randn({300, 1}), at::randn({1, 260}),
        at::randn({}), at::randn({1}), at::randn({520}).slice(0, 0, 520, 2)}) {
    for (const auto& [beta, alpha] : {std::pair{1.0, 1.0}, {0.5, 1.0}, {1.0, -2.0}, {0.0, 1.0}}) {
      const at::Tensor before = x.clone();
      const at::Tensor expected = beta * exact(x) + alpha * at::mm(exact(a), exact(b));
      EXPECT_LT(max_difference(at::addmm(x, a, b, beta, alpha), expected), kRounding)
          << x.sizes() << " " << beta << " " << alpha;
      EXPECT_TRUE(at::equal(x, before));
    }
  }
  const at::Tensor nan = at::full({260}, NAN);
  EXPECT_LT(max_difference(at::addmm(nan, a, b, 0.0), at::mm(exact(a), exact(b))), kRounding);
}

TEST_F(MatrixProducts, OfBatches) {
  for (const int64_t members : {1, 2, 11}) {
    const at::Tensor a = at::randn({members, 300, 200}), b = at::randn({members, 260, 200}).mT();
    const at::Tensor expected = at::bmm(exact(a), exact(b));
    EXPECT_LT(max_difference(at::bmm(a, b), expected), kRounding) << members;
    for (const at::Tensor& x : {at::randn({members, 1, 260}), at::randn({members, 300, 260}),
                                at::randn({1, 1, 260}), at::randn({300, 1})}) {
      EXPECT_LT(max_difference(at::baddbmm(x, a, b), exact(x) + expected), kRounding) << x.sizes();
      EXPECT_LT(max_difference(at::baddbmm(x, a, b, 2.0, 0.5), 2.0 * exact(x) + 0.5 * expected),
                kRounding);
    }
  }
}

TEST_F(MatrixProducts, OtherTypesAndSizesThatDoNotFit) {
  const at::Tensor a = at::randn({300, 200}), b = at::randn({200, 260});
  EXPECT_EQ(at::mm(exact(a), exact(b)).scalar_type(), at::kDouble);
  EXPECT_THROW(at::mm(a, a), c10::Error);
  EXPECT_THROW(at::mm(a, exact(b)), c10::Error);
  EXPECT_THROW(at::addmm(at::randn({7}), a, b), c10::Error);
  EXPECT_THROW(at::bmm(a.unsqueeze(0), a.unsqueeze(0)), c10::Error);
  EXPECT_EQ(at::mm(at::empty({0, 200}), b).sizes(), (at::IntArrayRef{0, 260}));
}

TEST_F(MatrixProducts, PassGradientsOn) {
  const at::Tensor x = at::randn({300, 200}).requires_grad_();
  const at::Tensor weight = at::randn({260, 200}).requires_grad_();
  const at::Tensor bias = at::randn({260}).requires_grad_();
  const at::Tensor g = at::randn({300, 260});
  (at::linear(x, weight, bias) * g).sum().backward();
  EXPECT_LT(max_difference(x.grad(), at::mm(exact(g), exact(weight))), kRounding);
  EXPECT_LT(max_difference(weight.grad(), at::mm(exact(g).t(), exact(x))), kRounding);
  EXPECT_LT(max_difference(bias.grad(), exact(g).sum(0)), kRounding);
}

}  // namespace
}  // namespace reverie
