#pragma once

#include "drawing/canvas.h"

namespace reverie::car_racing {

// Writes the score at the reference's place: white on black, at least four characters ("0012",
// "-003"), centred on (60, 750) of the 1000 x 800 window that the canvas shows. At 96 x 96 the
// digits are three pixels wide. They are drawn large once per canvas size, shrunk by area averages
// and kept.
void draw_score(Canvas& canvas, double score);

}  // namespace reverie::car_racing
