#include "nn/matrix_products.h"

#include <algorithm>

#include <ATen/CPUFunctions.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Exception.h>
#include <torch/library.h>

#include "nn/pch.h"

namespace reverie {
namespace {

// A call of oneDNN costs some 10 us; smaller products are faster in MKL.
constexpr int64_t kLeastWork = int64_t{1} << 20;  // multiplications and additions, each
constexpr int64_t kMostMembers = 8;  // of a batch of products, which run one after the other

using LinearPointwise = at::Tensor(const at::Tensor&, const at::Tensor&,
                                   const std::optional<at::Tensor>&, std::string_view,
                                   c10::List<std::optional<at::Scalar>>,
                                   std::optional<std::string_view>);

bool is_mkl_slow() {
  __builtin_cpu_init();
  return __builtin_cpu_is("intel") == 0 && __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0;
}

// Whether its rows, or its columns, lie directly one after the other.
bool is_packed(const at::Tensor& x) { return x.is_contiguous() || x.t().is_contiguous(); }

// a b + bias by oneDNN. a: [M, K], b: [K, N], bias: [N] or none. Returns [M, N].
at::Tensor product(const at::Tensor& a, const at::Tensor& b,
                   const std::optional<at::Tensor>& bias = std::nullopt) {
  static const auto linear = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
                                 .typed<LinearPointwise>();
  const at::Tensor packed = is_packed(a) ? a : a.contiguous();
  return linear.call(packed, b.t(), bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

bool is_plain(const at::Tensor& x, int64_t dimensions) {
  return x.scalar_type() == at::kFloat && x.dim() == dimensions && x.layout() == at::kStrided &&
         !x.is_neg();
}

// Whether oneDNN is the faster one. It gains nothing on single rows and columns, and has no fast
// kernel for a second matrix with gaps.
bool pays(const at::Tensor& a, const at::Tensor& b) {
  if (!is_plain(a, 2) || !is_plain(b, 2) || a.size(1) != b.size(0)) return false;
  const int64_t rows = a.size(0), inner = a.size(1), columns = b.size(1);
  return std::min({rows, inner, columns}) > 1 && rows * inner * columns > kLeastWork &&
         is_packed(b);
}

// The same for each of a few products: a [E, M, K], b [E, K, N].
bool all_pay(const at::Tensor& a, const at::Tensor& b) {
  return is_plain(a, 3) && is_plain(b, 3) && a.size(0) == b.size(0) && a.size(0) >= 1 &&
         a.size(0) <= kMostMembers && pays(a.select(0, 0), b.select(0, 0));
}

bool is_row(const at::Tensor& x, int64_t size) {
  return x.dim() == 1 && x.size(0) == size && x.stride(0) == 1;
}

bool is_plain_sum(const at::Tensor& x, const at::Scalar& beta, const at::Scalar& alpha) {
  return x.scalar_type() == at::kFloat && beta.equal(1) && alpha.equal(1);
}

at::Tensor cpu_mm(const at::Tensor& a, const at::Tensor& b) {
  return pays(a, b) ? product(a, b) : at::cpu::mm(a, b);
}

at::Tensor cpu_addmm(const at::Tensor& x, const at::Tensor& a, const at::Tensor& b,
                     const at::Scalar& beta, const at::Scalar& alpha) {
  if (!pays(a, b) || !is_plain_sum(x, beta, alpha)) return at::cpu::addmm(x, a, b, beta, alpha);
  if (is_row(x, b.size(1))) return product(a, b, x);
  return product(a, b).add_(x);
}

// bias(e): what is added to each row of a[e] b[e].
template <typename Bias>
at::Tensor each_product(const at::Tensor& a, const at::Tensor& b, const Bias& bias) {
  const at::Tensor y = at::empty({a.size(0), a.size(1), b.size(2)}, a.options());
  for (int64_t e = 0; e < a.size(0); ++e) {
    y.select(0, e).copy_(product(a.select(0, e), b.select(0, e), bias(e)));
  }
  return y;
}

at::Tensor cpu_bmm(const at::Tensor& a, const at::Tensor& b) {
  if (!all_pay(a, b)) return at::cpu::bmm(a, b);
  return each_product(a, b, [](int64_t /*member*/) { return std::nullopt; });
}

at::Tensor cpu_baddbmm(const at::Tensor& x, const at::Tensor& a, const at::Tensor& b,
                       const at::Scalar& beta, const at::Scalar& alpha) {
  if (!all_pay(a, b) || !is_plain_sum(x, beta, alpha)) {
    return at::cpu::baddbmm(x, a, b, beta, alpha);
  }
  if (x.dim() == 3 && x.size(0) == a.size(0) && x.size(1) == 1) {
    const auto bias = [&](int64_t member) { return x.select(0, member).select(0, 0); };
    if (is_row(bias(0), b.size(2))) return each_product(a, b, bias);
  }
  return cpu_bmm(a, b).add_(x);
}

// LibTorch warns of each kernel that replaces one of its own; here that is meant.
class NoWarning final : public c10::WarningHandler {
 public:
  void process(const c10::Warning& /*warning*/) override {}
};

torch::Library replace_kernels() {
  NoWarning ignored;
  const c10::WarningUtils::WarningHandlerGuard guard(&ignored);
  torch::Library library(torch::Library::IMPL, "aten", c10::DispatchKey::CPU, __FILE__, __LINE__);
  library.impl("mm", TORCH_FN(cpu_mm));
  library.impl("addmm", TORCH_FN(cpu_addmm));
  library.impl("bmm", TORCH_FN(cpu_bmm));
  library.impl("baddbmm", TORCH_FN(cpu_baddbmm));
  return library;
}

}  // namespace

bool is_onednn_faster(const at::Tensor& a, const at::Tensor& b) {
  return is_mkl_slow() && pays(a, b);
}

void choose_matrix_products() {
  if (!is_mkl_slow()) return;
  // Never destroyed: the kernels serve until the process ends.
  static const torch::Library* const library = new torch::Library(replace_kernels());
  static_cast<void>(library);
}

}  // namespace reverie
