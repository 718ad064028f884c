// A decoder of a world model, tested through the program: the files that training writes, the
// `decoder` command, and films of what a planner imagines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawing/video.h"
#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class DecoderCommand : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    good({"collect", "--env", "maze2d-umaze", "--policy", "random", "--steps", "600", "--out",
          "data.h5", "--observation", "both", "--image-size", "32x32", "--max-steps", "60"});
    good(tiny_world_model(
        "run", 12, {"--image-size", "32x32", "--dataset", "data.h5", "--picture-every", "5"}));
  }
  static void TearDownTestSuite() { folder_.reset(); }

  // Runs the program and expects success.
  static Finished good(const Arguments& arguments) {
    Finished result = run(folder_->path(), arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  }
  static fs::path at(const std::string& name) { return *folder_ / name; }
  static void refuses(const Arguments& arguments, const std::vector<std::string>& messages) {
    expect_refusal(folder_->path(), arguments, messages);
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

// Width and height in a PNG file's header.
std::pair<int, int> png_size(const fs::path& file) {
  const std::string bytes = content(file);
  const auto number = [&](size_t at) {
    int value = 0;
    for (size_t i = 0; i < 4; ++i) value = value * 256 + static_cast<uint8_t>(bytes.at(at + i));
    return value;
  };
  return {number(16), number(20)};
}

TEST_F(DecoderCommand, TrainingLeavesPicturesAndADecoder) {
  EXPECT_TRUE(fs::exists(at("run/decoder.safetensors")));
  for (const char* name :
       {"decoder.png", "neighbours_step_000000005.png", "neighbours_step_000000010.png"}) {
    const auto [width, height] = png_size(at("run/videos") / name);
    EXPECT_GT(width, 500) << name;
    EXPECT_GT(height, 500) << name;
  }
}

TEST_F(DecoderCommand, PicturesChangeNothingThatIsLearnt) {
  good(tiny_world_model(
      "plain", 12,
      {"--dataset", "data.h5", "--image-size", "32x32", "--picture-every", "0", "--decoder-updates",
       "0", "--checkpoint-every", "6", "--keep-checkpoints", "5"}));
  EXPECT_FALSE(fs::exists(at("plain/decoder.safetensors")));
  EXPECT_TRUE(fs::is_empty(at("plain/videos")));
  // As if the run had been killed after step 6 and resumed with pictures.
  fs::copy(at("plain"), at("resumed"), fs::copy_options::recursive);
  fs::remove_all(at("resumed/checkpoints/step_000000012"));
  write(at("resumed/latest"), "step_000000006\n");
  good({"train", "--resume", "resumed", "--quiet", "--picture-every", "5", "--decoder-updates",
        "12"});
  for (const char* run : {"plain", "resumed"}) {
    for (const char* file : {"model.safetensors", "optimizer.safetensors"}) {
      EXPECT_TRUE(content(latest_checkpoint(at("run")) / file) ==
                  content(latest_checkpoint(at(run)) / file))
          << run << " " << file;
    }
  }
  for (const char* file : {"decoder.safetensors", "videos/neighbours_step_000000010.png"}) {
    EXPECT_TRUE(content(at("run") / file) == content(at("resumed") / file)) << file;
  }
}

TEST_F(DecoderCommand, IsAStageThatIsResumedWithinAndBegunAnewWhenTheModelGoesOn) {
  good(tiny_world_model("staged", 12,
                        {"--dataset", "data.h5", "--image-size", "32x32", "--picture-every", "5",
                         "--checkpoint-every", "4", "--keep-checkpoints", "9"}));
  fs::copy(at("staged"), at("killed"), fs::copy_options::recursive);
  // As if the run had been killed between the fourth and the eighth update of the decoder.
  fs::remove_all(at("killed/checkpoints/step_000000020"));
  fs::remove_all(at("killed/checkpoints/step_000000024"));
  fs::remove(at("killed/decoder.safetensors"));
  write(at("killed/latest"), "step_000000016\n");
  good({"train", "--resume", "killed", "--quiet"});
  for (const char* file : {"model.safetensors", "optimizer.safetensors", "decoder.safetensors"}) {
    EXPECT_TRUE(content(latest_checkpoint(at("staged")) / file) ==
                content(latest_checkpoint(at("killed")) / file))
        << file;
  }
  const std::string whole = content(at("staged/decoder.safetensors"));
  EXPECT_TRUE(whole == content(at("killed/decoder.safetensors")));
  EXPECT_TRUE(whole == content(at("run/decoder.safetensors")));

  // The model's training continues in its stage, and the decoder after it starts again.
  good({"train", "--resume", "killed", "--quiet", "--updates", "14"});
  EXPECT_EQ(latest_checkpoint(at("killed")).filename(), "step_000000028");
  good({"decoder", "killed", "--updates", "0", "--out", "later.png"});
  EXPECT_FALSE(content(at("killed/decoder.safetensors")) == whole);
  EXPECT_FALSE(fs::exists(latest_checkpoint(at("staged")).parent_path() / "step_000000028"));
  EXPECT_FALSE(fs::exists(at("staged/checkpoints/step_000000012/decoder.safetensors")))
      << "a stage that has not begun has nothing to save";
}

TEST_F(DecoderCommand, DrawsASheetAndAVideo) {
  fs::copy(at("run"), at("drawn"), fs::copy_options::recursive);
  const Finished trained = good({"decoder", "drawn", "--updates", "3", "--out", "sheet.png",
                                 "--video", "frames/", "--imagine", "4", "--episodes", "2"});
  EXPECT_THAT(trained.err, AllOf(HasSubstr("wrote drawn/decoder.safetensors"),
                                 HasSubstr("mean squared error of held-out pixels"),
                                 HasSubstr("wrote sheet.png"), HasSubstr("wrote frames/")));
  EXPECT_TRUE(fs::exists(at("sheet.png")));
  // Two episodes of a start and four steps, the first and the last of five shown four times.
  int frames = 0;
  for (const auto& entry : fs::directory_iterator(at("frames"))) {
    frames += entry.path().extension() == ".png" ? 1 : 0;
  }
  EXPECT_EQ(frames, 2 * (3 + 2 * 4));
  const std::string file = content(at("drawn/decoder.safetensors"));
  EXPECT_FALSE(file == content(at("run/decoder.safetensors")));
  good({"decoder", "drawn", "--updates", "0", "--out", "again.png"});
  EXPECT_TRUE(content(at("drawn/decoder.safetensors")) == file);
}

TEST_F(DecoderCommand, FilmsShowGoalAndPlan) {
  const Arguments film = {"render",   "run",  "--goal-steps", "5-10",
                          "--radius", "0.01", "--size",       "320x240"};
  const Finished both = good(with(film, {"--out", "both/"}));
  EXPECT_THAT(both.err, Not(HasSubstr("decoder")));
  fs::copy(at("run"), at("bare"), fs::copy_options::recursive);
  fs::remove(at("bare/decoder.safetensors"));
  Arguments alone = with(film, {"--out", "alone/"});
  alone[1] = "bare";
  EXPECT_THAT(good(alone).err,
              AllOf(HasSubstr("bare: has no decoder; `reverie decoder bare` trains one"),
                    HasSubstr("shows the goal without the plan")));
  // Scene and goal are the same; the pictures below the goal differ.
  const std::vector<uint8_t> a = read_png(at("both/frame_00003.png"), 320, 240);
  const std::vector<uint8_t> b = read_png(at("alone/frame_00003.png"), 320, 240);
  const auto row = [](const std::vector<uint8_t>& pixels, size_t y, size_t from, size_t count) {
    const auto first = pixels.begin() + static_cast<std::ptrdiff_t>(3 * (y * 320 + from));
    return std::vector<uint8_t>(first, first + static_cast<std::ptrdiff_t>(3 * count));
  };
  for (const size_t y : {20, 120, 200}) EXPECT_EQ(row(a, y, 0, 200), row(b, y, 0, 200)) << y;
  EXPECT_NE(row(a, 130, 200, 120), row(b, 130, 200, 120));
}

TEST_F(DecoderCommand, SaysWhatDoesNotFit) {
  good(tiny_training("policy", 100));
  refuses({"decoder", "policy"}, {"policy", "agent 'ddpg' learns no world model"});
  refuses({"decoder", "random"}, {"random"});
  refuses({"decoder", "run", "--updates", "-1"}, {"--updates", "-1"});
  refuses({"decoder", "run", "--out", "sheet.jpg"}, {"sheet.jpg", ".png"});
  refuses({"decoder", "run", "--video", "film.avi"}, {"film.avi", ".mp4"});
  fs::copy(at("run"), at("live"), fs::copy_options::recursive);
  edit(at("live/config.toml"), "dataset = \"[^\"]*\"", "dataset = \"\"");
  refuses({"decoder", "live"}, {"live", "--dataset", "reverie collect"});

  fs::copy(at("run"), at("longer"), fs::copy_options::recursive);
  good({"train", "--resume", "longer", "--updates", "14", "--decoder-updates", "0", "--quiet"});
  refuses({"decoder", "longer", "--updates", "0"},
          {"longer/decoder.safetensors", "step 24", "step 14", "trains a new one"});
  fs::remove(at("longer/decoder.safetensors"));
  refuses({"decoder", "longer", "--updates", "0"}, {"longer: has no decoder"});
  write(at("longer/decoder.safetensors"), "no such thing");
  refuses({"decoder", "longer", "--updates", "0"}, {"longer/decoder.safetensors"});
}

}  // namespace
}  // namespace reverie::test
