#pragma once

#include <string>

#include <gtest/gtest.h>

#include "core/error.h"

namespace reverie::test {

// The message of the Error that `action` throws; a test failure when it throws none or one of
// another kind.
template <typename Action>
std::string error_message(ErrorKind kind, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

template <typename Action>
std::string input_error(Action&& action) {
  return error_message(ErrorKind::kInput, action);
}

template <typename Action>
std::string run_error(Action&& action) {
  return error_message(ErrorKind::kRun, action);
}

}  // namespace reverie::test
