#include "nn/device_checks.h"

#include <utility>

#include "nn/pch.h"

namespace reverie {

void DeviceChecks::expect(const at::Tensor& condition, ErrorKind kind, std::string message) {
  expectations_.push_back({kind, std::move(message), condition.all()});
}

void DeviceChecks::read() {
  const std::vector<Expectation> expectations = std::exchange(expectations_, {});
  if (expectations.empty()) return;
  std::vector<at::Tensor> all;
  for (const Expectation& expectation : expectations) all.push_back(expectation.holds);
  const at::Tensor holds = at::stack(all).cpu();
  for (size_t i = 0; i < expectations.size(); ++i) {
    const Expectation& expectation = expectations[i];
    if (!holds.const_data_ptr<bool>()[i]) throw Error(expectation.message, expectation.kind);
  }
}

}  // namespace reverie
