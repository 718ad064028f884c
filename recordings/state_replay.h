#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "envs/action_player.h"

namespace reverie {

// The part of the physics that is not part of the body's state.
inline constexpr const char* kGoalPart = "desired_goal";

// Brings an environment into the states of a dataset's episodes, to draw or rescore them: from the
// recorded parts of the physics (infos qpos, qvel, goal; ExoRL's physics), or otherwise by
// repeating an episode's reset and actions.
class StateReplay {
 public:
  // Both must outlive it. Throws Error(kInput) when the actions belong to another environment.
  StateReplay(const Dataset& dataset, Env& env);

  // Starts an episode, which must not move. Throws Error(kInput) when it holds neither the state
  // nor a seed.
  void begin(const EpisodeData& episode);

  // Pursues another goal (a part `desired_goal` of the physics) until the next begin(). Throws
  // Error(kInput) without such a part.
  void set_goal(std::span<const double> goal);

  // Goes to the state of observation `row`. Throws Error(kInput) unless 0 <= row <= T, and without
  // an episode, as do the calls below.
  void go_to(int64_t row);

  // Whether go_to() sets recorded states; otherwise it repeats actions.
  bool sets_states() const { return !parts_.empty(); }

  // Takes the recorded action t, 0 <= t < T, in the current state, whatever its origin.
  StepResult take_step(int64_t t);

  // The observation of take_step(), or of physics()->observe() if passed to it.
  FieldViews observation() const { return player_.observation(); }

  // The reward of step t in this environment, including wrappers: that of the state after it
  // towards the goal before it, or that of repeating the step if a reward depends on more.
  double reward(int64_t t);

  // The part of the physics after go_to(). Throws Error(kInput) for an unknown name.
  std::vector<double> part(const std::string& name) const;

 private:
  struct RecordedPart {
    std::string name;
    size_t info = 0;    // column of the dataset
    size_t offset = 0;  // [numbers] in its row
    size_t size = 0;
  };

  int64_t length() const;  // of the episode
  void check_row(int64_t row, int64_t last) const;
  void find_parts();
  bool keeps_own_goal() const;
  bool has_fixed_goal() const;
  bool has_part(const std::string& name) const;
  void reset();
  void set_parts(int64_t row);
  void set_part(const RecordedPart& part, int64_t row);
  void set_goal_of(int64_t row);

  const Dataset& dataset_;
  Env& env_;
  ActionPlayer player_;
  std::vector<RecordedPart> parts_;  // empty: the state was not recorded
  const EpisodeData* episode_ = nullptr;
  int64_t row_ = 0;  // reached by taking actions
  std::optional<std::vector<double>> goal_;
};

}  // namespace reverie
