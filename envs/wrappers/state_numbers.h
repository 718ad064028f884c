#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/spec.h"

namespace reverie {

// Writes what a wrapper remembers as numbers of Env::state().
class StateWriter {
 public:
  void number(double value) { numbers_.push_back(value); }

  // A whole number up to 2^53.
  void count(int64_t value) { numbers_.push_back(static_cast<double>(value)); }

  // The generator's words in 32-bit halves.
  void generator(const Rng& rng);

  // One row of a field: numbers element by element, bytes packed six at a time.
  void row(const Field& field, std::span<const std::byte> bytes);

  std::vector<double> take() { return std::move(numbers_); }

 private:
  std::vector<double> numbers_;
};

// Reads the same in the same order. Each call throws Error(kInput) that opens with `who` when no
// numbers are left or when StateWriter cannot have written them.
class StateReader {
 public:
  StateReader(std::string who, std::span<const double> numbers)
      : who_(std::move(who)), numbers_(numbers) {}

  double number() { return next(); }  // finite
  int64_t count(double limit = 0x1p53);
  Rng generator();
  std::vector<std::byte> row(const Field& field);

 private:
  double next();

  std::string who_;
  std::span<const double> numbers_;
  size_t position_ = 0;
};

}  // namespace reverie
