// NumPy's arrays and archives: reading returns what was written, and everything else is refused
// with a reason.

#include <cstring>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/field_numbers.h"
#include "datasets/formats/npz.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

std::vector<std::byte> bytes(const std::string& text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

// A header of that version with this dictionary.
std::string header(const std::string& dictionary, char version = 1) {
  std::string text = std::string("\x93NUMPY") + version + '\0';
  text += static_cast<char>(dictionary.size() & 0xff);
  text += static_cast<char>(dictionary.size() >> 8);
  if (version > 1) text += std::string(2, '\0');
  return text + dictionary;
}

std::string plain(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
}

TEST(NpyTest, HeadersOfAllVersionsAndKinds) {
  for (const char version : {1, 2, 3}) {
    const std::string text = header(plain("<f4", "(3, 4)"), version);
    const NpyHeader found = parse_npy_header("a", bytes(text));
    EXPECT_EQ(found.dtype, DType::kFloat32);
    EXPECT_EQ(found.shape, (std::vector<int64_t>{3, 4}));
    EXPECT_EQ(found.offset, text.size());
    EXPECT_EQ(found.value_bytes, 48);
  }
  const auto dtype = [](const std::string& descr) {
    return parse_npy_header("a", bytes(header(plain(descr, "(2,)")))).dtype;
  };
  EXPECT_EQ(dtype("<f8"), DType::kFloat64);
  EXPECT_EQ(dtype("|u1"), DType::kUInt8);
  EXPECT_EQ(dtype("|b1"), DType::kBool);
  EXPECT_EQ(dtype("|i1"), DType::kInt64);
  EXPECT_EQ(dtype("<i4"), DType::kInt64);
  EXPECT_EQ(parse_npy_header("a", bytes(header(plain("<i8", "()")))).value_bytes, 8);
  // The keys may have any order and no spaces.
  EXPECT_EQ(
      parse_npy_header("a", bytes(header(R"({"shape":(5,),"fortran_order":True,"descr":"<f8"})")))
          .value_bytes,
      40);
}

TEST(NpyTest, RefusesOtherHeaders) {
  const auto error = [](const std::string& text) {
    return test::input_error([&] { parse_npy_header("f.npz:a", bytes(text)); });
  };
  const std::string good = header(plain("<f4", "(3,)"));
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THAT(error(good.substr(0, length)), HasSubstr("f.npz:a"));
  }
  EXPECT_THAT(error(header(plain("<f4", "(3,)"), 4)), HasSubstr("version 4.0"));
  EXPECT_THAT(error(header(plain("|O", "(3,)"))), HasSubstr("pickle"));
  EXPECT_THAT(error(header(plain(">f4", "(3,)"))), HasSubstr("'>f4'"));
  EXPECT_THAT(error(header(plain("<U5", "(3,)"))), HasSubstr("'<U5'"));
  EXPECT_THAT(error(header("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3,), }")),
              HasSubstr("named fields"));
  EXPECT_THAT(error(header("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }")),
              HasSubstr("column-major"));
  EXPECT_THAT(error(header("{'descr': '<f4', 'shape': (3, 2), }")), HasSubstr("fortran_order"));
  EXPECT_THAT(error(header("{'descr': '<f4', 'descr': '<f4', 'shape': (3, 2), }")),
              HasSubstr("twice"));
  EXPECT_THAT(error(header(plain("<f4", "(-3,)"))), HasSubstr("length"));
  EXPECT_THAT(error(header(plain("<f4", "(99999999999999999999,)"))), HasSubstr("length"));
  EXPECT_THAT(error(header(plain("<f4", "(4611686018427387904, 0, 4)"))), HasSubstr("2^63"));
  EXPECT_THAT(error(header(plain("|u1", "(4611686018427387904,)"))), HasSubstr("2^63"));
  EXPECT_THAT(error(header(plain("<f4", "(3,)") + "x")), HasSubstr("NumPy writes"));
  EXPECT_THAT(error(header("{'descr': '<f4")), HasSubstr("NumPy writes"));
  std::string axes = "(";
  for (int i = 0; i < 40; ++i) axes += "1, ";
  EXPECT_THAT(error(header(plain("<f4", axes + ")"))), HasSubstr("axes"));
}

TEST(NpyTest, ValuesAreWidenedAndChecked) {
  const NpyHeader small = parse_npy_header("a", bytes(header(plain("|i1", "(2,)"))));
  const std::vector<std::byte> wide =
      decode_npy_values("a", small, {std::byte{0xff}, std::byte{7}});
  EXPECT_EQ(numbers({.name = "a", .shape = {}, .dtype = DType::kInt64}, wide),
            (std::vector<double>{-1, 7}));
  EXPECT_THAT(test::input_error([&] { decode_npy_values("a", small, {std::byte{1}}); }),
              HasSubstr("1 bytes"));
  const NpyHeader flags = parse_npy_header("a", bytes(header(plain("|b1", "(1,)"))));
  EXPECT_THAT(test::input_error([&] { decode_npy_values("a", flags, {std::byte{2}}); }),
              HasSubstr("0 or 1"));
}

TEST(NpyTest, WritesWhatItReads) {
  const Field row{.name = "a", .shape = {2}, .dtype = DType::kFloat64};
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  const std::vector<std::byte> file = npy_file(row, std::as_bytes(std::span(values)));
  const NpyHeader found = parse_npy_header("a", file);
  EXPECT_EQ(found.offset % 64, 0U);
  EXPECT_EQ(found.shape, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(numbers(row, {file.begin() + static_cast<int64_t>(found.offset), file.end()}), values);
}

class NpzTest : public testing::Test {
 protected:
  using Arrays = std::vector<std::pair<std::string, std::vector<std::byte>>>;

  fs::path write(const Arrays& arrays) const {
    fs::remove(folder_ / "a.npz");
    write_npz(folder_ / "a.npz", arrays);
    return folder_ / "a.npz";
  }

  std::string error(const Arrays& arrays) const {
    return test::input_error([&] { NpzFile file(write(arrays)); });
  }

  static std::vector<std::byte> floats(size_t count) {
    const std::vector<float> values(count, 0.5F);
    return npy_file({.name = "", .shape = {}}, std::as_bytes(std::span(values)));
  }

  test::TemporaryFolder folder_;
};

TEST_F(NpzTest, ReadsWhatWasWritten) {
  const NpzFile file(write({{"a", floats(3)}, {"variation.b", floats(100'000)}}));
  ASSERT_EQ(file.arrays().size(), 2U);
  EXPECT_EQ(file.arrays()[1].name, "variation.b");
  EXPECT_EQ(file.find("c"), nullptr);
  EXPECT_EQ(file.read(*file.find("variation.b"), 400'000).size(), 400'000U);
  EXPECT_THAT(test::input_error([&] { file.read(*file.find("variation.b"), 399'999); }),
              HasSubstr("at most 399999"));
}

TEST_F(NpzTest, RefusesNamesThatLeaveTheArchive) {
  for (const char* name : {"../a", "/etc/a", "a/b", "..", ".a", "a b", "a\\b"}) {
    EXPECT_THAT(error({{name, floats(1)}}), HasSubstr("a.npz")) << name;
  }
  EXPECT_THAT(error({{"", floats(1)}}), HasSubstr("NAME.npy"));
}

TEST_F(NpzTest, RefusesSizesThatDoNotAgree) {
  const std::string huge = header(plain("<f4", "(1000000000000,)"));
  EXPECT_THAT(error({{"a", bytes(huge + "1234")}}), HasSubstr("4000000000080 bytes, but 84"));
  std::vector<std::byte> more = floats(3);
  more.push_back(std::byte{0});
  EXPECT_THAT(error({{"a", more}}), HasSubstr("are stored"));
  EXPECT_THAT(error({{"a", {}}}), HasSubstr("magic"));
}

// A good file with one wrong byte, or cut short, is read or refused.
TEST_F(NpzTest, DamagedFiles) {
  const fs::path path = write({{"a", floats(40)}, {"b", floats(7)}});
  std::ifstream in(path, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  int refused = 0;
  const auto attempt = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    const auto [message, kind] = test::error_of([&] {
      const NpzFile file(path);
      for (const NpzFile::Array& array : file.arrays()) file.read(array, 1000);
    });
    EXPECT_EQ(kind, ErrorKind::kInput);
    refused += message.empty() ? 0 : 1;
  };
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    attempt(bad);
    attempt(good.substr(0, i));
  }
  EXPECT_GT(refused, static_cast<int>(good.size()));
}

}  // namespace
}  // namespace reverie
