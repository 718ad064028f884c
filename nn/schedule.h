#pragma once

namespace reverie {

// A linear rise from 0 over the first `warmup` of a run, then a cosine down to 0 at its end, as a
// factor of the learning rate. progress: share of the run that is done, [0, 1]; warmup: [0, 1).
double warmup_cosine(double progress, double warmup);

}  // namespace reverie
