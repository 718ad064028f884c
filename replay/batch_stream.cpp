#include "replay/batch_stream.h"

#include "core/error.h"
#include "nn/pch.h"

namespace reverie {

template <>
Batch BatchStream::draw(Rng& rng) const {
  return source_.sample(batch_, spec_, rng);
}

template <>
SequenceBatch SequenceStream::draw(Rng& rng) const {
  return source_.sample_sequences(batch_, spec_, rng);
}

template <typename Sample>
void SampleStream<Sample>::request(int64_t count, int64_t batch, const SampleSpec& spec) {
  REVERIE_CHECK(remaining_ == 0, "batches: {} more requested, {} were not taken yet", count,
                remaining_);
  remaining_ = count;
  batch_ = batch;
  spec_ = spec;
  if (prefetch_ && count > 1 && !ahead_) {
    ahead_.emplace([this](Rng& rng) { return draw(rng); }, rng_);
  }
  if (ahead_) ahead_->request(count);
}

template <typename Sample>
Sample SampleStream<Sample>::next() {
  REVERIE_CHECK(remaining_ > 0, "batches: next() without a request()");
  --remaining_;
  return ahead_ ? ahead_->next() : draw(rng_);
}

template <typename Sample>
void SampleStream<Sample>::set_rng(const Rng& rng) {
  ahead_.reset();
  rng_ = rng;
}

template class SampleStream<Batch>;
template class SampleStream<SequenceBatch>;

}  // namespace reverie
