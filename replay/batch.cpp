#include "replay/batch.h"

#include "replay/pch.h"

namespace reverie {

SequenceBatch SampleSource::sample_sequences(int64_t batch, const SampleSpec& spec, Rng&) const {
  fail_input("replay: {} sequences of {} steps were asked of a source of single transitions", batch,
             spec.length);
}

}  // namespace reverie
