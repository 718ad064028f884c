#pragma once

#include <memory>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/training/world_model_agent.h"
#include "drawing/canvas.h"
#include "drawing/picture.h"
#include "runs/load_policy.h"
#include "worldmodel/decoder.h"

namespace reverie {

// The panel beside the scene in films of policies that plan to goals. It shows:
//
//   the goal, and the present picture
//   the plan in force as the model imagines it: where it began, then a picture a step, the one that
//   now corresponds to marked
//
// The second part needs the run's decoder.
class Imagination {
 public:
  // Both must outlive it; actor: the one that plays. Without a decoder for the run's checkpoint
  // only the goal is shown, and a message on stderr says why. Null if the policy does not plan to
  // goals.
  static std::unique_ptr<Imagination> of(const LoadedPolicy& loaded, const Actor& actor);

  // The width of the panel in a film of that width [px].
  static int panel_width(int film_width) { return film_width * 3 / 8; }

  // Takes the fields of environment 0, [1, ...], and the policy's plan there.
  void look(const TensorMap& obs);

  // Draws the panel over everything to the right of `left`.
  void draw(Canvas& canvas, int left) const;

 private:
  struct Grid {
    int columns = 0;
    ImageSize picture;
  };

  Imagination(WorldModelAgent* agent, const PlanningPolicy* actor,
              std::unique_ptr<Decoder> decoder);

  int64_t steps() const;  // of a plan
  Grid grid(int width, int height, double text) const;
  void imagine_plan(const PlanningPolicy::PlannedRollout& planned);

  WorldModelAgent* agent_;            // null with the decoder
  const PlanningPolicy* actor_;       // whose plans are shown; null without an agent
  std::unique_ptr<Decoder> decoder_;  // may be null
  at::Tensor goal_, seen_;            // [H, W, C]
  at::Tensor plan_;                   // last imagined; undefined before the first
  at::Tensor imagined_;               // [T + 1, H, W, C]
  int64_t now_ = 0;                   // the one that corresponds to the scene
};

}  // namespace reverie
