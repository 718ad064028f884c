#include "apps/failure.h"

#include <new>

#include <unistd.h>

#include "apps/build_commit.h"
#include "core/file.h"
#include "core/text.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// The message of LibTorch's CPU allocator: "... you tried to allocate 17179344896 bytes. ..."
constexpr std::string_view kAllocation = "you tried to allocate ";

std::string out_of_memory(const std::string& bytes) {
  return fmt::format(
      "out of memory{}; lower --replay-capacity (or --replay-memory GB), --minibatch, --num-envs, "
      "or the sizes of networks or pictures",
      bytes.empty() ? "" : fmt::format(": {} bytes could not be allocated", bytes));
}

// The first line without LibTorch's marks of where it was thrown.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// Writes the details to a file for the user; "" if that fails.
std::string keep_details(const std::string& details) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  if (error) return "";
  const std::filesystem::path file = folder / fmt::format("reverie-bug-{}.txt", getpid());
  try {
    write_file_atomically(file, details);
  } catch (const Error&) {
    return "";
  }
  return file.string();
}

std::string bug(const std::string& what, const std::string& details) {
  const std::string file = keep_details(
      fmt::format("reverie {} of commit {}\n{}\n", REVERIE_VERSION, kBuildCommit, details));
  return fmt::format(
      "this is a bug of Reverie: {}\nPlease report it with the command that you ran{}",
      first_line(what), file.empty() ? "" : fmt::format(" and {}", file));
}

Failure describe(const std::exception& error) {
  if (const auto* ours = dynamic_cast<const Error*>(&error)) {
    return {ours->what(), ours->kind() == ErrorKind::kInput ? 2 : 1};
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return {out_of_memory("")};
  if (const auto* torch = dynamic_cast<const c10::Error*>(&error)) {
    const std::string what = torch->what_without_backtrace();
    const size_t asked = what.find(kAllocation);
    if (asked != std::string::npos) {
      const size_t from = asked + kAllocation.size();
      return {out_of_memory(what.substr(from, what.find_first_not_of("0123456789", from) - from))};
    }
    if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) {
      return {fmt::format("{}; {}", first_line(what), out_of_memory(""))};
    }
    return {bug(what, torch->what())};
  }
  return {bug(error.what(), error.what())};
}

}  // namespace

Failure describe_failure(const std::exception& error) {
  Failure failure = describe(error);
  failure.message = printable_lines(failure.message);
  return failure;
}

}  // namespace reverie
