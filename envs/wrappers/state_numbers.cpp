#include "envs/wrappers/state_numbers.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace reverie {
namespace {

// The number of bytes that a double can hold exactly as a whole number.
constexpr size_t kPacked = 6;
constexpr double kMaxWord = 4294967295.0;  // 2^32 - 1

template <typename T>
void write_elements(StateWriter& writer, std::span<const std::byte> bytes) {
  for (size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    writer.number(static_cast<double>(value));
  }
}

}  // namespace

void StateWriter::generator(const Rng& rng) {
  for (const uint64_t word : rng.state()) {
    number(static_cast<double>(word >> 32));
    number(static_cast<double>(word & 0xffffffffU));
  }
}

void StateWriter::row(const Field& field, std::span<const std::byte> bytes) {
  switch (field.dtype) {
    case DType::kFloat64:
      return write_elements<double>(*this, bytes);
    case DType::kFloat32:
      return write_elements<float>(*this, bytes);
    case DType::kInt64:
      return write_elements<int64_t>(*this, bytes);
    default:
      break;
  }
  for (size_t at = 0; at < bytes.size(); at += kPacked) {
    uint64_t packed = 0;
    std::memcpy(&packed, bytes.data() + at, std::min(kPacked, bytes.size() - at));
    number(static_cast<double>(packed));
  }
}

double StateReader::next() {
  REVERIE_CHECK(position_ < numbers_.size(), "{}: {} numbers, more are needed", who_,
                numbers_.size());
  const double value = numbers_[position_++];
  REVERIE_CHECK(std::isfinite(value), "{}: number {} is {}, expected a finite one", who_,
                position_ - 1, value);
  return value;
}

int64_t StateReader::count(double limit) {
  const double value = next();
  REVERIE_CHECK(value >= 0.0 && value <= limit && value == std::floor(value),
                "{}: number {} is {}, expected a whole one in [0, {}]", who_, position_ - 1, value,
                limit);
  return static_cast<int64_t>(value);
}

Rng StateReader::generator() {
  Rng::State words;
  for (uint64_t& word : words) {
    const auto high = static_cast<uint64_t>(count(kMaxWord));
    word = high << 32 | static_cast<uint64_t>(count(kMaxWord));
  }
  Rng rng(0);
  rng.set_state(words);
  return rng;
}

std::vector<std::byte> StateReader::row(const Field& field) {
  std::vector<std::byte> bytes(field.bytes());
  const auto put = [&](size_t at, const auto& value, size_t size) {
    std::memcpy(bytes.data() + at, &value, size);
  };
  const size_t size = item_size(field.dtype);
  for (size_t at = 0; at < bytes.size();) {
    switch (field.dtype) {
      case DType::kFloat64:
        put(at, next(), size);
        at += size;
        break;
      case DType::kFloat32: {
        const auto value = static_cast<float>(next());
        REVERIE_CHECK(std::isfinite(value), "{}: number {} is beyond float32", who_, position_ - 1);
        put(at, value, size);
        at += size;
        break;
      }
      case DType::kInt64: {
        const double value = next();
        REVERIE_CHECK(std::abs(value) <= 0x1p53 && value == std::floor(value),
                      "{}: number {} is {}, expected a whole one", who_, position_ - 1, value);
        put(at, static_cast<int64_t>(value), size);
        at += size;
        break;
      }
      default: {
        const size_t left = std::min(kPacked, bytes.size() - at);
        put(at, count(std::exp2(8.0 * static_cast<double>(left)) - 1.0), left);
        at += left;
      }
    }
  }
  return bytes;
}

}  // namespace reverie
