#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reverie {

// Random numbers, bit-compatible with numpy.random.default_rng(seed): SeedSequence, PCG64 (XSL-RR
// 128/64, O'Neill 2014) and NumPy's Generator algorithms. The same seed and calls give the same
// numbers as in Python, so recordings and references can be replayed.
//
// One instance holds all its state and shares none: different instances may be used on different
// threads, one instance may not. A copy continues with the same numbers as the original.
//
// Source: numpy 2.4.6, numpy/random/{bit_generator.pyx, _generator.pyx, src/pcg64,
// src/distributions}; differs: none. The tail of the normal distribution uses the C library's
// log1p, as NumPy does: one draw in 3900 may differ in its last bit from a NumPy
// that runs on another C library.
class Rng {
 public:
  // 128-bit position, 128-bit stream (each high word first), 1 when half of a 64-bit draw is left
  // over for the next 32-bit draw and that half (0 when there is none).
  using State = std::array<uint64_t, 6>;

  // Seeds as default_rng(seed) does.
  explicit Rng(uint64_t seed) : Rng(std::span<const uint64_t>(&seed, 1)) {}

  // Seeds as default_rng([a, b, ...]) does: each integer counts as one 32-bit word, or as two if it
  // needs them. quirk: NumPy's lists are no unique keys: 2^32 + 5 equals [5, 1], and [5] equals [5,
  // 0]. Use mix_seed() when seeds of different owners must not coincide.
  explicit Rng(std::span<const uint64_t> entropy);

  // Uniform over all 64-bit values.
  uint64_t next_uint64() {
    state_ = state_ * kMultiplier + increment_;
    const auto high = static_cast<uint64_t>(state_ >> 64);
    const uint64_t folded = high ^ static_cast<uint64_t>(state_);
    return std::rotr(folded, static_cast<int>(high >> 58));
  }

  // Uniform over all 32-bit values: the low half of a 64-bit draw, then its high half.
  uint32_t next_uint32() {
    if (has_half_) {
      has_half_ = false;
      return half_;
    }
    const uint64_t draw = next_uint64();
    has_half_ = true;
    half_ = static_cast<uint32_t>(draw >> 32);
    return static_cast<uint32_t>(draw);
  }

  // Uniform in [0, 1), multiples of 2^-53. As Generator.random().
  double random() { return static_cast<double>(next_uint64() >> 11) * 0x1p-53; }

  // Uniform in [0, 1), multiples of 2^-24. As Generator.random(dtype=float32).
  float random_float() { return static_cast<float>(next_uint32() >> 8) * 0x1p-24F; }

  // Uniform in [low, high); rounding may return high. Throws Error unless low <= high and high -
  // low is finite.
  double uniform(double low, double high);

  // Uniform integer in [low, high): Lemire's method, with 32 bits per draw when the range fits,
  // else 64; a range of one value draws nothing. Throws Error when low >= high.
  int64_t integers(int64_t low, int64_t high);

  // Standard normal by NumPy's ziggurat of 256 layers (Marsaglia and Tsang 2000).
  double standard_normal();

  // As Generator.standard_normal(dtype=float32): its own tables, 32 bits a draw.
  float standard_normal_float();

  // loc + scale * standard_normal(). Throws Error when scale is negative or NaN.
  double normal(double loc, double scale);

  // Index in [0, n), as Generator.choice(n). Throws Error when n < 1.
  int64_t choice(int64_t n);

  // `count` different indices of [0, n) in random order, [count], as Generator.choice(n, count,
  // replace=False). Memory and time grow with count; with n where n > 10000 and count > n / 50.
  // Throws Error unless 0 <= count <= n.
  std::vector<int64_t> choice(int64_t n, int64_t count);

  // Fisher-Yates, as Generator.shuffle() on a 1-D array.
  template <typename T>
  void shuffle(std::span<T> values) {
    for (size_t i = values.size(); i-- > 1;) {
      std::swap(values[i], values[interval(i)]);
    }
  }

  // The numbers 0 to n-1 in random order, [n], as Generator.permutation(n). Throws Error when n <
  // 0.
  std::vector<int64_t> permutation(int64_t n);

  // The same numbers, and the same state afterwards, as one scalar call per element, but faster.
  void fill_random(std::span<double> out);
  void fill_random(std::span<float> out);
  void fill_integers(int64_t low, int64_t high, std::span<int64_t> out);
  void fill_normal(std::span<double> out);
  void fill_normal(std::span<float> out);

  // Everything that later draws depend on.
  State state() const;

  // Continues from a state that state() returned. Throws Error, and changes nothing, for words that
  // state() cannot return (an even stream, a flag other than 0 or 1, a half of more than 32 bits).
  void set_state(const State& state);

  // The state as text for JSON: "pcg64:POSITION:STREAM:FLAG:HALF" with 32, 32, 1 and 8 lower-case
  // hexadecimal digits.
  std::string to_string() const;

  // Reads what to_string() wrote. Throws Error for anything else.
  static Rng from_string(std::string_view text);

 private:
  __extension__ using Uint128 = unsigned __int128;

  static constexpr Uint128 kMultiplier =
      (Uint128{0x2360ED051FC65DA4} << 64) | Uint128{0x4385DF649FCCF645};

  // Uniform in [0, last] by masking and rejection. NumPy shuffles with this method, not with
  // Lemire's.
  uint64_t interval(uint64_t last) {
    if (last == 0) return 0;
    const uint64_t mask = ~uint64_t{0} >> __builtin_clzll(last);
    uint64_t value = 0;
    do {
      value = (last <= 0xFFFFFFFF ? next_uint32() : next_uint64()) & mask;
    } while (value > last);
    return value;
  }

  template <typename Real>
  struct Candidate;
  static Candidate<double> candidate(uint64_t draw);
  static Candidate<float> candidate(uint32_t draw);
  double outer_normal(Candidate<double> drawn);
  float outer_normal(Candidate<float> drawn);

  uint64_t bounded(uint64_t last);
  uint32_t bounded_32(uint32_t last);
  uint64_t bounded_64(uint64_t last);
  void shuffle_tail(std::span<int64_t> values, size_t first);

  Uint128 state_ = 0;
  Uint128 increment_ = 1;  // always odd
  uint32_t half_ = 0;      // read only while has_half_
  bool has_half_ = false;
};

// A 64-bit seed that depends on every bit of every word and on their number and order. It derives
// the seeds of many owners from one seed, for example mix_seed({seed, environment, episode}).
// Different lists never enter the mixer as the same entropy. About 40 ns, no allocation.
//
// The first 64-bit word of NumPy's SeedSequence over the 32-bit words {n, low of word 0, high of
// word 0, low of word 1, ...}; in Python, with words a uint64 array:
//   SeedSequence([len(words), *words.view(np.uint32)]).generate_state(1, np.uint64)[0]
uint64_t mix_seed(std::span<const uint64_t> words);
uint64_t mix_seed(std::initializer_list<uint64_t> words);

}  // namespace reverie
