#include "replay/batch_stream.h"

#include "core/error.h"
#include "replay/pch.h"

namespace reverie {

void BatchStream::request(int64_t count, int64_t batch, const SampleSpec& spec) {
  REVERIE_CHECK(remaining_ == 0, "batches: {} more requested, {} were not taken yet", count,
                remaining_);
  remaining_ = count;
  batch_ = batch;
  spec_ = spec;
  if (prefetch_ && count > 1 && !ahead_) {
    ahead_.emplace([this](Rng& rng) { return source_.sample(batch_, spec_, rng); }, rng_);
  }
  if (ahead_) ahead_->request(count);
}

Batch BatchStream::next() {
  REVERIE_CHECK(remaining_ > 0, "batches: next() without a request()");
  --remaining_;
  return ahead_ ? ahead_->next() : source_.sample(batch_, spec_, rng_);
}

void BatchStream::set_rng(const Rng& rng) {
  ahead_.reset();
  rng_ = rng;
}

}  // namespace reverie
