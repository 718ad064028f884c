#include "nn/safetensors.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/error.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class Safetensors : public testing::Test {
 protected:
  std::string path(const std::string& name = "a.safetensors") const {
    return (folder_ / name).string();
  }

  std::string write(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary) << bytes;
    return path();
  }

  // A file of this header and data, with the header's true length in front.
  std::string write_header(const std::string& header, const std::string& data = "") const {
    return write(length_prefix(header.size()) + header + data);
  }

  static std::string length_prefix(uint64_t length) {
    return {reinterpret_cast<const char*>(&length), sizeof length};
  }

  static std::string read_bytes(const std::string& name) {
    std::ifstream stream(name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  test::TemporaryFolder folder_;
};

std::string reading_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput) << error.what();
    return error.what();
  }
  return "no error";
}

NamedTensors every_dtype() {
  NamedTensors tensors;
  for (const at::ScalarType type : {at::kByte, at::kDouble, at::kFloat, at::kHalf, at::kBFloat16,
                                    at::kLong, at::kInt, at::kShort, at::kChar, at::kBool}) {
    tensors.emplace_back(at::toString(type), (at::arange(6) % 2 * 3).reshape({2, 3}).to(type));
  }
  tensors.emplace_back("scalar", at::scalar_tensor(-1.5));
  tensors.emplace_back("empty", at::empty({0, 4}, at::kFloat));
  return tensors;
}

void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_EQ(a[i].second.scalar_type(), b[i].second.scalar_type()) << a[i].first;
    EXPECT_TRUE(at::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

TEST_F(Safetensors, RoundTripKeepsValuesOrderAndMetadata) {
  const NamedTensors tensors = every_dtype();
  const std::map<std::string, std::string> metadata{{"step", "50000"}, {"quote\"é", "a\nb"}};
  save_safetensors(path(), tensors, metadata);
  const SafetensorsFile file = load_safetensors(path());
  expect_equal(file.tensors, tensors);
  EXPECT_EQ(file.metadata, metadata);
  EXPECT_TRUE(at::equal(file.tensor("scalar"), at::scalar_tensor(-1.5)));
  EXPECT_THAT(reading_error([&] { file.tensor("scalr"); }), HasSubstr("did you mean 'scalar'?"));
}

TEST_F(Safetensors, StridedExpandedAndDifferentiableTensorsAreSavedByValue) {
  const at::Tensor base = at::arange(12, at::kFloat).reshape({3, 4});
  const NamedTensors tensors{{"transposed", base.t()},
                             {"strided", base.slice(1, 0, 4, 2)},
                             {"expanded", at::ones({1}).expand({3, 2})},
                             {"gradient", at::ones({2}).requires_grad_()}};
  save_safetensors(path(), tensors);
  const SafetensorsFile file = load_safetensors(path());
  expect_equal(file.tensors, tensors);
  EXPECT_FALSE(file.tensor("gradient").requires_grad());
}

TEST_F(Safetensors, SameTensorsGiveTheSameBytesAndEveryTensorIsAligned) {
  save_safetensors(path(), every_dtype(), {{"a", "1"}});
  save_safetensors(path("b"), every_dtype(), {{"a", "1"}});
  const std::string bytes = read_bytes(path());
  EXPECT_EQ(bytes, read_bytes(path("b")));
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  EXPECT_EQ(length % 8, 0U);
  // The odd-sized U8 tensor was given first and lies behind all wider ones.
  EXPECT_THAT(bytes.substr(8, length),
              HasSubstr(R"("Double":{"dtype":"F64","shape":[2,3],"data_offsets":[0,48]})"));
}

TEST_F(Safetensors, NoTensorsAtAll) {
  save_safetensors(path(), {});
  EXPECT_EQ(read_bytes(path()), length_prefix(8) + "{}      ");
  EXPECT_TRUE(load_safetensors(path()).tensors.empty());
}

TEST_F(Safetensors, PythonReadsOursAndWeReadPythons) {
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3 here";
  save_safetensors(path("ours"),
                   {{"weight", at::arange(6, at::kFloat).reshape({2, 3}) / 7},
                    {"odd", at::tensor({1, 2, 255}, at::kByte)},
                    {"half", at::tensor({0.5, -2.0}).to(at::kHalf)},
                    {"mask", at::tensor({1, 0}).to(at::kBool)},
                    {"count", at::scalar_tensor(-9, at::kLong)}},
                   {{"step", "7"}});
  std::ofstream(path("check.py")) << R"(
import sys
import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
t = load_file(sys.argv[1])
assert sorted(t) == ["count", "half", "mask", "odd", "weight"], sorted(t)
np.testing.assert_array_equal(t["weight"], np.arange(6, dtype=np.float32).reshape(2, 3) / np.float32(7))
np.testing.assert_array_equal(t["odd"], np.array([1, 2, 255], np.uint8))
np.testing.assert_array_equal(t["half"], np.array([0.5, -2], np.float16))
np.testing.assert_array_equal(t["mask"], np.array([True, False]))
assert t["count"].shape == () and t["count"] == -9 and t["count"].dtype == np.int64
with safe_open(sys.argv[1], "numpy") as f:
    assert f.metadata() == {"step": "7"}
save_file({"b": np.array([True, False, True]), "x": np.linspace(0, 1, 5),
           "empty": np.zeros((0, 3), np.int32)}, sys.argv[2], {"who": "python"})
)";
  ASSERT_EQ(std::system(fmt::format("PYTHONPATH={} python3 {} {} {}", REVERIE_TEST_PYTHON_PATH,
                                    path("check.py"), path("ours"), path("theirs"))
                            .c_str()),
            0);
  const SafetensorsFile theirs = load_safetensors(path("theirs"));
  EXPECT_TRUE(at::equal(theirs.tensor("b"), at::tensor({1, 0, 1}).to(at::kBool)));
  EXPECT_TRUE(at::equal(theirs.tensor("x"), at::linspace(0, 1, 5, at::kDouble)));
  EXPECT_EQ(theirs.tensor("empty").sizes(), at::IntArrayRef({0, 3}));
  EXPECT_EQ(theirs.metadata.at("who"), "python");
}

TEST_F(Safetensors, SaveRefusesWhatItCannotStore) {
  const auto refused = [&](const NamedTensors& tensors) {
    const std::string message = reading_error([&] { save_safetensors(path(), tensors); });
    EXPECT_TRUE(fs::is_empty(folder_.path())) << message;
    return message;
  };
  const at::Tensor one = at::ones({1});
  EXPECT_THAT(refused({{"a", one}, {"a", one}}), HasSubstr("'a' is given twice"));
  EXPECT_THAT(refused({{"__metadata__", one}}), HasSubstr("reserved"));
  EXPECT_THAT(refused({{"a\xff", one}}), HasSubstr("not UTF-8"));
  EXPECT_THAT(refused({{"a", at::Tensor()}}), HasSubstr("undefined"));
  EXPECT_THAT(refused({{"a", one.to_sparse()}}), HasSubstr("sparse"));
  EXPECT_THAT(refused({{"a", one.to(at::kComplexFloat)}}), HasSubstr("has dtype ComplexFloat"));
}

TEST_F(Safetensors, FailedWriteLeavesThePreviousFile) {
  save_safetensors(path(), {{"a", at::ones({1})}});
  const std::string before = read_bytes(path());
  const auto save_big = [&](const std::string& name) {
    try {
      save_safetensors(name, {{"big", at::zeros({1 << 20})}});
    } catch (const Error& error) {
      return error.kind() == ErrorKind::kRun;
    }
    return false;
  };
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{.rlim_cur = 65536, .rlim_max = old.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const bool failed = save_big(path());
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(failed);
  EXPECT_EQ(read_bytes(path()), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1)
      << "a temporary file was left";
  EXPECT_TRUE(save_big(path("no/such/folder")));
}

TEST_F(Safetensors, NotAFile) {
  EXPECT_THAT(reading_error([&] { load_safetensors(path("none")); }), HasSubstr("No such file"));
  EXPECT_THAT(reading_error([&] { load_safetensors(folder_.path().string()); }),
              HasSubstr("not a regular file"));
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(reading_error([&] { load_safetensors(path("pipe")); }), HasSubstr("regular file"));
}

struct HostileHeader {
  const char* header;
  const char* message;
};

TEST_F(Safetensors, HostileHeadersAreRefusedByName) {
  const std::string data(8, '\1');
  const HostileHeader cases[] = {
      {"", "expected a JSON object"},
      {"[]", "expected a JSON object"},
      {"\xef\xbb\xbf{}", "expected a JSON object"},
      {R"({"a":1})", "tensor 'a' is 1, expected an object"},
      {R"({"a":null})", "tensor 'a' is null"},
      {R"({"a":{}})", "tensor 'a' lacks its dtype"},
      {R"({"a":{"dtype":"F64","shape":[1]}})", "lacks its data_offsets"},
      {R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0]}})", "has 1 data_offsets"},
      {R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8,9]}})", "has 9 in its data_offsets"},
      {R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8],"x":0}})", "unknown key 'x'"},
      {R"({"a":{"dtype":"F64","dtype":"F64","shape":[1],"data_offsets":[0,8]}})", "'dtype' twice"},
      {R"({"a":{"dtype":"F65","shape":[1],"data_offsets":[0,8]}})", "dtype 'F65', expected one of"},
      {R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,8]}})", "has 8 as its dtype"},
      {R"({"a":{"dtype":"F64","shape":1,"data_offsets":[0,8]}})", "has 1 as its shape"},
      {R"({"a":{"dtype":"F64","shape":[-1],"data_offsets":[0,8]}})", "has -1 in its shape"},
      {R"({"a":{"dtype":"F64","shape":[1.0],"data_offsets":[0,8]}})", "has 1.0 in its shape"},
      {R"({"a":{"dtype":"F64","shape":[[1]],"data_offsets":[0,8]}})", "has an array in its shape"},
      {R"({"a":{"dtype":"F64","shape":[{}],"data_offsets":[0,8]}})", "has an object in its shape"},
      {R"({"a":{"dtype":"F64","shape":[9223372036854775808],"data_offsets":[0,8]}})",
       "9223372036854775808 in its shape"},
      {R"({"a":{"dtype":"F64","shape":[99999999999999999999],"data_offsets":[0,8]}})",
       "99999999999999999999 in its shape"},
      {R"({"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,8]}})",
       "2^63 bytes"},
      {R"({"a":{"dtype":"F64","shape":[9223372036854775807],"data_offsets":[0,8]}})", "2^63 bytes"},
      {R"({"a":{"dtype":"U8","shape":[4611686018427387904,0,4],"data_offsets":[0,0]}})", "2^63"},
      {R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[8,0]}})", "lies at bytes [8, 0)"},
      {R"({"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}})",
       "[0, 16) of the data, which has 8"},
      {R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,18446744073709551615]}})",
       "which has 8"},
      {R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,7]}})", "7 bytes of data, expected 8"},
      {R"({"a":{"dtype":"U8","shape":[7],"data_offsets":[0,7]}})", "cover 7 of them"},
      {R"({"a":{"dtype":"U8","shape":[7],"data_offsets":[1,8]}})", "there is a gap"},
      {R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       "'b' begins at byte 4 of the data, expected 5 (it overlaps another)"},
      {R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})",
       "the key 'a' twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", "'__metadata__' twice"},
      {R"({"__metadata__":{"a":"","a":""}})", "'a' twice"},
      {R"({"__metadata__":{"a":1}})", "metadata 'a' is 1, expected text"},
      {R"({"__metadata__":{"a":{}}})", "metadata 'a' is an object"},
      {R"({"__metadata__":[]})", "'__metadata__' is an array"},
      {"{\"a\xff\":{}}", "not JSON at its byte 4"},
      {R"({"a\ud800":{}})", "not JSON"},
      {"{\"a\x1b[2J\":1}", "not JSON"},
      {R"({"a\u001b[2J":1})", R"('a\x1b[2J' is 1)"},
      {R"({} x)", "not JSON"},
      {"{", "not JSON"},
  };
  for (const HostileHeader& hostile : cases) {
    const std::string file = write_header(hostile.header, data);
    EXPECT_THAT(reading_error([&] { load_safetensors(file); }),
                testing::AllOf(HasSubstr(hostile.message), HasSubstr(file)))
        << hostile.header;
  }
  const std::string zero_byte("{}\0garbage", 10);
  EXPECT_THAT(reading_error([&] { load_safetensors(write_header(zero_byte)); }),
              HasSubstr("expected a JSON object"));
  EXPECT_THAT(
      reading_error([&] {
        load_safetensors(write_header(R"({"a":{"dtype":"BOOL","shape":[8],"data_offsets":[0,8]}})",
                                      "\1\1\1\2\1\1\1\1"));
      }),
      HasSubstr("holds 2 at element 3, expected 0 or 1"));
}

TEST_F(Safetensors, HostileLengthsAndSizes) {
  for (const uint64_t length : {uint64_t{3}, uint64_t{1} << 31, uint64_t{1} << 63, UINT64_MAX}) {
    EXPECT_THAT(reading_error([&] { load_safetensors(write(length_prefix(length) + "{}")); }),
                HasSubstr("at most 2 fit"));
  }
  // Sparse on disk: the limit holds although the file is long enough.
  const std::string big = write(length_prefix(100'000'001) + "{}");
  fs::resize_file(big, 200'000'000);
  EXPECT_THAT(reading_error([&] { load_safetensors(big); }), HasSubstr("at most 100000000 fit"));

  std::string shape = "1";
  for (int i = 0; i < 64; ++i) shape += ",1";
  EXPECT_THAT(
      reading_error([&] {
        load_safetensors(write_header(
            fmt::format(R"({{"a":{{"dtype":"U8","shape":[{}],"data_offsets":[0,1]}}}})", shape),
            "x"));
      }),
      HasSubstr("more than 64 dimensions"));
  const std::string long_name(1'000'000, 'x');
  EXPECT_LT(
      reading_error([&] { load_safetensors(write_header("{\"" + long_name + "\":1}")); }).size(),
      400U);
}

TEST_F(Safetensors, DeepNestingDoesNotOverflowTheStack) {
  const size_t levels = 1'000'000;
  std::string objects;
  for (size_t i = 0; i < levels; ++i) objects += R"({"a":)";
  EXPECT_THAT(reading_error([&] { load_safetensors(write_header(objects)); }),
              HasSubstr("unknown key 'a'"));
  for (const std::string& prefix : {std::string("{\"a\":"), std::string("{\"a\":{\"shape\":")}) {
    EXPECT_THAT(
        reading_error([&] { load_safetensors(write_header(prefix + std::string(levels, '['))); }),
        HasSubstr("an array"));
  }
}

TEST_F(Safetensors, TruncatedAtEveryByte) {
  save_safetensors(path(), {{"a", at::ones({2, 2})}, {"b", at::ones({3}, at::kByte)}},
                   {{"k", "v"}});
  const std::string whole = read_bytes(path());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(reading_error([&] { load_safetensors(write(whole.substr(0, size))); }), "no error")
        << size;
  }
  EXPECT_NE(reading_error([&] { load_safetensors(write(whole + "x")); }), "no error");
  EXPECT_EQ(load_safetensors(write(whole)).tensors.size(), 2U);
}

TEST_F(Safetensors, FlippedBitsGiveAnErrorOrAFile) {
  save_safetensors(path(), every_dtype(), {{"k", "v"}});
  const std::string whole = read_bytes(path());
  std::mt19937 rng(1);  // raw draws are the same everywhere
  int loaded = 0, refused = 0;
  for (int trial = 0; trial < 5000; ++trial) {
    std::string bytes = whole;
    const int flips = 1 + static_cast<int>(rng() % 3);
    for (int i = 0; i < flips; ++i)
      bytes[rng() % bytes.size()] ^= static_cast<char>(1U << rng() % 8);
    try {
      load_safetensors(write(bytes));
      ++loaded;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::kInput) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(loaded, 100);
  EXPECT_GT(refused, 1000);
}

TEST(CheckTensorsMatch, OneMessageNamesEverything) {
  const NamedTensors network{{"w1", at::ones({2, 3})},
                             {"b1", at::ones({3})},
                             {"w2", at::ones({4})},
                             {"count", at::ones({}, at::kLong)}};
  EXPECT_NO_THROW(check_tensors_match("x", network, {network.rbegin(), network.rend()}));
  const NamedTensors found{{"w1", at::ones({3, 2})},
                           {"b1", at::ones({3})},
                           {"old", at::ones({1})},
                           {"count", at::ones({}, at::kInt)}};
  EXPECT_EQ(reading_error([&] { check_tensors_match("m.safetensors", network, found); }),
            "m.safetensors: the tensors are not those of this network; missing: w2 Float [4]; "
            "different: w1 Float [3, 2], expected Float [2, 3] | count Int [], expected Long []; "
            "unexpected: old Float [1]");
}

}  // namespace
}  // namespace reverie
