#include "core/text.h"

#include <gtest/gtest.h>

namespace reverie {
namespace {

TEST(Printable, EscapesEverythingThatCouldSteerATerminal) {
  EXPECT_EQ(printable("plain ~text"), "plain ~text");
  EXPECT_EQ(printable("a\nb\x1b[2J\x7f\xc3\xa9"), "a\\x0ab\\x1b[2J\\x7f\\xc3\\xa9");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(PrintableLines, KeepWhatIsNoControlCharacter) {
  EXPECT_EQ(printable_lines("a\nb\tc"), "a\nb\\x09c");
  EXPECT_EQ(printable_lines("caf\xc3\xa9 \xe2\x89\xa4 \xf0\x9f\x9a\x97"),
            "caf\xc3\xa9 \xe2\x89\xa4 \xf0\x9f\x9a\x97");
  EXPECT_EQ(printable_lines("\x1b[2J\x7f"), "\\x1b[2J\\x7f");
  EXPECT_EQ(printable_lines("\xc2\x9b"
                            "2J"),
            "\\xc2\\x9b"
            "2J")
      << "a control sequence in one character";
  EXPECT_EQ(printable_lines("\xe2\x89"), "\\xe2\\x89") << "cut off";
  EXPECT_EQ(printable_lines("\xff"
                            "a"),
            "\\xff"
            "a");
}

TEST(Printable, ShortensLongText) {
  EXPECT_EQ(printable(std::string(120, 'x')), std::string(120, 'x'));
  EXPECT_EQ(printable(std::string(121, 'x')), std::string(120, 'x') + "... (121 bytes)");
}

// The published test values of FNV-1a, 64 bits.
TEST(NameHash, IsFnv1a) {
  EXPECT_EQ(name_hash(""), 0xcbf29ce484222325U);
  EXPECT_EQ(name_hash("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(name_hash("foobar"), 0x85944171f73967e8U);
}

}  // namespace
}  // namespace reverie
