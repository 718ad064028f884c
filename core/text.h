#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reverie {

// Text from a file, made safe for an error message: its first 120 bytes, with everything but
// printable ASCII written as \xHH. It is one line without terminal control sequences.
std::string printable(std::string_view text);

// A message of one or more lines, made safe for a terminal whatever it quotes: control characters
// except the line feed and bytes that are not UTF-8 are written as \xHH.
std::string printable_lines(std::string_view text);

// The 64-bit FNV-1a hash of a name, which distinguishes streams of random numbers: the same on
// every machine and in every run.
uint64_t name_hash(std::string_view name);

}  // namespace reverie
