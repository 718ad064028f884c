#pragma once

#include <string>

#include "drawing/canvas.h"

namespace reverie {

// Draws the values max_a Q(s, a) and the best actions of a run whose agent keeps a table, over its
// environment. checkpoint: "latest", "best" or a step. Throws Error(kInput) as load_policy() does,
// for an agent without a table, and for an environment without an exact model.
void draw_value_map(Canvas& canvas, const std::string& run, const std::string& checkpoint);

}  // namespace reverie
