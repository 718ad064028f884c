#pragma once

#include <exception>
#include <string>

namespace reverie {

// How a command that threw ends.
struct Failure {
  std::string message;
  int status = 1;  // 2 where the user's input was wrong
};

// Words for what was thrown: an Error's own; for too little memory how much was asked for and what
// to lower; and for everything else, which is a bug, one line with the name of a file that holds
// the details. Control characters that a message quotes from a file do not reach the terminal.
Failure describe_failure(const std::exception& error);

}  // namespace reverie
