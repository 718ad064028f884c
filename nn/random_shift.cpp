#include "nn/random_shift.h"

#include "nn/pch.h"

namespace reverie {

at::Tensor shifted(const at::Tensor& pictures, const at::Tensor& offsets, int64_t limit) {
  const int64_t batch = pictures.size(0), colours = pictures.size(-1);
  const int64_t height = pictures.size(-3), width = pictures.size(-2), row = width * colours;
  const at::Tensor frames = pictures.reshape({batch, -1, height, width, colours});
  // A row, `limit` pixels longer at both ends, holds every shifted row as one piece without gaps,
  // so a shifted picture is made of as many copies as it has rows.
  const at::Tensor left = frames.narrow(3, 0, 1).expand({-1, -1, -1, limit, -1});
  const at::Tensor right = frames.narrow(3, width - 1, 1).expand({-1, -1, -1, limit, -1});
  const at::Tensor pieces = at::cat({left, frames, right}, 3).flatten().unfold(0, row, 1);
  const at::Tensor frame =
      at::arange(batch * frames.size(1), offsets.options()).view({batch, -1, 1});
  const at::Tensor y = at::arange(height, offsets.options()).view({1, 1, -1});
  const at::Tensor down = offsets.select(1, 0).view({-1, 1, 1}) - limit;
  const at::Tensor x = offsets.select(1, 1).view({-1, 1, 1});
  const at::Tensor source = frame * height + (y + down).clamp(0, height - 1);  // row of `frames`
  const at::Tensor start = (source * (width + 2 * limit) + x) * colours;
  return pieces.index_select(0, start.flatten()).view(pictures.sizes());
}

at::Tensor randomly_shifted(const at::Tensor& pictures, int64_t limit, const NoiseSource& noise) {
  return shifted(pictures, noise.integers(2 * limit + 1, {pictures.size(0), 2}), limit);
}

}  // namespace reverie
