#include "nn/checkpoint.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "nn/pch.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::input_error;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

class CheckpointFiles : public testing::Test {
 protected:
  void SetUp() override { example().write(folder_.path()); }

  static Checkpoint example() {
    Checkpoint checkpoint;
    checkpoint.group("model").add("actor.0.weight", at::arange(6, at::kFloat).view({2, 3}));
    checkpoint.group("model").add("actor.0.bias", at::tensor({NAN, 0.0F, -INFINITY}));
    checkpoint.group("replay").add("kind", at::arange(5).to(at::kByte));
    checkpoint.group("empty");
    checkpoint.set("step", INT64_MIN);
    checkpoint.set("rng", "pcg64:\"0\"\n\xc3\xa9");
    return checkpoint;
  }

  Checkpoint read(const std::vector<std::string>& groups = {"model"}) const {
    return Checkpoint::read(folder_.path(), groups);
  }

  std::string read_error(const std::vector<std::string>& groups = {"model"}) const {
    return input_error([&] {
      const Checkpoint checkpoint = read(groups);
      for (const std::string& group : groups) test::group_of(checkpoint, group);
    });
  }

  void write_state(const std::string& text) const {
    std::ofstream(folder_ / "state.json", std::ios::binary) << text;
  }

  test::TemporaryFolder folder_;
};

TEST_F(CheckpointFiles, RoundTrip) {
  const Checkpoint checkpoint = read({"model", "replay", "empty"});
  const Checkpoint expected = example();
  for (const char* group : {"model", "replay", "empty"}) {
    expect_same_bits(test::group_of(checkpoint, group), test::group_of(expected, group));
  }
  EXPECT_EQ(checkpoint.integer("step"), INT64_MIN);
  EXPECT_EQ(checkpoint.text("rng"), expected.text("rng"));
}

TEST_F(CheckpointFiles, OnlyTheGroupsAskedForAreRead) {
  fs::remove(folder_ / "replay.safetensors");
  const Checkpoint checkpoint = read();
  EXPECT_TRUE(checkpoint.has_group("model"));
  EXPECT_FALSE(checkpoint.has_group("replay"));
  EXPECT_THAT(input_error([&] { checkpoint.reader("replay"); }),
              AllOf(HasSubstr("'replay'"), HasSubstr("model")));
}

TEST_F(CheckpointFiles, AsAWholeItNeedsEveryGroupThatItWasWrittenWith) {
  EXPECT_FALSE(Checkpoint::read(folder_.path()).is_partial());
  EXPECT_TRUE(read().is_partial());
  for (const char* group : {"model", "replay", "empty"}) {
    const fs::path file = folder_ / (std::string(group) + ".safetensors");
    fs::rename(file, folder_ / "kept");
    EXPECT_THAT(input_error([&] { Checkpoint::read(folder_.path()); }),
                HasSubstr(file.filename().string()));
    fs::rename(folder_ / "kept", file);
  }
  for (const char* name : {"../model", ".hidden", ""}) {
    write_state(fmt::format(R"({{"format": "{}", "groups": "model,{},empty"}})",
                            Checkpoint::kFormat, name));
    EXPECT_THAT(input_error([&] { Checkpoint::read(folder_.path()); }), HasSubstr("state.json"));
  }
}

TEST_F(CheckpointFiles, MissingFilesAreNamed) {
  EXPECT_THAT(read_error({"model", "optimizer"}), HasSubstr("optimizer.safetensors"));
  fs::remove(folder_ / "state.json");
  EXPECT_THAT(read_error(), HasSubstr("state.json"));
}

TEST_F(CheckpointFiles, TruncatedAtAnyByteIsAnErrorThatNamesTheFile) {
  const fs::path file = folder_ / "model.safetensors";
  const auto size = fs::file_size(file);
  for (auto length = size; length-- > 0;) {
    fs::resize_file(file, length);
    EXPECT_THAT(read_error(), HasSubstr("model.safetensors")) << length << " of " << size;
  }
}

TEST_F(CheckpointFiles, AHostileStateIsAnErrorThatNamesTheFile) {
  std::string cut;
  {
    std::ifstream stream(folder_ / "state.json");
    std::getline(stream, cut, '\0');
  }
  cut.resize(cut.size() / 2);
  for (const std::string& text :
       {std::string(), cut, std::string("[]"), std::string("null"), std::string("\"step\""),
        std::string(R"({"step": 5})"), std::string(R"({"step": null})"),
        std::string(R"({"step": {"a": "b"}})"), std::string("{\"step\": \"\xff\xfe\"}"),
        std::string("\0\0\0", 3), std::string(R"({"step": "1"} trailing)"),
        std::string(1000000, '['), "{\"a\":" + std::string(1000000, '[')}) {
    write_state(text);
    EXPECT_THAT(read_error(), HasSubstr("state.json")) << text.substr(0, 40);
  }
  // Deep and well formed: neither reading nor destroying it may exhaust the stack.
  write_state("{\"a\":" + std::string(1000000, '[') + std::string(1000000, ']') + "}");
  EXPECT_THAT(read_error(), HasSubstr("state.json"));
}

// The names of groups are names of files beside it.
TEST_F(CheckpointFiles, AGroupCannotLeadOutOfTheFolder) {
  fs::create_directory(folder_ / "elsewhere");
  for (const char* name : {"elsewhere/../model", "./model", "../model", ".model"}) {
    example().write(folder_.path());
    std::string state = read_file(folder_ / "state.json", 1 << 16);
    const std::string groups = "\"groups\": \"";
    const size_t at = state.find(groups) + groups.size();
    write_state(state.replace(at, state.find('"', at) - at, name));
    EXPECT_THAT(input_error([&] { Checkpoint::read(folder_.path()); }), HasSubstr("lists a group"))
        << name;
  }
}

TEST_F(CheckpointFiles, MessagesHoldNoControlSequencesOfTheFile) {
  write_state("{\"a\": \"x\x1b[2J\"}");
  EXPECT_THAT(read_error(), Not(HasSubstr("\x1b")));
  write_state("{\"\xff\xfe\": 1}");
  EXPECT_THAT(read_error(), Not(HasSubstr("\xff")));
  write_state(R"({"format": "3", "step": "\u001b[2J"})");
  const Checkpoint checkpoint = read();
  EXPECT_THAT(input_error([&] { checkpoint.integer("step"); }),
              AllOf(HasSubstr("'step'"), Not(HasSubstr("\x1b"))));
}

TEST_F(CheckpointFiles, IntegersAreWhole) {
  for (const char* text : {"", "5.0", " 5", "5 ", "0x5", "five", "+5", "9223372036854775808"}) {
    Checkpoint checkpoint;
    checkpoint.set("step", std::string(text));
    EXPECT_THAT(input_error([&] { checkpoint.integer("step"); }), HasSubstr("'step'")) << text;
  }
  Checkpoint checkpoint;
  checkpoint.set("step", std::string("-7"));
  EXPECT_EQ(checkpoint.integer("step"), -7);
  EXPECT_THAT(input_error([&] { checkpoint.text("stop"); }), HasSubstr("did you mean 'step'?"));
}

TEST_F(CheckpointFiles, AFolderThatIsNotThereFailsTheRun) {
  EXPECT_NE(test::run_error([&] { example().write(folder_ / "absent"); }), "");
}

}  // namespace
}  // namespace reverie
