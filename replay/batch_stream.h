#pragma once

#include <cstdint>
#include <optional>

#include "core/random.h"
#include "replay/batch.h"
#include "replay/prefetcher.h"

namespace reverie {

// The batches that a learner requests, drawn one by one or ahead on a separate thread. The batches
// are the same either way. Sample: Batch, drawn by SampleSource::sample(), or SequenceBatch, drawn
// by sample_sequences().
template <typename Sample>
class SampleStream {
 public:
  // The source must outlive it, and must not change while remaining() > 0. The thread starts with
  // the first request of more than one batch.
  SampleStream(const SampleSource& source, const Rng& rng, bool prefetch)
      : source_(source), rng_(rng), prefetch_(prefetch) {}

  // Announces that `count` more batches of `batch` transitions or sequences will be taken. All
  // batches of the previous request must have been taken.
  void request(int64_t count, int64_t batch, const SampleSpec& spec);

  // The next batch. Throws what the source throws, and Error without a request.
  Sample next();

  int64_t remaining() const { return remaining_; }

  // The generator's state after the last batch taken; continuing from it gives the batches that
  // follow.
  const Rng& rng() const { return ahead_ ? ahead_->rng() : rng_; }
  void set_rng(const Rng& rng);

 private:
  Sample draw(Rng& rng) const;

  const SampleSource& source_;
  Rng rng_;
  bool prefetch_;
  int64_t remaining_ = 0;
  int64_t batch_ = 0;
  SampleSpec spec_;
  std::optional<Prefetcher<Sample>> ahead_;
};

using BatchStream = SampleStream<Batch>;
using SequenceStream = SampleStream<SequenceBatch>;

}  // namespace reverie
