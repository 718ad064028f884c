#include "tests/meta_device.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/library.h>

namespace reverie::test {
namespace {

using c10::IValue;

// Calls visit(tensor) for every tensor among the arguments of an operation.
template <typename Visit>
void for_each_tensor(const IValue& value, const Visit& visit) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) visit(value.toTensor());
  } else if (value.isList()) {
    for (const IValue& element : value.toListRef()) for_each_tensor(element, visit);
  }
}

// Replaces every tensor of the meta device by one of the CPU: ones, or zeros where they may be
// indices.
IValue on_cpu(const IValue& value) {
  if (value.isTensor()) {
    const at::Tensor& tensor = value.toTensor();
    if (!tensor.defined() || !tensor.is_meta()) return value;
    const at::TensorOptions options = tensor.options().device(at::kCPU);
    return tensor.is_floating_point() ? at::ones(tensor.sizes(), options)
                                      : at::zeros(tensor.sizes(), options);
  }
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector())
      list.push_back(on_cpu(tensor).toTensor());
    return list;
  }
  return value;
}

// A Meta kernel of any operator whose results have shapes that do not depend on values: it runs on
// the CPU, and the results become tensors of the meta device, or the arguments that they alias.
void find_shapes_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const c10::FunctionSchema& schema = op.schema();
  const size_t count = schema.arguments().size();
  const std::vector<IValue> arguments(stack->end() - static_cast<int64_t>(count), stack->end());
  torch::jit::drop(*stack, count);
  torch::jit::Stack on_host;
  for (const IValue& argument : arguments) on_host.push_back(on_cpu(argument));
  const torch::jit::Stack host_arguments = on_host;
  op.callBoxed(on_host);
  for (size_t r = 0; r < on_host.size(); ++r) {
    IValue result = on_host[r];
    for (size_t a = 0; a < count; ++a) {
      const auto* alias = schema.arguments()[a].alias_info();
      const auto* returned = schema.returns()[r].alias_info();
      if (alias != nullptr && returned != nullptr && *alias == *returned) {
        if (result.isTensor()) arguments[a].toTensor().resize_(result.toTensor().sizes());
        result = arguments[a];
      }
    }
    if (result.isTensor() && result.toTensor().defined() && !result.toTensor().is_meta()) {
      const at::Tensor& tensor = result.toTensor();
      result = at::empty(tensor.sizes(), tensor.options().device(at::kMeta));
    }
    stack->push_back(result);
  }
}

// LibTorch keeps the Meta kernels of these in its Python package.
constexpr const char* kOperators[] = {
    "_fused_adam_",
    "_fused_adam_.tensor_lr",
    "_fused_adamw_",
    "_fused_adamw_.tensor_lr",
    "abs.out",
    "bucketize.Tensor",
    "convolution",
    "convolution_backward",
    "flip",
    "huber_loss",
    "huber_loss_backward",
    "index_select",
    "isnan",
    "logical_and.out",
    "logical_not.out",
    "logical_or.out",
    "median",
    "mse_loss_backward",
    "multinomial",
    "nan_to_num.out",
    "native_batch_norm",
    "native_batch_norm_backward",
    "native_layer_norm",
    "native_layer_norm_backward",
    "randperm.generator_out",
    "relu",
    "std.correction",
    "var.correction",
    "where.self",
    "where.self_out",
};

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  for (const char* name : kOperators) {
    library.impl(name, torch::CppFunction::makeFromBoxedFunction<&find_shapes_on_cpu>());
  }
}

}  // namespace

struct MetaDevice::Watch {
  std::vector<std::string> faults;
  at::CallbackHandle handle = 0;
  Watch* outer = nullptr;

  static thread_local Watch* current;

  static std::unique_ptr<at::ObserverContext> look(const at::RecordFunction& call) {
    bool has_meta = false;
    std::vector<std::string> of_cpu;
    for (const IValue& input : call.inputs()) {
      for_each_tensor(input, [&](const at::Tensor& tensor) {
        if (tensor.is_meta()) has_meta = true;
        if (tensor.is_cpu() && tensor.dim() > 0) {
          of_cpu.push_back(fmt::format("[{}]", fmt::join(tensor.sizes(), ", ")));
        }
      });
    }
    if (has_meta && !of_cpu.empty() && current != nullptr) {
      current->faults.push_back(
          fmt::format("{}: {} of the CPU", call.name(), fmt::join(of_cpu, ", ")));
    }
    return nullptr;
  }
};

thread_local MetaDevice::Watch* MetaDevice::Watch::current = nullptr;

MetaDevice::MetaDevice() : watch_(std::make_unique<Watch>()) {
  watch_->outer = std::exchange(Watch::current, watch_.get());
  if (watch_->outer != nullptr) return;  // one callback serves whoever watches
  watch_->handle = at::addThreadLocalCallback(at::RecordFunctionCallback(&Watch::look)
                                                  .needsInputs(true)
                                                  .scopes({at::RecordScope::FUNCTION}));
}

MetaDevice::~MetaDevice() {
  if (watch_->outer == nullptr) at::removeCallback(watch_->handle);
  Watch::current = watch_->outer;
}

const std::vector<std::string>& MetaDevice::faults() const { return watch_->faults; }

void MetaDevice::forget_faults() { watch_->faults.clear(); }

}  // namespace reverie::test
