#include "envs/cheetah/dm_cheetah.h"

#include <algorithm>
#include <random>

#include "envs/cheetah/cheetah_env.h"

namespace reverie::cheetah {
namespace {

constexpr const char* kModel = "dm_cheetah.xml";
constexpr int64_t kMaxSteps = 1000;
constexpr int kSettlingSteps = 200;
constexpr size_t kFirstHinge = 3;  // qpos begins with the root's x, z and angle, without limits

// Equals numpy.random.RandomState(seed).random_sample().
double random_sample(std::mt19937& generator) {
  const double high = static_cast<double>(generator() >> 5);
  const double low = static_cast<double>(generator() >> 6);
  return (high * 0x1p26 + low) / 0x1p53;
}

class DmCheetah final : public CheetahEnv {
 public:
  DmCheetah(std::shared_ptr<const Setup> setup, const DmTask& task)
      : CheetahEnv(std::move(setup)), task_(task) {}

 private:
  void place(uint64_t seed) override {
    // quirk: the reference draws the angles after the forces were computed, so its first settling
    // step uses the velocities of the model's default pose.
    simulation().step();
    const mjModel& model = simulation().model();
    std::mt19937 generator(static_cast<uint32_t>(seed));
    const std::span<double> qpos = simulation().qpos();
    const std::span<const double> qvel = simulation().qvel();
    for (size_t i = kFirstHinge; i < qpos.size(); ++i) {
      const mjtNum* range = model.jnt_range + 2 * i;
      qpos[i] = range[0] + (range[1] - range[0]) * random_sample(generator);
      qpos[i] += model.opt.timestep * qvel[i];
    }
    simulation().step(kSettlingSteps - 1);
    simulation().time() = 0.0;
  }

  double advance(ConstFieldView action) override {
    const std::span<const double> requested = action.as<double>();
    const std::span<double> ctrl = simulation().ctrl();
    for (size_t i = 0; i < ctrl.size(); ++i) ctrl[i] = std::clamp(requested[i], -1.0, 1.0);
    simulation().step();
    return reward();
  }

  std::optional<double> state_reward() const override { return reward(); }

  double reward() const {
    const PlanarTree::Motion motion = tree().motion(simulation().qpos(), simulation().qvel());
    const double value = task_.direction * (task_.flip ? motion.angular_momentum : motion.speed);
    // dm_control's tolerance(): linear over a margin as wide as the target.
    const double missing = (task_.target - value) / task_.target;
    return missing <= 0.0 ? 1.0 : std::max(0.0, 1.0 - missing);
  }

  DmTask task_;
};

class DmCheetahConfig final : public EnvConfig {
 public:
  explicit DmCheetahConfig(const DmTask& task) : task_(task) {}

  void describe(ConfigFields& fields) override {
    fields.add("max_steps", max_steps_, "steps after which an episode is truncated", at_least(1));
    factor_options_.describe(fields);
  }

  std::vector<Factor> factors() const override { return cheetah_factors(*load_cheetah(kModel)); }

  EnvMaker maker() const override {
    const SharedModel model = load_cheetah(kModel);
    EnvSpec spec{.id = task_.id, .observation = {}, .action = Field{}};
    spec.observation = {{.name = "observation", .shape = {17}, .dtype = DType::kFloat64}};
    spec.action = Field{
        .name = "action", .shape = {6}, .dtype = DType::kFloat64, .low = {-1.0F}, .high = {1.0F}};
    spec.dt = model->opt.timestep;
    spec.max_steps = max_steps_;
    spec.source =
        task_.id == "cheetah-run"
            ? "dm_control 985d094 cheetah run on MuJoCo 4.0.0; differs: none"
            : "controllable_agent a3c808c (ExoRL) " + task_.id + " on MuJoCo 4.0.0; differs: none";
    const auto factors =
        std::make_shared<const FactorPlan>(task_.id, cheetah_factors(*model), factor_options_);
    const auto setup = std::make_shared<const Setup>(
        Setup{.spec = std::move(spec), .model = model, .factors = factors, .observe_x = false});
    return [setup, task = task_] { return std::make_unique<DmCheetah>(setup, task); };
  }

 private:
  DmTask task_;
  int64_t max_steps_ = kMaxSteps;
  FactorOptions factor_options_;
};

}  // namespace

const std::vector<DmTask>& dm_tasks() {
  static const std::vector<DmTask> tasks = {
      {.id = "cheetah-run", .summary = "dm_control cheetah, run at 10 m/s"},
      {.id = "cheetah-run-backward",
       .summary = "dm_control cheetah (ExoRL), run backwards at 10 m/s",
       .direction = -1.0},
      {.id = "cheetah-walk", .summary = "dm_control cheetah (ExoRL), walk at 2 m/s", .target = 2.0},
      {.id = "cheetah-flip",
       .summary = "dm_control cheetah (ExoRL), somersault forwards",
       .flip = true,
       .target = 5.0},
      {.id = "cheetah-flip-backward",
       .summary = "dm_control cheetah (ExoRL), somersault backwards",
       .flip = true,
       .direction = -1.0,
       .target = 5.0},
  };
  return tasks;
}

EnvEntry dm_cheetah(const DmTask& task) {
  return {.id = task.id,
          .summary = task.summary + ", 1000 steps",
          .config = [task] { return std::make_unique<DmCheetahConfig>(task); },
          .benchmark = task.id == "cheetah-run",
          .bare_step_rate =
              [](int threads, double seconds) {
                return bare_step_rate(load_cheetah(kModel), 1, threads, seconds);
              }};
}

}  // namespace reverie::cheetah
