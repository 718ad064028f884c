#include "apps/failure.h"

#include <new>

#include <unistd.h>

#include "apps/build_commit.h"
#include "core/file.h"
#include "core/text.h"

namespace reverie {
namespace {

// The first line, without the marks of where it was thrown.
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

Failure describe(const std::exception& error, const ExplainFailure& explain) {
  if (const auto* ours = dynamic_cast<const Error*>(&error)) {
    return {ours->what(), ours->kind() == ErrorKind::kInput ? 2 : 1};
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return {out_of_memory_message("")};
  const std::optional<Failure> explained = explain ? explain(error) : std::nullopt;
  return explained ? *explained : Failure{bug_message(error.what(), error.what())};
}

}  // namespace

std::string out_of_memory_message(const std::string& bytes) {
  return fmt::format(
      "out of memory{}; lower --replay-capacity (or --replay-memory GB), --minibatch, --num-envs, "
      "or the sizes of networks or pictures",
      bytes.empty() ? "" : fmt::format(": {} bytes could not be allocated", bytes));
}

std::string bug_message(const std::string& what, const std::string& details) {
  const std::string file = keep_details(
      fmt::format("reverie {} of commit {}\n{}\n", REVERIE_VERSION, kBuildCommit, details));
  return fmt::format(
      "this is a bug of Reverie: {}\nPlease report it with the command that you ran{}",
      first_line(what), file.empty() ? "" : fmt::format(" and {}", file));
}

Failure describe_failure(const std::exception& error, const ExplainFailure& explain) {
  Failure failure = describe(error, explain);
  failure.message = printable_lines(failure.message);
  return failure;
}

}  // namespace reverie
