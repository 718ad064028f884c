#pragma once

#include <Eigen/Core>

#include <ATen/core/TensorBody.h>

namespace reverie {

// Tensors of doubles on the CPU as Eigen sees them, without a copy. They must be contiguous and
// outlive the view.
using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline Eigen::Map<RowMajorMatrix> as_matrix(const at::Tensor& x) {
  return {x.mutable_data_ptr<double>(), x.size(0), x.size(1)};
}

inline Eigen::Map<Eigen::VectorXd> as_vector(const at::Tensor& x) {
  return {x.mutable_data_ptr<double>(), x.size(0)};
}

}  // namespace reverie
