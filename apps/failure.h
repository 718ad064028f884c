#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>

namespace reverie {

// How a command that threw an exception ends.
struct Failure {
  std::string message;
  int status = 1;  // 2 where the user's input was wrong
};

// Describes the exceptions of one library; nothing for others.
using ExplainFailure = std::function<std::optional<Failure>(const std::exception& error)>;

// Describes an exception: an Error by its own message; too little memory by the requested amount
// and what to lower; what `explain` knows; everything else, which is a bug, by one line that names
// a file with the details. Control characters that a message quotes from a file do not reach the
// terminal.
Failure describe_failure(const std::exception& error, const ExplainFailure& explain = {});

// The message about too little memory. bytes: the number requested, "" if it is not known.
std::string out_of_memory_message(const std::string& bytes);

// The message about a bug, `what` in its first line. The details are written to a file.
std::string bug_message(const std::string& what, const std::string& details);

// For describe_failure(): LibTorch's exceptions (torch_failure.cpp).
std::optional<Failure> explain_torch_failure(const std::exception& error);

}  // namespace reverie
