#pragma once

#include <string>
#include <string_view>

namespace reverie {

// Text that came out of a file, fit for an error message: its first 120 bytes with everything but
// printable ASCII written as \xHH, so on one line and without terminal control sequences.
std::string printable(std::string_view text);

}  // namespace reverie
