#pragma once

namespace reverie {

// A factor of the learning rate: rises linearly from 0 over the first `warmup` of a run, then falls
// as a cosine to 0 at its end. progress: fraction of the run that is done, [0, 1]; warmup: [0, 1).
double warmup_cosine(double progress, double warmup);

}  // namespace reverie
