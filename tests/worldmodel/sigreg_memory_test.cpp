// The memory that SIGReg's test keeps for its gradient: the peak of a step must not grow with the
// knots.

#include <algorithm>
#include <memory>

#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "worldmodel/goodness_of_fit.h"

namespace reverie {
namespace {

// Counts the bytes of all CPU tensors that are made while it exists; the previous allocator does
// the work. Not for several threads that make tensors.
class CountingAllocator final : public c10::Allocator {
 public:
  CountingAllocator() : before_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this); }
  ~CountingAllocator() override { c10::SetCPUAllocator(before_); }
  CountingAllocator(const CountingAllocator&) = delete;
  CountingAllocator& operator=(const CountingAllocator&) = delete;

  c10::DataPtr allocate(size_t bytes) override {
    auto block = std::make_unique<Block>(before_->allocate(bytes), bytes, count_);
    count_->now += bytes;
    count_->peak = std::max(count_->peak, count_->now);
    void* const data = block->memory.get();
    const c10::Device device = block->memory.device();
    return {data, block.release(), &free_block, device};
  }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

  size_t peak() const { return count_->peak; }

 private:
  struct Count {
    size_t now = 0, peak = 0;
  };
  struct Block {
    Block(c10::DataPtr taken, size_t size, std::shared_ptr<Count> counted)
        : memory(std::move(taken)), bytes(size), count(std::move(counted)) {}
    c10::DataPtr memory;
    size_t bytes;
    std::shared_ptr<Count> count;  // tensors may outlive the allocator
  };

  static void free_block(void* context) {
    const std::unique_ptr<Block> block(static_cast<Block*>(context));
    block->count->now -= block->bytes;
  }

  c10::Allocator* before_;
  std::shared_ptr<Count> count_ = std::make_shared<Count>();
};

// The same statistic, differentiated by autograd alone.
at::Tensor plain_statistic(const at::Tensor& x, const EppsPulleyOptions& options) {
  const double step = (options.high - options.low) / static_cast<double>(options.knots - 1);
  at::Tensor sum = at::zeros({x.size(1)}, x.options());
  for (int64_t k = 0; k < options.knots; ++k) {
    const double t = options.low + static_cast<double>(k) * step;
    const double normal = std::exp(-0.5 * t * t);
    const double weight = (k == 0 || k + 1 == options.knots ? 0.5 : 1.0) * step * normal;
    const at::Tensor turned = x * t;
    sum = sum + options.scale * weight * (at::cos(turned).mean(0) - normal).square() +
          options.scale * weight * at::sin(turned).mean(0).square();
  }
  return sum * static_cast<double>(x.size(0));
}

class SigRegMemory : public testing::TestWithParam<c10::ScalarType> {
 protected:
  // [samples, distributions]
  at::Tensor x_ = at::randn({4096, 32}, at::detail::createCPUGenerator(1), at::kFloat)
                      .to(GetParam())
                      .requires_grad_(true);

  // The peak of forward and backward, in tensors of x's size.
  template <typename Statistic>
  double peak(const Statistic& statistic) {
    x_.mutable_grad() = at::Tensor();
    const CountingAllocator allocator;
    statistic(x_).mean().backward();
    return static_cast<double>(allocator.peak()) / static_cast<double>(x_.nbytes());
  }
};

// float32 goes through the kernel, float64 through operations.
INSTANTIATE_TEST_SUITE_P(Types, SigRegMemory, testing::Values(at::kFloat, at::kDouble),
                         [](const auto& type) { return std::string(c10::toString(type.param)); });

TEST_P(SigRegMemory, DoesNotGrowWithTheKnots) {
  const auto own = [&](int64_t knots) {
    const auto test = make_epps_pulley({.knots = knots});
    return peak([&](const at::Tensor& x) { return test->statistic(x); });
  };
  const auto plain = [&](int64_t knots) {
    return peak([&](const at::Tensor& x) { return plain_statistic(x, {.knots = knots}); });
  };
  const double few = own(17), many = own(129);
  EXPECT_GT(few, 1.0);  // the gradient at least
  EXPECT_LT(few, 12.0);
  EXPECT_LT(many, few + 1.0);
  EXPECT_GT(plain(17), 17.0);
  EXPECT_GT(plain(129), 129.0);
}

TEST_P(SigRegMemory, ThePlainStatisticIsTheSame) {
  const EppsPulleyOptions options = {.low = -2.0, .high = 3.0, .knots = 9};
  const at::Tensor own = make_epps_pulley(options)->statistic(x_);
  EXPECT_TRUE(at::allclose(own, plain_statistic(x_, options), 1e-3, 1e-4));
}

}  // namespace
}  // namespace reverie
