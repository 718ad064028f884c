#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reverie {

// Text that came out of a file, fit for an error message: its first 120 bytes with everything but
// printable ASCII written as \xHH, so on one line and without terminal control sequences.
std::string printable(std::string_view text);

// A message of one or more lines, fit for a terminal whatever it quotes: control characters but the
// line feed are written as \xHH, and so are bytes that are not UTF-8.
std::string printable_lines(std::string_view text);

// The 64-bit FNV-1a hash of a name, to tell streams of random numbers apart: the same on every
// machine and in every run.
uint64_t name_hash(std::string_view name);

}  // namespace reverie
