#include "core/random.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <type_traits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random_tables.h"

namespace reverie {
namespace {

enum class Calls { kScalar, kBulk };

// NumPy's draws, replayed call by call; tests/golden/random_draws.py describes the lines.
class Replay {
 public:
  explicit Replay(Calls calls) : calls_(calls) {}

  void line(const std::string& text) {
    const size_t equals = text.find('=');
    std::istringstream left(text.substr(0, equals));
    std::string name;
    left >> name;
    const bool hashed = name == "hash";
    if (hashed) left >> name;
    const std::vector<std::string> args{std::istream_iterator<std::string>(left), {}};
    if (name == "rng") {
      rng_ = Rng(integers<uint64_t>(args));
      return;
    }
    ASSERT_NE(equals, std::string::npos);
    std::istringstream right(text.substr(equals + 1));
    const std::vector<std::string> expected{std::istream_iterator<std::string>(right), {}};
    hashed_ = hashed;
    expected_ = &expected;
    if (name == "state") {
      EXPECT_THAT(rng_.state(), testing::ElementsAreArray(integers<uint64_t>(expected)));
    } else if (name == "text") {
      EXPECT_THAT(expected, testing::ElementsAre(rng_.to_string()));
    } else if (name == "seed") {
      check(std::vector<uint64_t>{mix_seed(integers<uint64_t>(args))});
    } else if (name == "uint64") {
      check(draws<uint64_t>(args, [&] { return rng_.next_uint64(); }));
    } else if (name == "uint32") {
      check(draws<uint32_t>(args, [&] { return rng_.next_uint32(); }));
    } else if (name == "random") {
      check(draws<double>(
          args, [&] { return rng_.random(); }, &Rng::fill_random));
    } else if (name == "random_float") {
      check(draws<float>(
          args, [&] { return rng_.random_float(); }, &Rng::fill_random));
    } else if (name == "normal") {
      check(draws<double>(
          args, [&] { return rng_.standard_normal(); }, &Rng::fill_normal));
    } else if (name == "normal_float") {
      check(draws<float>(
          args, [&] { return rng_.standard_normal_float(); }, &Rng::fill_normal));
    } else if (name == "integers") {
      const int64_t low = integer<int64_t>(args[0]);
      const int64_t high = integer<int64_t>(args[1]);
      if (calls_ == Calls::kBulk) {
        std::vector<int64_t> values(integer<size_t>(args[2]));
        rng_.fill_integers(low, high, values);
        check(values);
      } else {
        check(draws<int64_t>({args[2]}, [&] { return rng_.integers(low, high); }));
      }
    } else if (name == "uniform") {
      check(draws<double>({args[2]}, [&] { return rng_.uniform(real(args[0]), real(args[1])); }));
    } else if (name == "normal_scaled") {
      check(draws<double>({args[2]}, [&] { return rng_.normal(real(args[0]), real(args[1])); }));
    } else if (name == "choice") {
      check(std::vector<int64_t>{rng_.choice(integer<int64_t>(args[0]))});
    } else if (name == "choose") {
      check(rng_.choice(integer<int64_t>(args[0]), integer<int64_t>(args[1])));
    } else if (name == "permutation") {
      check(rng_.permutation(integer<int64_t>(args[0])));
    } else if (name == "shuffle_int64") {
      check(shuffled<int64_t>(args));
    } else if (name == "shuffle_uint8") {
      check(shuffled<uint8_t>(args));
    } else if (name == "shuffle_float32") {
      check(shuffled<float>(args));
    } else {
      FAIL() << "the test does not know this call";
    }
  }

 private:
  template <typename T>
  static T integer(const std::string& text) {
    if constexpr (std::is_signed_v<T>) return std::strtoll(text.c_str(), nullptr, 10);
    return std::strtoull(text.c_str(), nullptr, 10);
  }

  template <typename T>
  static std::vector<T> integers(const std::vector<std::string>& texts) {
    std::vector<T> values;
    for (const std::string& text : texts) values.push_back(integer<T>(text));
    return values;
  }

  static double real(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

  template <typename T, typename Draw>
  std::vector<T> draws(const std::vector<std::string>& args, Draw draw,
                       void (Rng::*fill)(std::span<T>) = nullptr) {
    std::vector<T> values(integer<size_t>(args[0]));
    if (calls_ == Calls::kBulk && fill != nullptr) {
      (rng_.*fill)(values);
    } else {
      for (T& value : values) value = draw();
    }
    return values;
  }

  template <typename T>
  std::vector<T> shuffled(const std::vector<std::string>& args) {
    std::vector<T> values(integer<size_t>(args[0]));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(i);
    rng_.shuffle(std::span(values));
    return values;
  }

  template <typename T>
  void check(const std::vector<T>& values) {
    if (hashed_) {
      uint64_t hash = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        uint64_t bits = 0;  // little-endian, as x86-64 is
        std::memcpy(&bits, &values[i], sizeof(T));
        bits *= 0x9E3779B97F4A7C15;
        hash += (bits ^ bits >> 32) * (2 * i + 1);
      }
      EXPECT_EQ(hash, integer<uint64_t>(expected_->at(0)));
      return;
    }
    ASSERT_EQ(values.size(), expected_->size());
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_floating_point_v<T>) {
        ASSERT_EQ(values[i], real((*expected_)[i])) << "draw " << i;
      } else {
        ASSERT_EQ(values[i], integer<T>((*expected_)[i])) << "draw " << i;
      }
    }
  }

  Calls calls_;
  Rng rng_{0};
  bool hashed_ = false;
  const std::vector<std::string>* expected_ = nullptr;
};

class NumpyParity : public testing::TestWithParam<Calls> {};

TEST_P(NumpyParity, ReplaysEveryCall) {
  std::ifstream file(REVERIE_GOLDEN_DIR "/random_draws.txt");
  ASSERT_TRUE(file);
  Replay replay(GetParam());
  int number = 0;
  for (std::string text; std::getline(file, text);) {
    SCOPED_TRACE("random_draws.txt:" + std::to_string(++number) + ": " + text.substr(0, 80));
    replay.line(text);
    if (testing::Test::HasFailure()) break;  // every later line would differ too
  }
  EXPECT_GT(number, 300);
}

INSTANTIATE_TEST_SUITE_P(Rng, NumpyParity, testing::Values(Calls::kScalar, Calls::kBulk),
                         [](const auto& tested) {
                           return tested.param == Calls::kScalar ? "scalar" : "bulk";
                         });

// NumPy's static library holds the tables as plain arrays, so ours must occur in it byte by byte.
TEST(Rng, ZigguratTablesAreNumpys) {
  const std::filesystem::path library =
      std::filesystem::path(REVERIE_TEST_PYTHON_PATH) / "numpy/random/lib/libnpyrandom.a";
  if (!std::filesystem::exists(library)) GTEST_SKIP() << library << " is not there";
  std::ifstream file(library, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto expect_found = [&](const auto& table, auto column, const char* name) {
    std::string wanted;
    for (const auto& row : table) {
      const auto value = column(row);
      wanted.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    EXPECT_NE(bytes.find(wanted), std::string::npos) << name;
  };
  const auto inside = [](const auto& wedge) { return wedge.inside; };
  const auto width = [](const auto& wedge) { return wedge.width; };
  const auto itself = [](auto height) { return height; };
  expect_found(kNormalWedge, inside, "ki_double");
  expect_found(kNormalWedge, width, "wi_double");
  expect_found(kNormalHeight, itself, "fi_double");
  expect_found(kNormalWedgeFloat, inside, "ki_float");
  expect_found(kNormalWedgeFloat, width, "wi_float");
  expect_found(kNormalHeightFloat, itself, "fi_float");
}

// Lengths 0 to 9, from either side of the 32-bit buffer: bulk and scalar calls may be mixed freely.
TEST(Rng, FillsLeaveTheStateOfScalarCalls) {
  for (size_t length = 0; length < 10; ++length) {
    for (const bool half : {false, true}) {
      Rng bulk(length);
      if (half) bulk.next_uint32();
      Rng scalar = bulk;
      std::vector<float> floats(length);
      std::vector<double> doubles(length);
      std::vector<int64_t> numbers(length);
      bulk.fill_normal(floats);
      for (float value : floats) EXPECT_EQ(value, scalar.standard_normal_float());
      EXPECT_EQ(bulk.state(), scalar.state());
      bulk.fill_random(floats);
      for (float value : floats) EXPECT_EQ(value, scalar.random_float());
      EXPECT_EQ(bulk.state(), scalar.state());
      bulk.fill_normal(doubles);
      for (double value : doubles) EXPECT_EQ(value, scalar.standard_normal());
      bulk.fill_random(doubles);
      for (double value : doubles) EXPECT_EQ(value, scalar.random());
      bulk.fill_integers(-2, 9, numbers);
      for (int64_t value : numbers) EXPECT_EQ(value, scalar.integers(-2, 9));
      EXPECT_EQ(bulk.state(), scalar.state());
    }
  }
}

TEST(Rng, StateContinuesTheStreamWithItsLeftOverHalf) {
  for (const bool half : {false, true}) {
    Rng original(std::vector<uint64_t>{9, 8});
    if (half) original.next_uint32();
    Rng restored(0);
    restored.set_state(original.state());
    Rng parsed = Rng::from_string(original.to_string());
    for (int i = 0; i < 5; ++i) {
      const uint32_t expected = original.next_uint32();
      EXPECT_EQ(restored.next_uint32(), expected);
      EXPECT_EQ(parsed.next_uint32(), expected);
    }
    EXPECT_EQ(original.next_uint64(), parsed.next_uint64());
  }
}

TEST(Rng, RejectsStatesThatAreNone) {
  Rng rng(3);
  rng.next_uint32();
  const Rng::State good = rng.state();
  const auto expect_rejected = [&](size_t word, uint64_t value) {
    Rng::State bad = good;
    bad[word] = value;
    EXPECT_THROW(rng.set_state(bad), Error) << word;
    EXPECT_EQ(rng.state(), good);
  };
  expect_rejected(3, good[3] ^ 1);
  expect_rejected(4, 2);
  expect_rejected(4, 0);  // a half without its flag
  expect_rejected(5, uint64_t{1} << 32);
}

TEST(Rng, RejectsTextThatIsNoState) {
  Rng rng(3);
  rng.next_uint32();
  const std::string good = rng.to_string();
  EXPECT_EQ(Rng::from_string(good).state(), rng.state());
  for (size_t i = 0; i <= good.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_THROW(Rng::from_string(good.substr(0, i).append(i < good.size() ? 0 : 1, '0')), Error);
    if (i == good.size()) break;
    for (const char wrong : {'-', '+', ' ', 'g', 'G', ':', 'x', '\0'}) {
      std::string bad = good;
      if (bad[i] == wrong || (bad[i] == 'g' && i < 6)) continue;
      bad[i] = wrong;
      EXPECT_THROW(Rng::from_string(bad), Error) << bad;
    }
    if (std::islower(static_cast<unsigned char>(good[i])) != 0) {
      std::string bad = good;
      bad[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(good[i])));
      EXPECT_THROW(Rng::from_string(bad), Error) << bad;
    }
  }
  EXPECT_THROW(Rng::from_string(std::string(1 << 20, '0')), Error);
}

TEST(Rng, RejectsArgumentsOutOfRange) {
  Rng rng(1);
  const Rng::State before = rng.state();
  const double nan = std::nan("");
  EXPECT_THROW(rng.integers(3, 3), Error);
  EXPECT_THROW(rng.integers(3, -3), Error);
  std::vector<int64_t> none;
  EXPECT_THROW(rng.fill_integers(1, 0, none), Error);
  EXPECT_THROW(rng.choice(0), Error);
  EXPECT_THROW(rng.choice(3, 4), Error);
  EXPECT_THROW(rng.choice(3, -1), Error);
  EXPECT_THROW(rng.choice(-3, -3), Error);
  EXPECT_THROW(rng.permutation(-1), Error);
  EXPECT_THROW(rng.uniform(1.0, 0.0), Error);
  EXPECT_THROW(rng.uniform(0.0, nan), Error);
  EXPECT_THROW(rng.uniform(-1.7e308, 1.7e308), Error);
  EXPECT_THROW(rng.normal(0.0, -1.0), Error);
  EXPECT_THROW(rng.normal(0.0, nan), Error);
  EXPECT_EQ(rng.state(), before);
}

TEST(MixSeed, TellsListsApartThatNumpyTakesForEqual) {
  const auto draw = [](std::vector<uint64_t> words) { return Rng(words).next_uint64(); };
  EXPECT_EQ(draw({(uint64_t{1} << 32) + 5}), draw({5, 1}));
  EXPECT_EQ(draw({5}), draw({5, 0}));
  EXPECT_NE(mix_seed({(uint64_t{1} << 32) + 5}), mix_seed({5, 1}));
  EXPECT_NE(mix_seed({5}), mix_seed({5, 0}));
  EXPECT_NE(mix_seed({}), mix_seed({0}));
  EXPECT_NE(mix_seed({1, 2}), mix_seed({2, 1}));
}

TEST(MixSeed, EveryInputBitFlipsAboutHalfOfTheOutput) {
  const uint64_t reference = mix_seed({1, 2, 3});
  for (size_t word = 0; word < 3; ++word) {
    for (int bit = 0; bit < 64; ++bit) {
      std::vector<uint64_t> words = {1, 2, 3};
      words[word] ^= uint64_t{1} << bit;
      const int flipped = std::popcount(mix_seed(words) ^ reference);
      EXPECT_GE(flipped, 12) << word << " " << bit;  // 5 standard deviations of 4 around 32
      EXPECT_LE(flipped, 52) << word << " " << bit;
    }
  }
}

TEST(Rng, InstancesOnDifferentThreadsAreIndependent) {
  constexpr size_t kDraws = 20000;
  std::vector<std::vector<float>> results(4, std::vector<float>(kDraws));
  std::vector<std::jthread> threads;
  for (std::vector<float>& result : results) {
    threads.emplace_back([&result] { Rng(5).fill_normal(result); });
  }
  threads.clear();
  for (const std::vector<float>& result : results) EXPECT_EQ(result, results[0]);
}

}  // namespace
}  // namespace reverie
