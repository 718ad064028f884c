#include "agents/training/stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::ElementsAre;
using testing::HasSubstr;

// Counts its turns in a tensor and a number, and records the calls it gets.
class Counter final : public Trainer {
 public:
  // stride: steps per turn.
  // enough: turns after which nothing is left to do.
  Counter(std::string name, std::vector<std::string>& events, int64_t stride = 1,
          int64_t enough = 1000)
      : name_(std::move(name)), events_(events), stride_(stride), enough_(enough) {}

  void start() override {
    events_.push_back(name_ + " starts");
    turns_ = 0;
    weight_.zero_();
  }
  void turn() override {
    turns_ += stride_;
    weight_ += 1.0;
  }
  TrainingCounts counts() const override {
    return {
        .position = turns_, .steps = 10 * turns_, .updates = turns_, .is_done = turns_ >= enough_};
  }
  Agent& agent() override { fail_input("a counter has no agent"); }
  TrainingRow metrics() override {
    return {.values = {{name_, static_cast<double>(turns_)}}, .shown = {}};
  }
  void state(StateList& list) override {
    list.add("turns", turns_);
    list.add_weights("weight", weight_);
  }
  void finish(const TrainingSession&) override { events_.push_back(name_ + " finishes"); }

 private:
  std::string name_;
  std::vector<std::string>& events_;
  int64_t stride_, enough_;
  int64_t turns_ = 0;
  at::Tensor weight_ = at::zeros({1});
};

class Stages : public testing::Test {
 protected:
  std::unique_ptr<Trainer> make(int64_t first, int64_t second, int64_t third) {
    std::vector<Stage> stages;
    stages.push_back({"first", "doing first", first, std::make_unique<Counter>("first", events_)});
    stages.push_back(
        {"second", "doing second", second, std::make_unique<Counter>("second", events_)});
    stages.push_back({"third", "doing third", third, std::make_unique<Counter>("third", events_)});
    return in_stages(std::move(stages));
  }

  static void take_turns(Trainer& trainer, int count) {
    for (int i = 0; i < count; ++i) trainer.turn();
  }

  static std::string row(Trainer& trainer) {
    std::string text;
    for (const auto& [name, value] : trainer.metrics().values) {
      text += fmt::format("{} {} ", name, value);
    }
    return text;
  }

  std::vector<std::string> events_;
};

// Environments that step together exceed the requested length.
TEST_F(Stages, WhatGoesBeyondItsLengthTakesNothingFromTheNext) {
  std::vector<Stage> stages;
  stages.push_back({"first", "doing first", 10, std::make_unique<Counter>("first", events_, 7)});
  stages.push_back({"second", "doing second", 2, std::make_unique<Counter>("second", events_)});
  const auto trainer = in_stages(std::move(stages));
  trainer->start();
  std::vector<int64_t> positions;
  for (int i = 0; i < 4; ++i) {
    trainer->turn();
    positions.push_back(trainer->counts().position);
  }
  EXPECT_THAT(positions, ElementsAre(7, 10, 11, 12));
  EXPECT_THAT(events_, ElementsAre("first starts", "second starts"));
}

// A trainer may have nothing left to do before its length: the next one follows, and behind the
// last one the whole is done.
TEST_F(Stages, EndWhereATrainerHasNothingLeftToDo) {
  std::vector<Stage> stages;
  stages.push_back({"first", "doing first", 10, std::make_unique<Counter>("first", events_, 1, 3)});
  stages.push_back(
      {"second", "doing second", 9, std::make_unique<Counter>("second", events_, 1, 2)});
  const auto trainer = in_stages(std::move(stages));
  trainer->start();
  take_turns(*trainer, 4);
  EXPECT_EQ(trainer->counts().stage, "doing second");
  EXPECT_FALSE(trainer->counts().is_done);
  take_turns(*trainer, 1);
  EXPECT_TRUE(trainer->counts().is_done);
}

TEST_F(Stages, FollowEachOtherUnderOnePosition) {
  const auto trainer = make(3, 0, 2);
  trainer->start();
  take_turns(*trainer, 3);
  EXPECT_EQ(row(*trainer), "first 3 ");
  EXPECT_EQ(trainer->counts().stage, "doing first");
  EXPECT_THAT(events_, ElementsAre("first starts"));
  take_turns(*trainer, 2);
  EXPECT_EQ(row(*trainer), "third 2 stage 3 ");
  EXPECT_EQ(trainer->counts().stage, "doing third");
  // A stage of length 0 is skipped but still started, because later stages may need its start.
  EXPECT_THAT(events_, ElementsAre("first starts", "second starts", "third starts"));
  EXPECT_EQ(trainer->counts().position, 5);
  EXPECT_EQ(trainer->counts().steps, 50);
}

TEST_F(Stages, GoOnWithinTheStageThatWasSaved) {
  const auto saved = make(2, 4, 2);
  saved->start();
  take_turns(*saved, 4);
  const Checkpoint checkpoint = take_checkpoint(*saved);
  EXPECT_EQ(checkpoint.text("turns"), "2");
  EXPECT_EQ(checkpoint.text("second.turns"), "2");
  EXPECT_FALSE(checkpoint.has_text("third.turns")) << "it has not begun";
  EXPECT_FALSE(checkpoint.has_group("third"));
  events_.clear();
  const auto resumed = make(2, 4, 2);
  load_state(*resumed, checkpoint);
  EXPECT_EQ(resumed->counts().position, 4);
  take_turns(*resumed, 4);
  EXPECT_EQ(row(*resumed), "third 2 stage 3 ");
  EXPECT_THAT(events_, ElementsAre("third starts"));
  EXPECT_EQ(take_checkpoint(*resumed).reader("second").read("second.weight").item<float>(), 4.0F);
}

TEST_F(Stages, GoBackToOneThatHasBecomeLonger) {
  const auto saved = make(2, 4, 2);
  saved->start();
  take_turns(*saved, 8);
  const Checkpoint checkpoint = take_checkpoint(*saved);
  const auto longer = make(3, 4, 2);
  load_state(*longer, checkpoint);
  EXPECT_EQ(longer->counts().position, 2) << "what came after it does not count any more";
  events_.clear();
  take_turns(*longer, 2);
  EXPECT_EQ(row(*longer), "second 1 stage 2 ");
  EXPECT_THAT(events_, ElementsAre("second starts"));
}

TEST_F(Stages, CanBeAddedToARunThatHadNone) {
  Counter alone("first", events_);
  alone.start();
  alone.turn();
  const auto resumed = make(2, 4, 2);
  load_state(*resumed, take_checkpoint(alone));
  EXPECT_EQ(resumed->counts().position, 1);
  take_turns(*resumed, 2);
  EXPECT_EQ(row(*resumed), "second 1 stage 2 ");
}

TEST_F(Stages, HaveNamesOfTheirOwn) {
  std::vector<Stage> twice;
  twice.push_back({"a", "doing a", 1, std::make_unique<Counter>("a", events_)});
  twice.push_back({"a", "doing a", 1, std::make_unique<Counter>("a", events_)});
  EXPECT_THAT(input_error([&] { in_stages(std::move(twice)); }), HasSubstr("called 'a'"));
}

TEST_F(Stages, OfAPartThatIsWrongAreNamed) {
  const auto saved = make(2, 4, 2);
  saved->start();
  take_turns(*saved, 3);
  Checkpoint checkpoint = take_checkpoint(*saved);
  checkpoint.group("second").add("second.more", at::zeros({1}));
  const auto resumed = make(2, 4, 2);
  EXPECT_THAT(input_error([&] { load_state(*resumed, checkpoint); }),
              HasSubstr("second.more is not part of it"));
}

}  // namespace
}  // namespace reverie
