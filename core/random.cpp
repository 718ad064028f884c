#include "core/random.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <system_error>

#include "core/error.h"
#include "core/random_tables.h"

namespace reverie {
namespace {

// numpy/random/bit_generator.pyx, SeedSequence with its default pool of four words. Words are
// absorbed one at a time, so no list of them is built.
class SeedMixer {
 public:
  void absorb(uint32_t word) {
    if (count_ >= kPool) {
      for (uint32_t& slot : pool_) slot = mix(slot, hash(word));
    } else {
      pool_[count_++] = hash(word);
      if (count_ == kPool) stir();
    }
  }

  // generate_state(N, uint64).
  template <size_t N>
  std::array<uint64_t, N> generate() {
    while (count_ < kPool) absorb(0);
    uint32_t constant = 0x8b51f9dd;
    std::array<uint64_t, N> words{};
    for (size_t i = 0; i < 2 * N; ++i) {
      uint32_t value = pool_[i % kPool] ^ constant;
      constant *= 0x58f38ded;
      value *= constant;
      value ^= value >> 16;
      words[i / 2] |= static_cast<uint64_t>(value) << (i % 2 * 32);
    }
    return words;
  }

 private:
  static constexpr size_t kPool = 4;

  uint32_t hash(uint32_t value) {
    value ^= constant_;
    constant_ *= 0x931e8875;
    value *= constant_;
    return value ^ (value >> 16);
  }

  static uint32_t mix(uint32_t x, uint32_t y) {
    const uint32_t value = 0xca01f9ddU * x - 0x4973f715U * y;
    return value ^ (value >> 16);
  }

  void stir() {
    for (size_t from = 0; from < kPool; ++from) {
      for (size_t to = 0; to < kPool; ++to) {
        if (from != to) pool_[to] = mix(pool_[to], hash(pool_[from]));
      }
    }
  }

  std::array<uint32_t, kPool> pool_{};
  uint32_t constant_ = 0x43b0d7e5;
  size_t count_ = 0;
};

}  // namespace

// A point under the ziggurat, made from one draw: 8 bits of layer, 1 of sign, 52 or 23 of
// magnitude.
template <typename Real>
struct Rng::Candidate {
  Real x;
  size_t layer;
  bool top_bit;  // sign of the tail, used if the point is in its layer
  bool inside;   // certainly under the curve: 98.5 % of draws
};

inline Rng::Candidate<double> Rng::candidate(uint64_t draw) {
  const size_t layer = draw & 0xFF;
  const uint64_t magnitude = draw >> 9 & 0x000FFFFFFFFFFFFF;
  const NormalWedge wedge = kNormalWedge[layer];
  const double width = static_cast<double>(static_cast<int64_t>(magnitude)) * wedge.width;
  // Bit 8 becomes the sign bit: a branch on it would be mispredicted every other draw.
  const auto x = std::bit_cast<double>(std::bit_cast<uint64_t>(width) ^ (draw & 0x100) << 55);
  return {x, layer, (magnitude >> 8 & 1) != 0, magnitude < wedge.inside};
}

inline Rng::Candidate<float> Rng::candidate(uint32_t draw) {
  const size_t layer = draw & 0xFF;
  const uint32_t magnitude = draw >> 9;
  const NormalWedge wedge = kNormalWedgeFloat[layer];
  const float width = static_cast<float>(static_cast<int32_t>(magnitude)) * wedge.width;
  const auto x = std::bit_cast<float>(std::bit_cast<uint32_t>(width) ^ (draw & 0x100) << 23);
  return {x, layer, (magnitude >> 8 & 1) != 0, magnitude < wedge.inside};
}

Rng::Rng(std::span<const uint64_t> entropy) {
  SeedMixer mixer;
  for (const uint64_t word : entropy) {
    mixer.absorb(static_cast<uint32_t>(word));
    if (word >> 32 != 0) mixer.absorb(static_cast<uint32_t>(word >> 32));
  }
  const auto words = mixer.generate<4>();
  const Uint128 start = (Uint128{words[0]} << 64) | words[1];
  increment_ = (((Uint128{words[2]} << 64) | words[3]) << 1) | 1;
  // pcg_setseq_128_srandom: one step from zero, add the start, one step more.
  state_ = (increment_ + start) * kMultiplier + increment_;
}

uint64_t mix_seed(std::span<const uint64_t> words) {
  SeedMixer mixer;
  mixer.absorb(static_cast<uint32_t>(words.size()));
  for (const uint64_t word : words) {
    mixer.absorb(static_cast<uint32_t>(word));
    mixer.absorb(static_cast<uint32_t>(word >> 32));
  }
  return mixer.generate<1>()[0];
}

uint64_t mix_seed(std::initializer_list<uint64_t> words) {
  return mix_seed(std::span<const uint64_t>(words.begin(), words.size()));
}

double Rng::uniform(double low, double high) {
  const double range = high - low;
  REVERIE_CHECK(std::isfinite(range) && range >= 0,
                "uniform: low {} and high {} need low <= high and a finite difference", low, high);
  return low + range * random();
}

// Lemire 2019, "Fast Random Integer Generation in an Interval". last < 2^32 - 1.
inline uint32_t Rng::bounded_32(uint32_t last) {
  const uint32_t size = last + 1;
  uint64_t product = uint64_t{next_uint32()} * size;
  if (static_cast<uint32_t>(product) < size) {
    const uint32_t threshold = (std::numeric_limits<uint32_t>::max() - last) % size;
    while (static_cast<uint32_t>(product) < threshold) product = uint64_t{next_uint32()} * size;
  }
  return static_cast<uint32_t>(product >> 32);
}

// The same with 64 bits. last < 2^64 - 1.
inline uint64_t Rng::bounded_64(uint64_t last) {
  const uint64_t size = last + 1;
  Uint128 product = Uint128{next_uint64()} * size;
  if (static_cast<uint64_t>(product) < size) {
    const uint64_t threshold = (std::numeric_limits<uint64_t>::max() - last) % size;
    while (static_cast<uint64_t>(product) < threshold) product = Uint128{next_uint64()} * size;
  }
  return static_cast<uint64_t>(product >> 64);
}

// random_bounded_uint64: uniform in [0, last]. The full ranges need no rejection and would overflow
// Lemire's size.
inline uint64_t Rng::bounded(uint64_t last) {
  if (last == 0) return 0;
  if (last < 0xFFFFFFFF) return bounded_32(static_cast<uint32_t>(last));
  if (last == 0xFFFFFFFF) return next_uint32();
  if (last == std::numeric_limits<uint64_t>::max()) return next_uint64();
  return bounded_64(last);
}

int64_t Rng::integers(int64_t low, int64_t high) {
  REVERIE_CHECK(low < high, "integers: the range [{}, {}) is empty", low, high);
  const uint64_t last = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) - 1;
  return static_cast<int64_t>(static_cast<uint64_t>(low) + bounded(last));
}

double Rng::standard_normal() {
  const Candidate<double> first = candidate(next_uint64());
  return first.inside ? first.x : outer_normal(first);
}

float Rng::standard_normal_float() {
  const Candidate<float> first = candidate(next_uint32());
  return first.inside ? first.x : outer_normal(first);
}

double Rng::outer_normal(Candidate<double> drawn) {
  while (!drawn.inside) {
    const auto [x, layer, top_bit, inside] = drawn;
    if (layer == 0) {
      // Marsaglia's tail beyond r. log1p(-u) and not log(u): u may be 0, 1 - u may not.
      for (;;) {
        const double excess = -kNormalInverseR * std::log1p(-random());
        const double height = -std::log1p(-random());
        if (height + height > excess * excess) {
          return top_bit ? -(kNormalR + excess) : kNormalR + excess;
        }
      }
    }
    const double above = kNormalHeight[layer - 1] - kNormalHeight[layer];
    if (above * random() + kNormalHeight[layer] < std::exp(-0.5 * x * x)) return x;
    drawn = candidate(next_uint64());
  }
  return drawn.x;
}

float Rng::outer_normal(Candidate<float> drawn) {
  while (!drawn.inside) {
    const auto [x, layer, top_bit, inside] = drawn;
    if (layer == 0) {
      for (;;) {
        const float excess = -kNormalInverseRFloat * std::log1p(-random_float());
        const float height = -std::log1p(-random_float());
        if (height + height > excess * excess) {
          return top_bit ? -(kNormalRFloat + excess) : kNormalRFloat + excess;
        }
      }
    }
    const float above = kNormalHeightFloat[layer - 1] - kNormalHeightFloat[layer];
    // quirk: NumPy compares the float height with a double exponential.
    if (above * random_float() + kNormalHeightFloat[layer] < std::exp(-0.5 * x * x)) return x;
    drawn = candidate(next_uint32());
  }
  return drawn.x;
}

double Rng::normal(double loc, double scale) {
  REVERIE_CHECK(scale >= 0, "normal: scale is {}, it must be >= 0", scale);
  return loc + scale * standard_normal();
}

int64_t Rng::choice(int64_t n) {
  REVERIE_CHECK(n >= 1, "choice: cannot choose from {} items", n);
  return integers(0, n);
}

// _shuffle_int: each place from the last down to `first` is swapped with a place at or before it,
// drawn with Lemire's method where shuffle() masks.
void Rng::shuffle_tail(std::span<int64_t> values, size_t first) {
  for (size_t i = values.size(); i-- > first;) std::swap(values[i], values[bounded(i)]);
}

std::vector<int64_t> Rng::choice(int64_t n, int64_t count) {
  REVERIE_CHECK(count >= 0 && count <= n, "choice: cannot choose {} different items from {}", count,
                n);
  const auto size = static_cast<size_t>(count);
  if (n > 10000 && count > n / 50) {
    std::vector<int64_t> all(static_cast<size_t>(n));
    std::iota(all.begin(), all.end(), int64_t{0});
    const size_t first = all.size() - size;
    shuffle_tail(all, std::max<size_t>(first, 1));
    return {all.begin() + static_cast<ptrdiff_t>(first), all.end()};
  }
  // Floyd's algorithm: for each j from n - count, draw a number from [0, j], and take j itself if
  // that number has been drawn before. The set of drawn numbers is a hash table with linear
  // probing.
  std::vector<int64_t> chosen;
  chosen.reserve(size);
  constexpr int64_t kFree = -1;
  const size_t mask = std::bit_ceil(size + size / 5 + 1) - 1;
  std::vector<int64_t> table(mask + 1, kFree);
  const auto slot = [&](int64_t value) {
    size_t at = static_cast<size_t>(value) & mask;
    while (table[at] != kFree && table[at] != value) at = (at + 1) & mask;
    return at;
  };
  for (int64_t j = n - count; j < n; ++j) {
    auto value = static_cast<int64_t>(bounded(static_cast<uint64_t>(j)));
    if (table[slot(value)] == value) value = j;
    table[slot(value)] = value;
    chosen.push_back(value);
  }
  shuffle_tail(chosen, 1);
  return chosen;
}

std::vector<int64_t> Rng::permutation(int64_t n) {
  REVERIE_CHECK(n >= 0, "permutation: the length is {}, it must be >= 0", n);
  std::vector<int64_t> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), int64_t{0});
  shuffle(std::span(values));
  return values;
}

void Rng::fill_random(std::span<double> out) {
  for (double& value : out) value = random();
}

void Rng::fill_random(std::span<float> out) {
  for (float& value : out) value = random_float();
}

void Rng::fill_integers(int64_t low, int64_t high, std::span<int64_t> out) {
  REVERIE_CHECK(low < high, "fill_integers: the range [{}, {}) is empty", low, high);
  const uint64_t last = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) - 1;
  Rng local = *this;
  for (int64_t& value : out) {
    value = static_cast<int64_t>(static_cast<uint64_t>(low) + local.bounded(last));
  }
  *this = local;
}

// The loops below run on a copy whose address is never taken, so that its state stays in registers.
void Rng::fill_normal(std::span<double> out) {
  Rng local = *this;
  for (double& value : out) {
    const Candidate<double> first = candidate(local.next_uint64());
    value = first.x;
    if (!first.inside) [[unlikely]] {
      *this = local;
      value = outer_normal(first);
      local = *this;
    }
  }
  *this = local;
}

void Rng::fill_normal(std::span<float> out) {
  Rng local = *this;
  for (float& value : out) {
    const Candidate<float> first = candidate(local.next_uint32());
    value = first.x;
    if (!first.inside) [[unlikely]] {
      *this = local;
      value = outer_normal(first);
      local = *this;
    }
  }
  *this = local;
}

Rng::State Rng::state() const {
  return {static_cast<uint64_t>(state_ >> 64),     static_cast<uint64_t>(state_),
          static_cast<uint64_t>(increment_ >> 64), static_cast<uint64_t>(increment_),
          has_half_ ? uint64_t{1} : uint64_t{0},   has_half_ ? half_ : uint64_t{0}};
}

void Rng::set_state(const State& state) {
  REVERIE_CHECK((state[3] & 1) == 1, "random state: the stream {:016x}{:016x} is even", state[2],
                state[3]);
  REVERIE_CHECK(state[4] <= 1, "random state: the flag is {}, expected 0 or 1", state[4]);
  REVERIE_CHECK(state[5] <= 0xFFFFFFFF && (state[4] == 1 || state[5] == 0),
                "random state: the left-over half is {:#x}, expected {}", state[5],
                state[4] == 1 ? "at most 32 bits" : "0, as the flag is 0");
  state_ = (Uint128{state[0]} << 64) | state[1];
  increment_ = (Uint128{state[2]} << 64) | state[3];
  has_half_ = state[4] == 1;
  half_ = static_cast<uint32_t>(state[5]);
}

std::string Rng::to_string() const {
  const State words = state();
  return fmt::format("pcg64:{:016x}{:016x}:{:016x}{:016x}:{}:{:08x}", words[0], words[1], words[2],
                     words[3], words[4], words[5]);
}

Rng Rng::from_string(std::string_view text) {
  constexpr std::array<size_t, 6> kStart = {6, 22, 39, 55, 72, 74};
  constexpr std::array<size_t, 6> kDigits = {16, 16, 16, 16, 1, 8};
  State words{};
  bool parsed = text.size() == kStart.back() + kDigits.back();
  for (size_t i = 0; parsed && i < words.size(); ++i) {
    const char* first = text.data() + kStart[i];
    const char* last = first + kDigits[i];
    const auto [end, error] = std::from_chars(first, last, words[i], 16);
    parsed = error == std::errc{} && end == last;
  }
  Rng rng(0);
  if (parsed) rng.set_state(words);
  // Formatting it again must give the same text: that also checks prefix, colons and case.
  REVERIE_CHECK(parsed && rng.to_string() == text,
                "random state '{}' is not of the form pcg64:<32 hex>:<32 hex>:<0|1>:<8 hex>",
                text.substr(0, 100));
  return rng;
}

}  // namespace reverie
