// Planners, SIGReg and a JEPA's update neither wait for their device nor feed it from the CPU. They
// run on LibTorch's meta device, where no value can be read and copies from elsewhere are detected.

#include "tests/meta_device.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/worldmodel/planning_worlds.h"
#include "worldmodel/jepa/jepa.h"
#include "worldmodel/jepa/jepa_learner.h"
#include "worldmodel/planning/planner.h"
#include "worldmodel/sigreg.h"

namespace reverie {
namespace {

using test::discrete_problem;
using test::DiscreteWorld;
using test::linear_problem;
using test::LinearWorld;
using test::MetaDevice;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

const at::TensorOptions kMeta = at::TensorOptions(at::kFloat).device(at::kMeta);

// With every option of a planner.
PlannerOptions busy_options(const std::string& planner) {
  PlannerOptions options = test::hasty_options(planner);
  options.min_std = 0.1;
  options.max_std = 2.0;
  options.smoothing = 0.1;
  return options;
}

class PlannerOnMeta : public testing::TestWithParam<std::string> {
 protected:
  bool is_discrete() const { return GetParam() == "categorical-cem"; }

  PlanningProblem problem() {
    PlanningProblem out = is_discrete() ? discrete_problem(discrete_world_, at::kMeta)
                                        : linear_problem(world_, at::zeros({3, 4}, kMeta));
    const int64_t worlds = out.start.size(), size = out.limits.size();
    const at::TensorOptions options = is_discrete() ? kMeta.dtype(at::kLong) : kMeta;
    out.guess = at::zeros({worlds, 2, size}, options);
    out.proposals = at::zeros({worlds, 2, out.horizon, size}, options);
    return out;
  }

  LinearWorld world_{at::kMeta};
  DiscreteWorld discrete_world_;
};

INSTANTIATE_TEST_SUITE_P(NoWait, PlannerOnMeta, testing::ValuesIn(planner_names()),
                         test::planner_test_name);

TEST_P(PlannerOnMeta, Plans) {
  const auto planner = make_planner(busy_options(GetParam()));
  const PlanningProblem of = problem();
  for (const bool is_first : {true, false}) {
    MetaDevice meta;
    DeviceChecks checks;
    Rng rng(1);
    const Plan plan = planner->search(of, rng, checks);
    EXPECT_TRUE(plan.actions.is_meta());
    EXPECT_EQ(plan.actions.sizes(),
              at::IntArrayRef({of.start.size(), of.horizon, of.limits.size()}));
    EXPECT_EQ(plan.cost.sizes(), at::IntArrayRef({of.start.size()}));
    // iCEM moves the table of its noise to the device once.
    if (is_first && GetParam() == "icem") meta.forget_faults();
    EXPECT_THAT(meta.faults(), IsEmpty());
    // The caller of the planner reads the plan's values.
    EXPECT_ANY_THROW(checks.read());
  }
}

// Mistakes that the test above must detect, in a cost, which is called in the inner loop.
TEST_P(PlannerOnMeta, MistakesAreNoticed) {
  const auto planner = make_planner(busy_options(GetParam()));
  const auto faults_of = [&](const auto& part) {
    PlanningProblem of = problem();
    of.cost.parts.push_back({.step = part});
    MetaDevice meta;
    DeviceChecks checks;
    Rng rng(1);
    planner->search(of, rng, checks);
    return meta.faults();
  };
  const auto rows = [](const CandidateStep& step) {
    return step.next.z.select(1, 0).to(at::kFloat);
  };
  faults_of(rows);  // iCEM moves the table of its noise
  EXPECT_THAT(faults_of(rows), IsEmpty());
  EXPECT_ANY_THROW(faults_of(
      [&](const CandidateStep& step) { return rows(step) * rows(step).sum().item<double>(); }));
  EXPECT_ANY_THROW(faults_of([&](const CandidateStep& step) { return rows(step).cpu(); }));
  EXPECT_ANY_THROW(faults_of([&](const CandidateStep& step) {
    return rows(step).max().item<double>() > 0.0 ? rows(step) : -rows(step);
  }));
  // LibTorch itself accepts these.
  EXPECT_THAT(faults_of([&](const CandidateStep& step) {
                return rows(step) + at::zeros({step.next.size()}).to(at::kMeta);
              }),
              Contains(HasSubstr("aten::copy_")));
  EXPECT_THAT(faults_of([&](const CandidateStep& step) {
                const at::Tensor row = rows(step).unsqueeze(1);
                return at::cat({row, at::zeros(row.sizes())}, 1).sum(1);
              }),
              Contains(HasSubstr("aten::cat")));
}

TEST(NoWait, SigRegDrawsItsDirectionsOnTheDevice) {
  const SigReg sigreg = make_lewm_sigreg(kLeWorldModelSlices, at::kMeta);
  const SigReg lejepa = make_lejepa_sigreg(kLeJepaSlices, at::kMeta);
  const SigReg smooth(make_smooth_test(), 64);
  MetaDevice meta;
  for (const SigReg* each : {&sigreg, &lejepa, &smooth}) {
    at::Tensor z = at::zeros({3, 20, 8}, kMeta).requires_grad_(true);
    const at::Tensor value = (*each)(z, 5);
    value.backward();
    EXPECT_EQ(value.dim(), 0);
    EXPECT_EQ(z.grad().sizes(), z.sizes());
  }
  EXPECT_THAT(meta.faults(), IsEmpty());
}

class JepaOnMeta : public testing::TestWithParam<const char*> {
 protected:
  static constexpr int64_t kBlock = 2;

  ActionSpace space() const {
    if (std::string(GetParam()) == "discrete") return DiscreteSpace{3};
    return Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}};
  }
  at::Tensor actions(std::vector<int64_t> shape) const {
    if (std::string(GetParam()) == "discrete") return at::zeros(shape, kMeta.dtype(at::kLong));
    shape.push_back(2);
    return at::zeros(shape, kMeta);
  }
  static at::Tensor pixels(const std::vector<int64_t>& leading) {
    std::vector<int64_t> shape = leading;
    shape.insert(shape.end(), {16, 16, 3});
    return at::zeros(shape, kMeta.dtype(at::kByte));
  }

  Jepa make() const {
    Rng rng(1);
    return {{.latent_size = 8,
             .action_block = kBlock,
             .encoder_channels = {8, 16},
             .predictor_width = 16},
            {.name = "pixels", .shape = {16, 16, 3}, .dtype = DType::kUInt8},
            space(),
            rng,
            at::kMeta};
  }
};

INSTANTIATE_TEST_SUITE_P(NoWait, JepaOnMeta, testing::Values("continuous", "discrete"),
                         [](const auto& actions) { return std::string(actions.param); });

TEST_P(JepaOnMeta, LearnsWithEveryRegulariser) {
  for (const char* regulariser : {"sigreg", "vicreg", "none"}) {
    SCOPED_TRACE(regulariser);
    Jepa model = make();
    JepaLearner learner(model, {.regulariser = {.regulariser = regulariser}, .minibatch = 8}, 1);
    SequenceBatch batch;
    batch.obs.add("pixels", pixels({8, 4}));
    batch.action = actions({8, 3 * kBlock});
    MetaDevice meta;
    for (int i = 0; i < 2; ++i) {
      for (const auto& [name, value] : learner.update(batch, 0.5)) {
        EXPECT_TRUE(value.is_meta()) << name;
      }
    }
    EXPECT_THAT(meta.faults(), IsEmpty());
  }
}

TEST_P(JepaOnMeta, IsPlannedIn) {
  Jepa model = make();
  TensorMap obs;
  obs.add("pixels", pixels({2, 3}));
  obs.add("goal_pixels", pixels({2}));
  const LatentState goals = model.encode_goal(obs);
  const auto planner =
      make_planner(busy_options(std::string(GetParam()) == "discrete" ? "categorical-cem" : "cem"));
  MetaDevice meta;
  DeviceChecks checks;
  Rng rng(1);
  const Plan plan = planner->search({.dynamics = model,
                                     .start = model.encode(obs, actions({2, 2, kBlock})),
                                     .cost = {.parts = {goal_distance_at_end(model, goals)}},
                                     .limits = model.actions().limits(),
                                     .horizon = 4},
                                    rng, checks);
  EXPECT_TRUE(plan.actions.is_meta());
  EXPECT_THAT(meta.faults(), IsEmpty());
}

}  // namespace
}  // namespace reverie
