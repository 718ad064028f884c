#pragma once

namespace reverie {

// Seconds of a steady clock with an arbitrary origin. Only differences have a meaning.
double steady_seconds();

// [s] of processor time that all threads of this process have used.
double processor_seconds();

}  // namespace reverie
