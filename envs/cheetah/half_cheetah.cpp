#include "envs/cheetah/half_cheetah.h"

#include <algorithm>

#include "core/random.h"
#include "envs/cheetah/cheetah_env.h"

namespace reverie::cheetah {
namespace {

constexpr const char* kModel = "half_cheetah.xml";
constexpr int kFrameSkip = 5;
constexpr int64_t kMaxSteps = 1000;
// Returns of a random and of an expert policy (D4RL, infos.py, halfcheetah).
constexpr ReferenceReturns kReference{-280.178953, 12135.0};

struct Rules {
  double forward_reward_weight = 1.0;
  double ctrl_cost_weight = 0.1;
  double reset_noise_scale = 0.1;  // [m, rad], [m/s, rad/s]

  bool operator==(const Rules&) const = default;
};

class HalfCheetah final : public CheetahEnv {
 public:
  HalfCheetah(std::shared_ptr<const Setup> setup, const Rules& rules)
      : CheetahEnv(std::move(setup)), rules_(rules) {}

 private:
  void place(uint64_t seed) override {
    Rng rng(seed);
    const double scale = rules_.reset_noise_scale;
    for (double& q : simulation().qpos()) q += rng.uniform(-scale, scale);
    for (double& v : simulation().qvel()) v += scale * rng.standard_normal();
  }

  double advance(ConstFieldView action) override {
    // The reference's actions are float32, and so is its control cost.
    float squares = 0.0F;
    const std::span<double> ctrl = simulation().ctrl();
    const std::span<const float> requested = action.as<float>();
    for (size_t i = 0; i < ctrl.size(); ++i) {
      const float a = std::clamp(requested[i], -1.0F, 1.0F);
      squares += a * a;
      ctrl[i] = static_cast<double>(a);
    }
    const double before = simulation().qpos()[0];
    simulation().step(kFrameSkip);
    const double velocity = (simulation().qpos()[0] - before) / spec().dt;
    const float cost = static_cast<float>(rules_.ctrl_cost_weight) * squares;
    return rules_.forward_reward_weight * velocity - static_cast<double>(cost);
  }

  Rules rules_;
};

class HalfCheetahConfig final : public EnvConfig {
 public:
  void describe(ConfigFields& fields) override {
    fields.add("max_steps", max_steps_, "steps after which an episode is truncated", at_least(1));
    fields.add("forward_reward_weight", rules_.forward_reward_weight,
               "reward per m/s of forward velocity");
    fields.add("ctrl_cost_weight", rules_.ctrl_cost_weight, "cost of the squared action",
               at_least(0.0));
    fields.add(
        "reset_noise_scale", rules_.reset_noise_scale,
        "noise of the start: half width of uniform positions, standard deviation of velocities",
        at_least(0.0));
    fields.add("exclude_current_positions_from_observation", exclude_x_,
               "leave the horizontal position out of the observation");
    factor_options_.describe(fields);
  }

  std::vector<Factor> factors() const override { return cheetah_factors(*load_cheetah(kModel)); }

  EnvMaker maker() const override {
    const SharedModel model = load_cheetah(kModel);
    const auto factors = std::make_shared<const FactorPlan>("half-cheetah", cheetah_factors(*model),
                                                            factor_options_);
    const auto setup = std::make_shared<const Setup>(Setup{
        .spec = make_spec(*model), .model = model, .factors = factors, .observe_x = !exclude_x_});
    return [setup, rules = rules_] { return std::make_unique<HalfCheetah>(setup, rules); };
  }

 private:
  EnvSpec make_spec(const mjModel& model) const {
    EnvSpec spec{.id = "half-cheetah", .observation = {}, .action = Field{}};
    spec.observation = {
        {.name = "observation", .shape = {exclude_x_ ? 17 : 18}, .dtype = DType::kFloat64}};
    spec.action = Field{.name = "action", .shape = {6}, .low = {-1.0F}, .high = {1.0F}};
    spec.dt = model.opt.timestep * kFrameSkip;
    spec.max_steps = max_steps_;
    // Normalised scores refer to the unmodified task.
    if (rules_ == Rules{} && max_steps_ == kMaxSteps && factor_options_.vary.empty() &&
        factor_options_.set.empty()) {
      spec.reference = kReference;
    }
    spec.source =
        "Gymnasium 1.4.0 HalfCheetah-v5 on MuJoCo 4.0.0; differs: actions are clipped before they "
        "are charged for";
    return spec;
  }

  int64_t max_steps_ = kMaxSteps;
  Rules rules_;
  bool exclude_x_ = true;
  FactorOptions factor_options_;
};

}  // namespace

EnvEntry half_cheetah() {
  return {.id = "half-cheetah",
          .summary = "planar cheetah, Gymnasium's HalfCheetah-v5, 1000 steps",
          .config = [] { return std::make_unique<HalfCheetahConfig>(); },
          .aliases = {"HalfCheetah-v5"},
          .benchmark = true,
          .bare_step_rate =
              [](int threads, double seconds) {
                return bare_step_rate(load_cheetah(kModel), kFrameSkip, threads, seconds);
              }};
}

}  // namespace reverie::cheetah
