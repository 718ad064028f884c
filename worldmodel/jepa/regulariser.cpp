#include "worldmodel/jepa/regulariser.h"

#include "nn/pch.h"
#include "worldmodel/sigreg.h"

namespace reverie {

namespace {

std::vector<std::string> regulariser_names() { return {"sigreg", "vicreg", "none"}; }
std::vector<std::string> preset_names() { return {"lewm", "lejepa"}; }
std::vector<std::string> test_names() { return {"epps-pulley", "smooth"}; }

}  // namespace

void RegulariserOptions::describe(ConfigFields& f) {
  f.add("regulariser", regulariser, "regulariser that keeps the latents from collapsing",
        regulariser_names());
  f.add("sigreg_preset", sigreg_preset,
        "SIGReg's knots and slices: LeWorldModel's (1024 on [0, 3]) or LeJEPA's (256 on [-5, 5])",
        preset_names());
  f.add("sigreg_test", sigreg_test, "SIGReg's one-dimensional test of normality", test_names());
  f.add("slices", slices, "SIGReg's random directions per step; 0 = the preset's",
        between(0, 1 << 20));
}

namespace {

class SigRegRegulariser final : public Regulariser {
 public:
  explicit SigRegRegulariser(SigReg sigreg) : sigreg_(std::move(sigreg)) {}

  at::Tensor operator()(const at::Tensor& z, int64_t step,
                        const DataParallel& parallel) const override {
    return sigreg_(z, step, parallel);
  }

 private:
  SigReg sigreg_;
};

class VicReg final : public Regulariser {
 public:
  at::Tensor operator()(const at::Tensor& z, int64_t /*step*/,
                        const DataParallel& parallel) const override {
    REVERIE_CHECK(parallel.processes == 1,
                  "VICReg: {} processes, expected 1: only SIGReg is shared", parallel.processes);
    constexpr double kVariance = 25.0, kEpsilon = 1e-4;
    const int64_t samples = z.size(1), dimensions = z.size(2);
    REVERIE_CHECK(samples >= 2, "VICReg: {} samples a time step, expected at least 2", samples);
    const at::Tensor centred = z - z.mean({1}, /*keepdim=*/true);
    const at::Tensor covariance =
        at::matmul(centred.transpose(1, 2), centred) / static_cast<double>(samples - 1);
    const at::Tensor variance = covariance.diagonal(0, 1, 2);  // [T, D]
    const at::Tensor hinge = at::relu(1.0 - at::sqrt(variance + kEpsilon)).mean();
    const at::Tensor off_diagonal = covariance - at::diag_embed(variance);
    const at::Tensor penalty =
        off_diagonal.square().sum({1, 2}).mean() / static_cast<double>(dimensions);
    return kVariance * hinge + penalty;
  }
};

class NoRegulariser final : public Regulariser {
 public:
  at::Tensor operator()(const at::Tensor& z, int64_t /*step*/,
                        const DataParallel& /*parallel*/) const override {
    return at::zeros({}, z.options());
  }
};

SigReg make_sigreg(const RegulariserOptions& options, at::Device device) {
  const bool lejepa = options.sigreg_preset == "lejepa";
  if (!lejepa && options.sigreg_preset != "lewm") {
    fail_unknown_name("SIGReg preset", options.sigreg_preset, preset_names());
  }
  const int64_t slices = options.slices > 0 ? options.slices
                         : lejepa           ? kLeJepaSlices
                                            : kLeWorldModelSlices;
  if (options.sigreg_test == "smooth") return {make_smooth_test(), slices};
  if (options.sigreg_test != "epps-pulley") {
    fail_unknown_name("SIGReg test", options.sigreg_test, test_names());
  }
  return lejepa ? make_lejepa_sigreg(slices, device) : make_lewm_sigreg(slices, device);
}

}  // namespace

std::unique_ptr<Regulariser> make_regulariser(const RegulariserOptions& options,
                                              at::Device device) {
  if (options.regulariser == "none") return std::make_unique<NoRegulariser>();
  if (options.regulariser == "vicreg") return std::make_unique<VicReg>();
  if (options.regulariser == "sigreg") {
    return std::make_unique<SigRegRegulariser>(make_sigreg(options, device));
  }
  fail_unknown_name("regulariser", options.regulariser, regulariser_names());
}

}  // namespace reverie
