#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace reverie {

// Who has to act on an error; decides the exit status of the command line.
enum class ErrorKind : uint8_t {
  kInput,  // the caller's input was wrong (a flag, file, map, checkpoint, action): exit status 2
  kRun,    // the input was fine, the run failed (disk full, simulator or loss not finite): status 1
};

// The one exception type of the project. Its message says where, what was found, what was expected
// and, where that is not obvious, what to do. Libraries throw it and never print, exit or abort;
// `main` catches it once.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ErrorKind kind = ErrorKind::kInput)
      : std::runtime_error(message), kind_(kind) {}

  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

// Throws Error(kInput) with an fmt-formatted message.
template <typename... Args>
[[noreturn]] void fail_input(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...), ErrorKind::kInput);
}

// Throws Error(kRun) with an fmt-formatted message.
template <typename... Args>
[[noreturn]] void fail_run(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...), ErrorKind::kRun);
}

// The entry of `candidates` with the smallest edit distance to `name`, or "" when none is near
// enough to be a plausible misspelling (more than a third of the letters differ, at least 2 may).
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

// Throws Error(kInput) "unknown <what> 'name'; did you mean 'x'? Known: a, b, c", with "<where>: "
// in front unless `where` is "".
[[noreturn]] void fail_unknown_name(std::string_view what, std::string_view name,
                                    const std::vector<std::string>& known,
                                    std::string_view where = "");

}  // namespace reverie

// Throws Error(kInput) with an fmt-formatted message unless the condition holds.
#define REVERIE_CHECK(condition, ...)                     \
  do {                                                    \
    if (!(condition)) ::reverie::fail_input(__VA_ARGS__); \
  } while (false)

// Throws Error(kRun) with an fmt-formatted message unless the condition holds.
#define REVERIE_CHECK_RUN(condition, ...)               \
  do {                                                  \
    if (!(condition)) ::reverie::fail_run(__VA_ARGS__); \
  } while (false)
