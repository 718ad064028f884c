// Updates of agents never wait for the device. LibTorch's meta device has shapes and no values:
// what reads a value (.item(), .cpu()) throws there, and so does what mixes it with a tensor that
// was made on the CPU by mistake.
#include <gtest/gtest.h>
#include <torch/library.h>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"

namespace reverie {
namespace {

// Kernels that LibTorch lacks on this device: they do what a fake one has to, which is to look at
// devices and shapes.
void check_lists(at::TensorList a, at::TensorList b) {
  TORCH_CHECK(a.size() == b.size(), "lists of different length");
  for (size_t i = 0; i < a.size(); ++i) {
    TORCH_CHECK(a[i].is_meta() && b[i].is_meta() && a[i].sizes() == b[i].sizes(),
                "a tensor on another device or of another shape");
  }
}

void fake_adam(at::TensorList parameters, at::TensorList gradients, at::TensorList m,
               at::TensorList v, at::TensorList /*largest_v*/, at::TensorList /*steps*/,
               double /*rate*/, double /*beta1*/, double /*beta2*/, double /*decay*/,
               double /*epsilon*/, bool /*amsgrad*/, bool /*maximize*/,
               const std::optional<at::Tensor>& /*scale*/,
               const std::optional<at::Tensor>& /*found_inf*/) {
  check_lists(parameters, gradients);
  check_lists(parameters, m);
  check_lists(parameters, v);
}

at::Tensor fake_where(const at::Tensor& condition, const at::Tensor& yes, const at::Tensor& no) {
  TORCH_CHECK(condition.is_meta() && yes.is_meta() && no.is_meta(), "another device");
  return at::empty_like(yes);
}

at::Tensor fake_relu(const at::Tensor& x) { return at::empty_like(x); }

// A layer norm is computed by it there.
std::tuple<at::Tensor, at::Tensor, at::Tensor> fake_batch_norm(
    const at::Tensor& x, const std::optional<at::Tensor>& /*weight*/,
    const std::optional<at::Tensor>& /*bias*/, const std::optional<at::Tensor>& /*mean*/,
    const std::optional<at::Tensor>& /*variance*/, bool /*training*/, double /*momentum*/,
    double /*epsilon*/) {
  const at::Tensor statistics = at::empty({x.size(1)}, x.options());
  return {at::empty_like(x), statistics, at::empty_like(statistics)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> fake_layer_norm_backward(
    const at::Tensor& gradient, const at::Tensor& x, at::IntArrayRef shape,
    const at::Tensor& /*mean*/, const at::Tensor& /*rstd*/,
    const std::optional<at::Tensor>& /*weight*/, const std::optional<at::Tensor>& /*bias*/,
    std::array<bool, 3> /*wanted*/) {
  TORCH_CHECK(gradient.is_meta() && x.is_meta(), "another device");
  return {at::empty_like(x), at::empty(shape, x.options()), at::empty(shape, x.options())};
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("native_batch_norm", fake_batch_norm);
  library.impl("native_layer_norm_backward", fake_layer_norm_backward);
  library.impl("relu", fake_relu);
  library.impl("_fused_adam_", fake_adam);
  library.impl("where.self", fake_where);
}

TensorMap on_meta(const TensorMap& tensors) {
  TensorMap out;
  for (const auto& [name, tensor] : tensors) out.add(name, tensor.to(at::kMeta));
  return out;
}

Batch on_meta(const Batch& batch) {
  return {.obs = on_meta(batch.obs),
          .next_obs = on_meta(batch.next_obs),
          .action = batch.action.to(at::kMeta),
          .reward = batch.reward.to(at::kMeta),
          .discount = batch.discount.to(at::kMeta),
          .index = batch.index};
}

std::vector<std::string> agents_of_transitions() {
  std::vector<std::string> names;
  const EnvSpec spec = SpaceAdapter::adapt(test::PointEnv::make_spec({}));
  for (const AgentEntry& entry : agent_registry()) {
    if (!entry.learns()) continue;
    try {
      const auto agent = entry.config()->make(spec, at::kCPU, 0);
      if (dynamic_cast<TransitionAgent*>(agent.get()) != nullptr) names.push_back(entry.name);
    } catch (const Error&) {  // does not suit the task
    }
  }
  return names;
}

class MetaDevice : public testing::TestWithParam<std::string> {};

TEST_P(MetaDevice, AnUpdateReadsNoValue) {
  const EnvSpec spec = SpaceAdapter::adapt(test::PointEnv::make_spec({}));
  const auto made = find_agent(GetParam()).config()->make(spec, at::kMeta, 1);
  auto& agent = dynamic_cast<TransitionAgent&>(*made);
  Rng rng(1);
  for (int i = 0; i < 2; ++i) {
    const Batch batch = on_meta(test::random_batch(spec, 16, rng));
    agent.observe(batch.obs);
    for (const auto& [name, value] : agent.update(batch).metrics) {
      EXPECT_TRUE(value.device().is_meta()) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, MetaDevice, testing::ValuesIn(agents_of_transitions()),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// The test is worth something: these mistakes are noticed.
TEST(MetaDeviceItself, ThrowsWhereAValueIsReadAndWhereDevicesMix) {
  const at::Tensor x = at::zeros({3}, at::TensorOptions().device(at::kMeta));
  EXPECT_ANY_THROW(x.sum().item<double>());
  EXPECT_ANY_THROW(x.cpu());
  EXPECT_ANY_THROW(x + at::zeros({3}));
}

}  // namespace
}  // namespace reverie
