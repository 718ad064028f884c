#include "replay/batch_stream.h"

#include <gtest/gtest.h>

#include "nn/pch.h"
#include "scripted_envs.h"

namespace reverie {
namespace {

// Batches whose index is drawn from the generator.
class Numbers final : public SampleSource {
 public:
  Batch sample(int64_t batch, const SampleSpec& spec, Rng& rng) const override {
    Batch out;
    out.index = at::empty({batch}, at::kLong);
    for (int64_t i = 0; i < batch; ++i) out.index[i] = rng.integers(0, 1'000'000);
    out.discount = at::full({batch}, spec.gamma);
    return out;
  }
};

TEST(BatchStream, GivesTheSameBatchesAheadOrNot) {
  const Numbers source;
  BatchStream direct(source, Rng(5), false), ahead(source, Rng(5), true);
  for (const int64_t count : {1, 4, 0, 3}) {
    const SampleSpec spec{.gamma = 0.9 + 0.01 * static_cast<double>(count)};
    direct.request(count, 8 + count, spec);
    ahead.request(count, 8 + count, spec);
    for (int64_t i = 0; i < count; ++i) {
      const Batch a = direct.next();
      const Batch b = ahead.next();
      EXPECT_TRUE(at::equal(a.index, b.index));
      EXPECT_TRUE(at::equal(a.discount, b.discount));
      EXPECT_EQ(a.index.numel(), 8 + count);
      EXPECT_EQ(direct.rng().state(), ahead.rng().state());
    }
  }
}

TEST(SequenceStream, GivesTheSameSequencesAheadOrNot) {
  const ReplayBuffer replay = scripted_replay(60, 2, 1, 20, 200);
  SequenceStream direct(replay, Rng(5), false);
  SequenceStream ahead(replay, Rng(5), true);
  for (const int64_t count : {1, 4, 3}) {
    const SampleSpec spec{.length = 2 * count, .burn_in = 2, .observation_stride = 2};
    direct.request(count, 8, spec);
    ahead.request(count, 8, spec);
    for (int64_t i = 0; i < count; ++i) {
      const SequenceBatch a = direct.next();
      const SequenceBatch b = ahead.next();
      EXPECT_EQ(a.obs.at("pixels").size(1), count + 2);
      EXPECT_TRUE(at::equal(a.obs.at("pixels"), b.obs.at("pixels")));
      EXPECT_TRUE(at::equal(a.reward, b.reward));
      EXPECT_TRUE(at::equal(a.valid, b.valid));
      EXPECT_EQ(direct.rng().state(), ahead.rng().state());
    }
  }
}

TEST(SequenceStream, ContinuesFromASavedGenerator) {
  const ReplayBuffer replay = scripted_replay(60, 2, 1, 20, 200);
  const SampleSpec spec{.length = 4};
  SequenceStream whole(replay, Rng(5), true);
  whole.request(3, 8, spec);
  whole.next();
  const Rng saved = whole.rng();
  const at::Tensor expected = whole.next().obs.at("observation");
  whole.next();
  SequenceStream resumed(replay, saved, true);
  resumed.request(2, 8, spec);
  EXPECT_TRUE(at::equal(resumed.next().obs.at("observation"), expected));
}

TEST(BatchStream, ContinuesFromASavedGenerator) {
  const Numbers source;
  BatchStream whole(source, Rng(5), true);
  whole.request(3, 8, {});
  whole.next();
  const Rng saved = whole.rng();
  const Batch expected = whole.next();
  whole.next();
  whole.set_rng(saved);
  whole.request(2, 8, {});
  EXPECT_TRUE(at::equal(whole.next().index, expected.index));
}

TEST(BatchStream, ARequestEndsWhenItsBatchesAreTaken) {
  const Numbers source;
  for (const bool prefetch : {false, true}) {
    BatchStream batches(source, Rng(5), prefetch);
    EXPECT_THROW(batches.next(), Error);
    batches.request(2, 8, {});
    EXPECT_THROW(batches.request(1, 8, {}), Error);
    batches.next();
    batches.next();
    EXPECT_THROW(batches.next(), Error);
  }
}

}  // namespace
}  // namespace reverie
