#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

namespace reverie {

// Makes a search without bounds one within bounds. inside() is a zigzag of slope 1, rounded at its
// turns: in the margin a around a lower bound b it is
//
//   x -> b + (x - (b - a))^2 / (4 a)   from b - a, where it turns, to b + a
//   a = min((1 + |b|) / 20, half the width)
//
// and likewise at an upper one. Elsewhere between the bounds it is the identity. A minimum at a
// bound therefore looks quadratic from outside, not like a kink.
//
// Source: the idea of pycma 4.5.0, boundary_handler.py, BoundTransform.
class Bounds {
 public:
  // Of n numbers: none, one for all, or one for each; infinite ones are none. Throws Error(kInput)
  // for another count, and unless each lower bound is below the upper one.
  Bounds(const std::vector<double>& lower, const std::vector<double>& upper, int64_t n);

  at::Tensor inside(const at::Tensor& x) const;  // [..., n] float64, a copy

  // One of the x that inside() takes to v: [n] float64. Throws Error(kInput) where v is out of
  // bounds.
  at::Tensor outside(const at::Tensor& v) const;

 private:
  bool is_none_;
  std::vector<double> lower_, upper_, lower_margin_, upper_margin_;
};

}  // namespace reverie
