#pragma once

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/error.h"

namespace reverie::test {

// The message and kind of the Error that `action` throws; "" when it throws none.
template <typename Action>
std::pair<std::string, ErrorKind> error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.what(), error.kind()};
  }
  return {"", ErrorKind::kInput};
}

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
