#include "agents/training/stages.h"

#include <algorithm>

#include "core/error.h"

namespace reverie {
namespace {

class StagedTrainer final : public Trainer {
 public:
  explicit StagedTrainer(std::vector<Stage> stages) : stages_(std::move(stages)) {
    REVERIE_CHECK(!stages_.empty(), "a training without stages");
    for (size_t i = 0; i < stages_.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        REVERIE_CHECK(stages_[i].name != stages_[j].name, "two stages of training are called '{}'",
                      stages_[i].name);
      }
    }
  }

  void start() override {
    current_ = 0;
    trainer().start();
  }

  void turn() override {
    while (is_done(current_) && current_ + 1 < stages_.size()) {
      ++current_;
      trainer().start();
    }
    trainer().turn();
  }

  TrainingCounts counts() const override {
    TrainingCounts sum{.stage = stages_[current_].title};
    for (size_t i = 0; i <= current_; ++i) {
      const TrainingCounts counts = stages_[i].trainer->counts();
      // Beyond its length a stage has but finished its last turn: the next one begins where the
      // plan says.
      sum.position += std::min(counts.position, stages_[i].length);
      sum.steps += counts.steps;
      sum.updates += counts.updates;
    }
    sum.is_done = current_ + 1 == stages_.size() && is_done(current_);
    return sum;
  }

  Agent& agent() override { return trainer().agent(); }

  TrainingRow metrics() override {
    TrainingRow row = trainer().metrics();
    // The run's progress for people; a row of the first stage looks the same as without stages.
    if (current_ > 0) row.values.emplace_back("stage", static_cast<double>(current_ + 1));
    return row;
  }

  void state(StateList& list) override {
    stages_.front().trainer->state(list);
    loaded_.assign(stages_.size(), false);
    for (size_t i = 1; i < stages_.size(); ++i) {
      LaterStage stage{*stages_[i].trainer, loaded_, i};
      list.add_part(stages_[i].name, stage, i <= current_);
    }
    list.after_load([this] { find_current(); });
  }

  void draw(const TrainingSession& session) override { trainer().draw(session); }

  void finish(const TrainingSession& session) override {
    for (size_t i = 0; i <= current_; ++i) stages_[i].trainer->finish(session);
  }

 private:
  // The saved state of every stage except the first: that it has begun, and its trainer.
  struct LaterStage {
    Trainer& trainer;
    std::vector<bool>& loaded;
    size_t index;

    void state(StateList& list) {
      list.add_text(
          "begun", [] { return "1"; },
          [&flags = loaded, i = index](const std::string&) { flags[i] = true; });
      trainer.state(list);
    }
  };

  Trainer& trainer() { return *stages_[current_].trainer; }
  TrainingCounts trainer_counts(size_t stage) const { return stages_[stage].trainer->counts(); }
  bool is_done(size_t stage) const {
    const TrainingCounts counts = trainer_counts(stage);
    return counts.position >= stages_[stage].length || counts.is_done;
  }

  // The current stage: the last one that had begun, or an earlier one that has become longer.
  void find_current() {
    current_ = 0;
    while (current_ + 1 < stages_.size() && loaded_[current_ + 1] && is_done(current_)) ++current_;
  }

  std::vector<Stage> stages_;
  size_t current_ = 0;        // the last one that has started
  std::vector<bool> loaded_;  // of each stage but the first: whether load() found it
};

}  // namespace

std::unique_ptr<Trainer> in_stages(std::vector<Stage> stages) {
  return std::make_unique<StagedTrainer>(std::move(stages));
}

}  // namespace reverie
