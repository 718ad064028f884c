// Reading PNG images of every kind, and files that are not PNG images.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/file.h"
#include "drawing/video.h"
#include "tests/errors.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using test::input_error;
using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

class Png : public testing::Test {
 protected:
  Png() { fs::create_directories(folder_); }
  ~Png() override { fs::remove_all(folder_); }

  fs::path write(const std::string& bytes, const char* name = "goal.png") const {
    write_file_atomically(folder_ / name, std::string_view(bytes));
    return folder_ / name;
  }

  fs::path folder_ = fs::path(testing::TempDir()) / fmt::format("png_{}", ::getpid());
};

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

// PNG (third edition), annex D.
std::string chunk(const std::string& name, const std::string& data) {
  uint32_t crc = 0xffffffff;
  for (const char c : name + data) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return big_endian(static_cast<uint32_t>(data.size())) + name + data + big_endian(~crc);
}

// One stored block in a zlib stream (RFC 1950, 1951).
std::string stored(const std::string& data) {
  uint32_t a = 1;
  uint32_t b = 0;
  for (const char c : data) {
    a = (a + static_cast<uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  const auto size = static_cast<uint16_t>(data.size());
  std::string out = {'\x78', '\x01', '\x01'};
  for (const int part : {size & 0xff, size >> 8, ~size & 0xff, ~size >> 8 & 0xff}) {
    out += static_cast<char>(part);
  }
  return out + data + big_endian(b << 16 | a);
}

// An image whose rows are given as they are stored, without a filter. type: 0 grey, 2 RGB, 3
// palette, 6 RGBA.
std::string png(int width, const std::vector<std::string>& rows, int type, int depth = 8,
                const std::string& palette = "") {
  std::string data;
  for (const std::string& row : rows) data += '\0' + row;
  const std::string header =
      big_endian(static_cast<uint32_t>(width)) + big_endian(static_cast<uint32_t>(rows.size())) +
      std::string{static_cast<char>(depth), static_cast<char>(type), '\0', '\0', '\0'};
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) +
         (palette.empty() ? "" : chunk("PLTE", palette)) + chunk("IDAT", stored(data)) +
         chunk("IEND", "");
}

TEST_F(Png, ReadsBackWhatWasWritten) {
  std::vector<uint8_t> pixels(5 * 7 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(37 * i + i / 5);
  const fs::path path = folder_ / "written.png";
  write_png(path, {pixels.data(), 5, 7});
  EXPECT_EQ(read_png(path, 5, 7), pixels);
}

TEST_F(Png, EveryKindBecomesRgbOfEightBits) {
  const auto read = [&](const std::string& bytes) { return read_png(write(bytes), 2, 1); };
  const std::string rgb = {1, 2, 3, char(250), char(251), char(252)};
  EXPECT_THAT(read(png(2, {rgb}, 2)), ElementsAre(1, 2, 3, 250, 251, 252));
  EXPECT_THAT(read(png(2, {{0, char(200)}}, 0)), ElementsAre(0, 0, 0, 200, 200, 200));
  EXPECT_THAT(read(png(2, {{1, 0}}, 3, 8, rgb)), ElementsAre(250, 251, 252, 1, 2, 3));
  EXPECT_THAT(read(png(2, {{1, 2, 3, 0, char(250), char(251), char(252), char(255)}}, 6)),
              ElementsAre(1, 2, 3, 250, 251, 252))
      << "transparency is dropped";
  EXPECT_THAT(read(png(2,
                       {{0, 0, 128 - 256, 128 - 256, 255 - 256, 255 - 256,  //
                         16, 16, 32, 32, 64, 64}},
                       2, 16)),
              ElementsAre(0, 128, 255, 16, 32, 64));
  EXPECT_THAT(read(png(2, {{char(0x40)}}, 0, 1)), ElementsAre(0, 0, 0, 255, 255, 255));
}

TEST_F(Png, AnotherSizeIsNamedBesideTheExpectedOne) {
  const fs::path path = write(png(2, {{1, 2}, {3, 4}, {5, 6}}, 0));
  EXPECT_THAT(input_error([&] { read_png(path, 64, 64); }),
              AllOf(HasSubstr("goal.png"), HasSubstr("2 x 3 pixels, expected 64 x 64")));
  EXPECT_THAT(input_error([&] { read_png(path, 2, 64); }), HasSubstr("2 x 3 pixels"));
  EXPECT_THAT(input_error([&] { read_png(path, 64, 3); }), HasSubstr("2 x 3 pixels"));
  EXPECT_THAT(input_error([&] { read_png(path, 0, 64); }), HasSubstr("0 x 64"));
}

TEST_F(Png, WhatIsNoWholePngIsRefused) {
  EXPECT_THAT(input_error([&] { read_png(folder_ / "none.png", 2, 1); }), HasSubstr("none.png"));
  EXPECT_THAT(input_error([&] { read_png(folder_, 2, 1); }), HasSubstr(folder_.string()));
  for (const std::string& bytes : {std::string(), std::string("GIF89a"), std::string(100, 'x')}) {
    EXPECT_THAT(input_error([&] { read_png(write(bytes), 2, 1); }), HasSubstr("no PNG image"));
  }
  const std::string whole = png(2, {{1, 2, 3, 4, 5, 6}}, 2);
  for (size_t size = 33; size + 12 < whole.size(); ++size) {
    EXPECT_THAT(input_error([&] { read_png(write(whole.substr(0, size)), 2, 1); }),
                HasSubstr("goal.png: a damaged PNG image"))
        << size << " of " << whole.size() << " bytes";
  }
  std::string flipped = whole;
  flipped[whole.find("IDAT") + 12] ^= 4;
  EXPECT_THAT(input_error([&] { read_png(write(flipped), 2, 1); }), HasSubstr("damaged"));
  std::string checksum = whole;  // of the pixels' chunk: the last bytes before the next length
  checksum[whole.find("IEND") - 5] ^= 1;
  EXPECT_THAT(input_error([&] { read_png(write(checksum), 2, 1); }), HasSubstr("damaged"));
}

}  // namespace
}  // namespace reverie
