#pragma once

#include <exception>
#include <string>

namespace reverie {

// How a command that threw an exception ends.
struct Failure {
  std::string message;
  int status = 1;  // 2 where the user's input was wrong
};

// Describes an exception: an Error by its own message; too little memory by the requested amount
// and what to lower; everything else, which is a bug, by one line that names a file with the
// details. Control characters that a message quotes from a file do not reach the terminal.
Failure describe_failure(const std::exception& error);

}  // namespace reverie
