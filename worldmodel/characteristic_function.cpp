#include "worldmodel/characteristic_function.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>

#include "nn/pch.h"

namespace reverie {
namespace {

// The number of columns processed together: whole vector registers, and few enough that the sums of
// all knots stay in the first-level cache.
constexpr int64_t kColumns = 16;

struct Rotations {
  at::Tensor cos, sin, cos_step, sin_step;  // [..., N, M]

  Rotations(const at::Tensor& x, const EvenKnots& knots)
      : cos(at::cos(x * knots.start)),
        sin(at::sin(x * knots.start)),
        cos_step(at::cos(x * knots.step)),
        sin_step(at::sin(x * knots.step)) {}

  void advance() {
    at::Tensor next = cos * cos_step;
    next.addcmul_(sin, sin_step, -1.0);
    sin.mul_(cos_step).addcmul_(cos, sin_step);
    cos = std::move(next);
  }
};

// One block of columns of one group on the CPU: the rotations, row by row.
struct Block {
  const float *cos, *sin, *cos_step, *sin_step;  // of the first row
  int64_t stride;                                // from row to row
  int64_t rows;
  int64_t columns;  // <= kColumns

  // Calls visit(row, k, c, s) for every row and knot, with kColumns values each; columns beyond the
  // block are zero.
  template <typename Visit>
  void for_each_knot(int64_t knots, Visit visit) const {
    for (int64_t row = 0; row < rows; ++row) {
      float c[kColumns] = {}, s[kColumns] = {}, step_c[kColumns] = {}, step_s[kColumns] = {};
      const int64_t at = row * stride;
      std::copy_n(cos + at, columns, c);
      std::copy_n(sin + at, columns, s);
      std::copy_n(cos_step + at, columns, step_c);
      std::copy_n(sin_step + at, columns, step_s);
      for (int64_t k = 0; k < knots; ++k) {
        visit(row, k, c, s);
        for (int64_t j = 0; j < kColumns; ++j) {
          const float next = c[j] * step_c[j] - s[j] * step_s[j];
          s[j] = s[j] * step_c[j] + c[j] * step_s[j];
          c[j] = next;
        }
      }
    }
  }
};

// Calls work(group, first column, block) for all blocks of columns, on all threads.
template <typename Work>
void for_each_block(const Rotations& rotations, const Work& work) {
  const int64_t rows = rotations.cos.size(-2), width = rotations.cos.size(-1);
  const int64_t groups = rotations.cos.numel() / std::max<int64_t>(rows * width, 1);
  const int64_t blocks = (width + kColumns - 1) / kColumns;
  const auto* cos = rotations.cos.const_data_ptr<float>();
  const auto* sin = rotations.sin.const_data_ptr<float>();
  const auto* cos_step = rotations.cos_step.const_data_ptr<float>();
  const auto* sin_step = rotations.sin_step.const_data_ptr<float>();
  at::parallel_for(0, groups * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t group = i / blocks, column = i % blocks * kColumns;
      const int64_t at = group * rows * width + column;
      work(group, column,
           Block{.cos = cos + at,
                 .sin = sin + at,
                 .cos_step = cos_step + at,
                 .sin_step = sin_step + at,
                 .stride = width,
                 .rows = rows,
                 .columns = std::min(kColumns, width - column)});
    }
  });
}

bool fits_kernel(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

std::vector<int64_t> means_shape(const at::Tensor& x, int64_t knots) {
  std::vector<int64_t> shape = x.sizes().vec();
  shape.erase(shape.end() - 2);
  shape.insert(shape.begin(), {2, knots});
  return shape;
}

}  // namespace

at::Tensor characteristic_function(const at::Tensor& x, const EvenKnots& knots) {
  const int64_t count = knots.knots;
  Rotations rotations(x.contiguous(), knots);
  at::Tensor means = at::empty(means_shape(x, count), x.options());
  if (!fits_kernel(x)) {
    for (int64_t k = 0; k < count; ++k) {
      if (k > 0) rotations.advance();
      means[0][k].copy_(rotations.cos.mean(-2));
      means[1][k].copy_(rotations.sin.mean(-2));
    }
    return means;
  }
  const int64_t width = x.size(-1);
  const int64_t plane = means.numel() / (2 * count);  // [..., M] of one knot
  auto* out = means.mutable_data_ptr<float>();
  const float share = 1.0F / static_cast<float>(x.size(-2));
  for_each_block(rotations, [&](int64_t group, int64_t column, const Block& block) {
    std::vector<float> sums(static_cast<size_t>(2 * count * kColumns));
    float* const cos_sums = sums.data();
    float* const sin_sums = cos_sums + count * kColumns;
    block.for_each_knot(count, [&](int64_t, int64_t k, const float* c, const float* s) {
      for (int64_t j = 0; j < kColumns; ++j) cos_sums[k * kColumns + j] += c[j];
      for (int64_t j = 0; j < kColumns; ++j) sin_sums[k * kColumns + j] += s[j];
    });
    for (int64_t k = 0; k < 2 * count; ++k) {
      float* const row = out + k * plane + group * width + column;
      for (int64_t j = 0; j < block.columns; ++j) row[j] = share * cos_sums[k * kColumns + j];
    }
  });
  return means;
}

at::Tensor trigonometric_sum(const at::Tensor& x, const EvenKnots& knots,
                             const at::Tensor& weights) {
  const int64_t count = knots.knots;
  Rotations rotations(x.contiguous(), knots);
  at::Tensor sum = at::zeros(x.sizes(), x.options());
  if (!fits_kernel(x)) {
    for (int64_t k = 0; k < count; ++k) {
      if (k > 0) rotations.advance();
      sum.addcmul_(rotations.cos, weights[0][k].unsqueeze(-2));
      sum.addcmul_(rotations.sin, weights[1][k].unsqueeze(-2));
    }
    return sum;
  }
  const at::Tensor rows = weights.contiguous();
  const int64_t width = x.size(-1);
  const int64_t plane = rows.numel() / (2 * count);
  const auto* weight = rows.const_data_ptr<float>();
  auto* out = sum.mutable_data_ptr<float>();
  for_each_block(rotations, [&](int64_t group, int64_t column, const Block& block) {
    std::vector<float> own(static_cast<size_t>(2 * count * kColumns));
    for (int64_t k = 0; k < 2 * count; ++k) {
      std::copy_n(weight + k * plane + group * width + column, block.columns,
                  own.data() + k * kColumns);
    }
    const float* const cos_weight = own.data();
    const float* const sin_weight = cos_weight + count * kColumns;
    float total[kColumns] = {};
    block.for_each_knot(count, [&](int64_t row, int64_t k, const float* c, const float* s) {
      for (int64_t j = 0; j < kColumns; ++j) {
        total[j] += cos_weight[k * kColumns + j] * c[j] + sin_weight[k * kColumns + j] * s[j];
      }
      if (k + 1 < count) return;
      float* const to = out + (group * block.rows + row) * width + column;
      std::copy_n(total, block.columns, to);
      std::fill_n(total, kColumns, 0.0F);
    });
  });
  return sum;
}

}  // namespace reverie
