#include "apps/failure.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// The message of LibTorch's CPU allocator: "... you tried to allocate 17179344896 bytes. ..."
constexpr std::string_view kAllocation = "you tried to allocate ";

}  // namespace

std::optional<Failure> explain_torch_failure(const std::exception& error) {
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  if (torch == nullptr) return std::nullopt;
  const std::string what = torch->what_without_backtrace();
  const size_t asked = what.find(kAllocation);
  if (asked != std::string::npos) {
    const size_t from = asked + kAllocation.size();
    const size_t end = what.find_first_not_of("0123456789", from);
    return Failure{out_of_memory_message(what.substr(from, end - from))};
  }
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) {
    const std::string first_line = what.substr(0, what.find('\n'));
    return Failure{fmt::format("{}; {}", first_line, out_of_memory_message(""))};
  }
  return Failure{bug_message(what, torch->what())};
}

}  // namespace reverie
