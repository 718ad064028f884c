// Nearest neighbours in latent space, as the pictures of training show them.

#include "agents/training/latent_pictures.h"

#include <gtest/gtest.h>

#include "nn/pch.h"

namespace reverie {
namespace {

at::Tensor longs(const std::vector<int64_t>& values) { return copy_to_tensor<int64_t>(values); }

at::Tensor on_a_line(const std::vector<float>& places) {
  return copy_to_tensor<float>(places).unsqueeze(1);
}

TEST(NearestNeighbours, ComeFromOtherEpisodesAndOnce) {
  // Frames 0 and 1 of episode 7 are close together; frame 12 of episode 8 was drawn twice.
  const Neighbours found =
      nearest_neighbours(on_a_line({0.0F, 0.1F, 3.0F, 1.0F, 1.0F, -2.0F}),
                         longs({7, 7, 8, 8, 8, 9}), longs({0, 1, 10, 12, 12, 20}), 2, 9);
  EXPECT_FALSE(found.is_one_episode);
  EXPECT_TRUE(found.index.equal(longs({3, 5, 2, 3, 5, 2}).view({2, 3}))) << found.index;
  EXPECT_TRUE(at::allclose(found.distance[0], on_a_line({1.0F, 2.0F, 3.0F}).flatten()));
  EXPECT_NEAR(found.mean_distance, (7.1 + 6.9) / 12.0, 1e-5);
  EXPECT_EQ(
      nearest_neighbours(on_a_line({0.0F, 0.1F, 3.0F}), longs({7, 8, 8}), longs({0, 1, 2}), 1, 1)
          .index.item<int64_t>(),
      1);
}

TEST(NearestNeighbours, OfOneEpisodeAreNotTheFrameItself) {
  const Neighbours found = nearest_neighbours(on_a_line({0.0F, 0.0F, 5.0F, 2.0F}),
                                              longs({1, 1, 1, 1}), longs({4, 4, 5, 6}), 2, 3);
  EXPECT_TRUE(found.is_one_episode);
  EXPECT_TRUE(found.index.equal(longs({3, 2, 3, 2}).view({2, 2}))) << found.index;
}

}  // namespace
}  // namespace reverie
