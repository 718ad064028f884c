#include "nn/random_shift.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

// One row of five pixels of one colour, for each pair of offsets.
at::Tensor shifted_row(int64_t right, int64_t limit) {
  const at::Tensor row = at::tensor({10, 20, 30, 40, 50}, at::kByte).view({1, 1, 5, 1});
  return shifted(row, at::tensor({limit, right}, at::kLong).view({1, 2}), limit).flatten();
}

TEST(RandomShift, RepeatsTheEdge) {
  EXPECT_TRUE(at::equal(shifted_row(2, 2), at::tensor({10, 20, 30, 40, 50}, at::kByte)));
  EXPECT_TRUE(at::equal(shifted_row(0, 2), at::tensor({10, 10, 10, 20, 30}, at::kByte)));
  EXPECT_TRUE(at::equal(shifted_row(1, 2), at::tensor({10, 10, 20, 30, 40}, at::kByte)));
  EXPECT_TRUE(at::equal(shifted_row(4, 2), at::tensor({30, 40, 50, 50, 50}, at::kByte)));
}

TEST(RandomShift, MovesRowsAndColumnsOfEachPictureByItsOwnOffsets) {
  // Pictures of 3 x 2 pixels of 2 colours, numbered 0 .. 11; the second one's numbers are 100 more.
  const at::Tensor one = at::arange(12, at::kByte).view({1, 3, 2, 2});
  const at::Tensor pictures = at::cat({one, one + 100});
  const at::Tensor moved = shifted(pictures, at::tensor({2, 1, 0, 2}, at::kLong).view({2, 2}), 1);
  EXPECT_EQ(moved.scalar_type(), at::kByte);
  // The first one up by a row: rows 1, 2, 2.
  EXPECT_TRUE(at::equal(moved[0].flatten(),
                        at::tensor({4, 5, 6, 7, 8, 9, 10, 11, 8, 9, 10, 11}, at::kByte)));
  // The second one down by a row, and to the left by a column: rows 0, 0, 1, columns 1, 1.
  EXPECT_TRUE(at::equal(
      moved[1].flatten(),
      at::tensor({102, 103, 102, 103, 102, 103, 102, 103, 106, 107, 106, 107}, at::kByte)));
}

// The twin of tests/golden/actor_critic.py: padded and cropped by PyTorch, frames first.
TEST(RandomShift, OfStacksIsAPaddedCrop) {
  const SafetensorsFile file = test::golden("actor_critic_pictures");
  const at::Tensor out = shifted(file.tensor("shift.in"), file.tensor("shift.offsets"), 3);
  EXPECT_TRUE(at::equal(out, file.tensor("shift.out")));
}

TEST(RandomShift, EveryPictureDrawsItsOwnOfAllMoves) {
  // A picture whose pixels all differ tells its move: 2 pixels each way are 25 moves.
  constexpr int64_t kCount = 5000;
  const at::Tensor picture = at::arange(81, at::kByte).view({1, 9, 9, 1});
  NoiseSource noise(at::kCPU, 7);
  const at::Tensor moved = randomly_shifted(picture.expand({kCount, -1, -1, -1}), 2, noise);
  const at::Tensor center = moved.select(1, 4).select(1, 4).flatten().to(at::kLong);
  const at::Tensor counts = at::bincount(center, {}, 81).view({9, 9});
  for (int64_t y = 0; y < 9; ++y) {
    for (int64_t x = 0; x < 9; ++x) {
      const bool possible = std::abs(y - 4) <= 2 && std::abs(x - 4) <= 2;
      // 200 of each, standard deviation 14.
      EXPECT_NEAR(counts[y][x].item<double>(), possible ? 200.0 : 0.0, possible ? 70.0 : 0.0)
          << y << ", " << x;
    }
  }
  noise.reseed(7);
  EXPECT_TRUE(at::equal(randomly_shifted(picture.expand({kCount, -1, -1, -1}), 2, noise), moved));
}

TEST(RandomShift, OfNoPixelsChangesNothing) {
  const NoiseSource noise(at::kCPU, 7);
  const at::Tensor pictures = at::arange(24, at::kFloat).view({2, 3, 4, 1});
  EXPECT_TRUE(at::equal(randomly_shifted(pictures, 0, noise), pictures));
}

}  // namespace
}  // namespace reverie
