#include "worldmodel/jepa/regulariser.h"

#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/tensors.h"
#include "worldmodel/sigreg.h"

namespace reverie {
namespace {

using test::max_difference;

TEST(Regulariser, VicRegIsTheTranscripts) {
  const SafetensorsFile golden = test::golden("lewm");
  const at::Tensor z = golden.tensor("vicreg.z").clone().requires_grad_(true);
  const auto vicreg = make_regulariser({.regulariser = "vicreg"});
  const at::Tensor value = (*vicreg)(z, 0);
  EXPECT_LT(max_difference(value, golden.tensor("vicreg.value")), 1e-4);
  value.backward();
  EXPECT_LT(max_difference(z.grad(), golden.tensor("vicreg.gradient")), 1e-5);
  EXPECT_EQ(test::input_error([&] { (*vicreg)(z, 0, {.processes = 2}); }),
            "VICReg: 2 processes, expected 1: only SIGReg is shared");
  EXPECT_EQ(test::input_error([&] {
              (*vicreg)(at::randn({3, 1, 4}), 0);
            }),
            "VICReg: 1 samples a time step, expected at least 2");
}

TEST(Regulariser, RefusesUnknownNames) {
  const auto refusal = [](const RegulariserOptions& options) {
    return test::input_error([&] { make_regulariser(options); });
  };
  EXPECT_EQ(refusal({.regulariser = "sigrep"}),
            "unknown regulariser 'sigrep'; did you mean 'sigreg'? Known: sigreg, vicreg, none");
  EXPECT_EQ(refusal({.sigreg_preset = "lewn"}),
            "unknown SIGReg preset 'lewn'; did you mean 'lewm'? Known: lewm, lejepa");
  EXPECT_EQ(refusal({.sigreg_test = "smoth"}),
            "unknown SIGReg test 'smoth'; did you mean 'smooth'? Known: epps-pulley, smooth");
}

TEST(Regulariser, SigRegIsThePresets) {
  const at::Tensor z = at::randn({3, 32, 6});
  const auto value = [&](const RegulariserOptions& options) {
    return (*make_regulariser(options))(z, 5).item<double>();
  };
  EXPECT_EQ(value({}), make_lewm_sigreg()(z, 5).item<double>());
  EXPECT_EQ(value({.sigreg_preset = "lejepa"}), make_lejepa_sigreg()(z, 5).item<double>());
  EXPECT_EQ(value({.slices = 16}),
            SigReg(make_epps_pulley(lewm_epps_pulley()), 16)(z, 5).item<double>());
  EXPECT_EQ(value({.sigreg_test = "smooth", .slices = 16}),
            SigReg(make_smooth_test(), 16)(z, 5).item<double>());
}

TEST(Regulariser, NoneAsksForNothing) {
  const at::Tensor value = (*make_regulariser({.regulariser = "none"}))(at::randn({3, 8, 4}), 0);
  EXPECT_EQ(value.dim(), 0);
  EXPECT_EQ(value.item<double>(), 0.0);
}

}  // namespace
}  // namespace reverie
