#include "worldmodel/sigreg.h"

#include "core/error.h"
#include "nn/noise_source.h"
#include "nn/pch.h"

namespace reverie {

SigReg::SigReg(std::unique_ptr<GoodnessOfFit> test, int64_t slices)
    : test_(std::move(test)), slices_(slices) {
  REVERIE_CHECK(slices >= 1, "SIGReg: {} slices, expected at least 1", slices);
}

at::Tensor SigReg::directions(int64_t dimensions, int64_t step, at::Device device) const {
  const NoiseSource noise(device, static_cast<uint64_t>(step));
  const at::Tensor directions = noise.normal({dimensions, slices_});
  return directions / directions.norm(2, {0}, true);
}

at::Tensor SigReg::operator()(const at::Tensor& z, int64_t step,
                              const DataParallel& parallel) const {
  const at::Tensor slices = directions(z.size(-1), step, z.device()).to(z.scalar_type());
  return test_->statistic(at::matmul(z, slices), parallel).mean();
}

EppsPulleyOptions lejepa_epps_pulley() {
  return {.low = -5.0, .high = 5.0, .knots = 17, .scale = 1.0};
}

EppsPulleyOptions lewm_epps_pulley() {
  return {.low = 0.0, .high = 3.0, .knots = 17, .scale = 2.0};
}

SigReg make_lejepa_sigreg(int64_t slices, at::Device device) {
  return {make_epps_pulley(lejepa_epps_pulley(), device), slices};
}

SigReg make_lewm_sigreg(int64_t slices, at::Device device) {
  return {make_epps_pulley(lewm_epps_pulley(), device), slices};
}

}  // namespace reverie
