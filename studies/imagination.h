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

// The panel beside the scene in films of policies that plan to goals:
//
//   goal, and what is seen now
//   the plan in force as the model imagines it: where it began, then a picture a step, the one that
//   now corresponds to marked
//
// The second part takes the run's decoder.
class Imagination {
 public:
  // Both must outlive it; actor: the one that plays. Without a decoder that fits the run's
  // checkpoint the goal is shown alone, and a line on stderr says why. Null where the policy plans
  // to no goals.
  static std::unique_ptr<Imagination> of(const LoadedPolicy& loaded, const Actor& actor);

  // How much of a film that wide is the panel [px].
  static int panel_width(int film_width) { return film_width * 3 / 8; }

  // Takes up what environment 0 shows, fields [1, ...], and what the policy is up to there.
  void look(const TensorMap& obs);

  // Draws the panel over everything right of `left`.
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
  at::Tensor plan_;                   // that was imagined; undefined before the first
  at::Tensor imagined_;               // [T + 1, H, W, C]
  int64_t now_ = 0;                   // which of them the scene corresponds to
};

}  // namespace reverie
