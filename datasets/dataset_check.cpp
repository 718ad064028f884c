#include "datasets/dataset_check.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/field_numbers.h"
#include "core/interrupt.h"

namespace reverie {
namespace {

constexpr size_t kSampledSteps = 100'000;  // to estimate the usual change of an observation
constexpr double kUsualQuantile = 0.9;     // resets are fewer than one step in ten
constexpr double kJump = 8.0;  // times the usual change, in more than half of the numbers
constexpr double kRewardTolerance = 1e-4;  // float32 positions
constexpr double kMostRewards = 0.999;     // positions at the very edge of the goal's radius

// The number of rows with a value that is not finite, and the first such row.
struct BadRows {
  std::string name;
  int64_t count = 0;
  int64_t first = -1;

  void look(std::span<const double> values, size_t width, int64_t first_row) {
    for (size_t row = 0; row * width < values.size(); ++row) {
      const auto values_of_row = values.subspan(row * width, width);
      if (std::all_of(values_of_row.begin(), values_of_row.end(),
                      [](double x) { return std::isfinite(x); })) {
        continue;
      }
      if (count++ == 0) first = first_row + static_cast<int64_t>(row);
    }
  }
};

class Checker {
 public:
  Checker(Dataset& dataset, const StateReward& reward, int64_t most_steps)
      : dataset_(dataset), reward_(reward), most_steps_(most_steps) {
    const DatasetSchema& schema = dataset.schema();
    for (const Field& field : schema.observation) bad_.push_back({.name = field.name});
    for (const Field& field : schema.info) bad_.push_back({.name = field.name});
    bad_.push_back({.name = "action"});
    bad_.push_back({.name = "reward"});
    for (size_t f = 0; f < schema.observation.size(); ++f) {
      if (schema.observation[f].name == "observation") state_ = f;
    }
  }

  std::vector<DatasetFinding> run() {
    if (state_) measure_usual_change();
    for (size_t e = 0; e < dataset_.episodes().size(); ++e) {
      throw_if_interrupted();
      const EpisodeData episode = dataset_.read(static_cast<int64_t>(e));
      const int64_t start = dataset_.episodes()[e].start;
      look_for_bad_rows(episode, start);
      if (!state_) continue;
      const std::vector<double> state = state_of(episode);
      look_for_jumps(state, start);
      if (reward_) compare_rewards(episode, state);
    }
    return report();
  }

 private:
  const Field& state_field() const { return dataset_.schema().observation[*state_]; }
  size_t width() const { return static_cast<size_t>(state_field().numel()); }

  std::vector<double> state_of(const EpisodeData& episode) const {
    return numbers(state_field(), episode.observation[*state_]);
  }

  // For each number of the observation, the change that 9 of 10 steps do not exceed.
  void measure_usual_change() {
    std::vector<std::vector<double>> changes(width());
    for (size_t e = 0; e < dataset_.episodes().size() && changes[0].size() < kSampledSteps; ++e) {
      const std::vector<double> state = state_of(dataset_.read(static_cast<int64_t>(e)));
      for (size_t i = width(); i < state.size(); ++i) {
        const double change = std::abs(state[i] - state[i - width()]);
        if (std::isfinite(change)) changes[i % width()].push_back(change);
      }
    }
    for (std::vector<double>& values : changes) {
      if (values.empty()) values.push_back(0.0);
      const auto at = values.begin() +
                      static_cast<int64_t>(kUsualQuantile * static_cast<double>(values.size() - 1));
      std::nth_element(values.begin(), at, values.end());
      usual_change_.push_back(*at);
    }
  }

  void look_for_bad_rows(const EpisodeData& episode, int64_t start) {
    const DatasetSchema& schema = dataset_.schema();
    size_t next = 0;
    const auto look = [&](const Field& field, const std::vector<std::byte>& column) {
      BadRows& bad = bad_[next++];
      if (field.dtype != DType::kFloat32 && field.dtype != DType::kFloat64) return;
      bad.look(numbers(field, column), static_cast<size_t>(field.numel()), start);
    };
    for (size_t f = 0; f < schema.observation.size(); ++f) {
      look(schema.observation[f], episode.observation[f]);
    }
    for (size_t f = 0; f < schema.info.size(); ++f) look(schema.info[f], episode.info[f]);
    look(schema.action, episode.action);
    bad_[next].look(std::vector<double>(episode.reward.begin(), episode.reward.end()), 1, start);
  }

  void look_for_jumps(const std::vector<double>& state, int64_t start) {
    for (size_t row = 1; row * width() < state.size(); ++row) {
      size_t far = 0;
      for (size_t i = 0; i < width(); ++i) {
        const double change = std::abs(state[row * width() + i] - state[(row - 1) * width() + i]);
        if (change > kJump * usual_change_[i]) ++far;
      }
      if (2 * far > width()) jumps_.push_back(start + static_cast<int64_t>(row));
    }
  }

  void compare_rewards(const EpisodeData& episode, const std::vector<double>& state) {
    for (size_t t = 0; t < episode.reward.size() && (t + 1) * width() < state.size(); ++t) {
      const auto agrees = [&](size_t row) {
        const double expected = reward_(std::span(state).subspan(row * width(), width()));
        return std::abs(expected - static_cast<double>(episode.reward[t])) < kRewardTolerance;
      };
      ++compared_;
      before_ += agrees(t) ? 1 : 0;
      after_ += agrees(t + 1) ? 1 : 0;
    }
  }

  // The distance of a jump to the nearest marked end of an episode [steps].
  int64_t steps_to_mark(int64_t jump) const {
    int64_t nearest = dataset_.steps();
    for (const DatasetEpisode& episode : dataset_.episodes()) {
      const int64_t offset = episode.start + episode.length - jump;
      if (std::abs(offset) < std::abs(nearest)) nearest = offset;
    }
    return nearest;
  }

  std::vector<DatasetFinding> report() const {
    std::vector<DatasetFinding> found;
    for (const BadRows& bad : bad_) {
      if (bad.count == 0) continue;
      found.push_back({true, fmt::format("{}: {} rows hold NaN or infinity, the first is row {}",
                                         bad.name, bad.count, bad.first)});
    }
    const bool unmarked = dataset_.episodes().size() == 1 && !dataset_.episodes()[0].terminated &&
                          !dataset_.episodes()[0].truncated;
    if (unmarked) {
      found.push_back({!jumps_.empty(), "no terminals and no timeouts: everything is one episode"});
    }
    if (!jumps_.empty()) {
      found.push_back(
          {true, fmt::format("observation: {} jumps inside episodes, as resets make them, the "
                             "first at row {}; the nearest end of an episode is marked {} steps "
                             "from there, so terminals or timeouts are missing or out of step",
                             jumps_.size(), jumps_.front(), steps_to_mark(jumps_.front()))});
    }
    report_lengths(found);
    if (compared_ > 0) report_rewards(found);
    if (dataset_.steps_left_out() > 0) {
      found.push_back(
          {false, fmt::format("its writer was killed: {} steps of an unfinished episode "
                              "are left out",
                              dataset_.steps_left_out())});
    }
    return found;
  }

  // D4RL's generator takes one more step before it marks an end.
  void report_lengths(std::vector<DatasetFinding>& found) const {
    if (most_steps_ == 0) return;
    int64_t count = 0;
    std::optional<size_t> first;
    const std::vector<DatasetEpisode>& episodes = dataset_.episodes();
    for (size_t e = 0; e < episodes.size(); ++e) {
      if (episodes[e].length <= most_steps_ + 1) continue;
      ++count;
      if (!first) first = e;
    }
    if (!first) return;
    found.push_back(
        {true,
         fmt::format("{} episodes are longer than the environment's, which ends after {} "
                     "steps: the first is episode {} of {} steps, from row {} on; an end in "
                     "it has no mark",
                     count, most_steps_, *first, episodes[*first].length, episodes[*first].start)});
  }

  void report_rewards(std::vector<DatasetFinding>& found) const {
    const double before = static_cast<double>(before_) / static_cast<double>(compared_);
    const double after = static_cast<double>(after_) / static_cast<double>(compared_);
    if (after >= kMostRewards) return;
    if (before >= kMostRewards) {
      found.push_back({false, fmt::format("reward t is that of observation t, as D4RL relabels its "
                                          "mazes, not of observation t + 1 ({:.2f} % agree there)",
                                          100 * after)});
      return;
    }
    found.push_back(
        {true, fmt::format("rewards are those of the task neither on observation t ({:.2f} % "
                           "agree) nor on t + 1 ({:.2f} %)",
                           100 * before, 100 * after)});
  }

  Dataset& dataset_;
  const StateReward& reward_;
  int64_t most_steps_;
  std::optional<size_t> state_;  // index of the field "observation"
  std::vector<BadRows> bad_;
  std::vector<double> usual_change_;  // per number of the observation
  std::vector<int64_t> jumps_;        // rows that no usual step leads to from the previous row
  int64_t compared_ = 0, before_ = 0, after_ = 0;
};

}  // namespace

std::vector<DatasetFinding> check_dataset(Dataset& dataset, const StateReward& reward,
                                          int64_t most_steps) {
  return Checker(dataset, reward, most_steps).run();
}

}  // namespace reverie
