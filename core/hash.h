#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace reverie {

// The 64-bit FNV-1a hash of bytes that come in pieces: the same on every machine and in every run.
// It detects accidental differences; it does not resist collisions made on purpose.
class Fnv1a {
 public:
  void add(std::span<const std::byte> bytes) {
    uint64_t hash = hash_;
    for (const std::byte byte : bytes) hash = (hash ^ static_cast<uint64_t>(byte)) * kPrime;
    hash_ = hash;
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  void add(int64_t number) { add(std::as_bytes(std::span(&number, 1))); }

  uint64_t value() const { return hash_; }

 private:
  static constexpr uint64_t kPrime = 0x100000001b3U;
  uint64_t hash_ = 0xcbf29ce484222325U;
};

}  // namespace reverie
