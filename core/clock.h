#pragma once

namespace reverie {

// Seconds of a steady clock with an arbitrary origin. Only differences have a meaning.
double steady_seconds();

}  // namespace reverie
