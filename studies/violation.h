#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "recordings/state_replay.h"
#include "runs/world_model_run.h"

namespace reverie {

// A stretch of an episode as frames of the model: the event is at the frame in the middle.
// F frames, k environment steps between them, actions of A numbers.
struct StretchShape {
  int64_t half = 0;   // frames before the event, and after it: F = 2 half + 1
  int64_t block = 1;  // k

  int64_t frames() const { return 2 * half + 1; }
  int64_t steps() const { return 2 * half * block; }
};

struct Stretch {
  EpisodeData episode;  // without its pictures
  int64_t index = 0;    // of the episode in the dataset
  int64_t first = 0;    // row of the first frame
  at::Tensor picture;   // [H, W, C] uint8, the recorded first frame
};

// One stretch as it was, and with two different events at its middle, [F, H, W, C] uint8 each.
struct Violation {
  at::Tensor reference;
  at::Tensor teleport;  // from the middle on the body continues from a state elsewhere
  at::Tensor color;     // the reference, in another colour from the middle on
  at::Tensor actions;   // [F - 1, k, A] or [F - 1, k], taken in all three
};

// Films stretches of a dataset's episodes in the simulator they were recorded in.
class ViolationFilm {
 public:
  // color: the factor of variation that changes, NAME=VALUE; "" = the body's colour, or otherwise
  // the environment's first colour, changed to a value far from its default. Throws Error(kInput)
  // when the dataset has no states that can be set, when the environment's pictures differ from the
  // dataset's, and when it has no such factor.
  ViolationFilm(const WorldModelRun& run, const StretchShape& shape, const std::string& color);

  // The middle part of an episode with `shape`'s length. The episode must be long enough.
  Stretch cut(int64_t episode);

  // The parts of the physics except the goal, by name.
  using Body = std::vector<std::pair<std::string, std::vector<double>>>;

  // Teleport destinations for two or more stretches: among some random states of the other
  // stretches' episodes, the one farthest from the body in the middle of the stretch. Distances are
  // between positions (qpos if there is such a part), each number in standard deviations.
  std::vector<Body> destinations(std::span<const Stretch> stretches, Rng& rng);

  // Nothing if the environment's episode ended before the stretch did.
  std::optional<Violation> film(const Stretch& stretch, const Body& destination);

  const std::string& color() const { return color_; }

 private:
  Body body(const Stretch& stretch, int64_t row);
  at::Tensor picture(FieldViews obs) const;
  at::Tensor painted_picture();
  std::optional<at::Tensor> play(const Stretch& stretch, const Body* destination,
                                 at::Tensor* painted);

  Dataset& dataset_;
  StretchShape shape_;
  std::string color_;  // NAME=VALUE
  std::unique_ptr<Env> env_, painted_env_;
  std::unique_ptr<StateReplay> replay_;
  FieldRows painted_obs_;
  size_t pixels_ = 0;  // index of the field
};

}  // namespace reverie
