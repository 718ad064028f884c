#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/error.h"
#include "core/spec.h"

namespace reverie {

// Tensors under the names of the environment's fields, in the order of the spec. There are only a
// few, so look-up is a linear search.
class TensorMap {
 public:
  using Entry = std::pair<std::string, at::Tensor>;

  TensorMap() = default;
  TensorMap(std::initializer_list<Entry> entries) : entries_(entries) {}

  explicit TensorMap(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  const std::vector<Entry>& entries() const { return entries_; }

  void add(std::string name, at::Tensor tensor) {
    entries_.emplace_back(std::move(name), std::move(tensor));
  }

  // Throws Error that names the known fields when none has that name.
  const at::Tensor& at(std::string_view name) const {
    for (const Entry& entry : entries_) {
      if (entry.first == name) return entry.second;
    }
    std::vector<std::string> known;
    for (const Entry& entry : entries_) known.push_back(entry.first);
    fail_unknown_name("field", name, known);
  }

  bool contains(std::string_view name) const {
    for (const Entry& entry : entries_) {
      if (entry.first == name) return true;
    }
    return false;
  }

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

// The ATen scalar type of a field.
c10::ScalarType scalar_type(DType dtype);

// The views as tensors [N, ...] of the field's own dtype on the CPU, without a copy. They are valid
// as long as the memory behind the views and change with it.
TensorMap borrow_tensors(FieldViews views);

// One view as a tensor [N, ...], without a copy; the same conditions apply.
at::Tensor borrow_tensor(const FieldView& view);

// A contiguous CPU tensor [N, ...] as rows of the field, without a copy. Throws Error when dtype or
// shape differ from the field's.
ConstFieldView view_of(const Field& field, const at::Tensor& tensor);

// A view's values as a new float64 tensor [N, ...].
at::Tensor copy_as_double(ConstFieldView view);

// The values as a new tensor [n] on the CPU. T is uint8_t, int64_t, float or double.
template <typename T>
at::Tensor copy_to_tensor(std::span<const T> values);

// Copies saved.at(name) into target. Throws Error when it is missing or has another shape or dtype.
void restore_tensor(at::Tensor& target, std::string_view name, const TensorMap& saved);

}  // namespace reverie
