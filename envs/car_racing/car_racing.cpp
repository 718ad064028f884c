#include "envs/car_racing/car_racing.h"

#include <algorithm>
#include <cstring>

#include "envs/car_racing/bare_car.h"
#include "envs/car_racing/car_racing_env.h"
#include "envs/car_racing/driver.h"

namespace reverie::car_racing {
namespace {

class CarRacingConfig final : public EnvConfig {
 public:
  explicit CarRacingConfig(bool discrete) : discrete_(discrete) {}

  void describe(ConfigFields& fields) override {
    fields.add("max_steps", max_steps_, "steps after which an episode is truncated", at_least(1));
    fields.add("domain_randomize", domain_randomize_, "draw other colours for each episode");
    fields.add("lap_rule", lap_rule_,
               "gymnasium: only all tiles finish a lap; fixed: also coming back to the start",
               {"gymnasium", "fixed"});
    fields.add("lap_complete_percent", lap_complete_percent_,
               "share of the tiles that a lap needs under lap_rule fixed", between(0.0, 1.0));
    fields.add("off_road_cost", off_road_cost_, "cost per step and wheel on grass", at_least(0.0));
    if (!discrete_) {
      fields.add(
          "pedals", pedals_,
          "separate: actions are steering, gas and brake; joint: steering and one pedal, gas "
          "above 0 and brake below",
          {"separate", "joint"});
    }
    fields.add("physics", physics_,
               "native: the reference's arithmetic; box2d: the car in a Box2D 2.4 world",
               {"native", "box2d"});
    factors_.describe(fields);
  }

  std::vector<Factor> factors() const override { return car_racing_factors(); }
  std::string default_observation() const override { return "pixels"; }
  std::pair<int, int> default_image_size() const override { return {96, 96}; }

  EnvMaker maker() const override {
    auto task = std::make_shared<Task>();
    EnvSpec& spec = task->spec;
    spec.id = id();
    spec.observation = {{.name = "observation",
                         .shape = {static_cast<int64_t>(kStateSize)},
                         .dtype = DType::kFloat32}};
    if (discrete_) {
      spec.action = DiscreteSpace{5};
    } else if (pedals_ == "joint") {
      spec.action =
          Field{.name = "action", .shape = {2}, .low = {-1.0F, -1.0F}, .high = {1.0F, 1.0F}};
    } else {
      spec.action = Field{
          .name = "action", .shape = {3}, .low = {-1.0F, 0.0F, 0.0F}, .high = {1.0F, 1.0F, 1.0F}};
    }
    spec.dt = Car::kStep;
    spec.max_steps = max_steps_;
    const bool box2d = physics_ == "box2d";
    spec.source = fmt::format(
        "Gymnasium 1.4.0 CarRacing-v3; differs: {}{}actions outside their bounds are clipped, the "
        "score's font",
        box2d ? "Box2D 2.4 in place of 2.3, " : "",
        pedals_ == "joint" ? "one pedal for gas and brake, " : "");
    task->domain_randomize = domain_randomize_;
    task->lap_rule = lap_rule_ == "fixed" ? LapRule::kFixed : LapRule::kGymnasium;
    task->lap_complete_percent = lap_complete_percent_;
    task->off_road_cost = off_road_cost_;
    task->physics = box2d ? PhysicsEngine::kBox2d : PhysicsEngine::kNative;
    task->factors = std::make_shared<const FactorPlan>(id(), car_racing_factors(), factors_);
    return [task] { return std::make_unique<CarRacingEnv>(task); };
  }

 private:
  std::string id() const { return discrete_ ? "car-racing-discrete" : "car-racing"; }

  bool discrete_;
  int64_t max_steps_ = 1000;
  bool domain_randomize_ = false;
  std::string lap_rule_ = "gymnasium";
  double lap_complete_percent_ = 0.95;
  double off_road_cost_ = 0.0;
  std::string pedals_ = "separate";
  std::string physics_ = "native";
  FactorOptions factors_;
};

// The scripted driver (driver.h), which has no memory.
class ScriptedDriver final : public Controller {
 public:
  explicit ScriptedDriver(const EnvSpec& spec)
      : state_(observed_field(spec, "observation", kStateSize, "scripted")),
        discrete_(std::holds_alternative<DiscreteSpace>(spec.action)),
        joint_pedals_(!discrete_ && std::get<Field>(spec.action).numel() == 2) {}

  void act(ConstFieldViews obs, FieldView action) override {
    StateObservation state;
    std::memcpy(&state, obs[state_].as<float>().data(), sizeof(state));
    if (discrete_) {
      action.as<int64_t>()[0] = drive_discrete(state);
      return;
    }
    const auto [steering, gas, brake] = drive(state);
    const std::span<float> out = action.as<float>();
    out[0] = steering;
    out[1] = joint_pedals_ ? gas - brake : gas;
    if (!joint_pedals_) out[2] = brake;
  }

 private:
  size_t state_;
  bool discrete_, joint_pedals_;
};

std::unique_ptr<Controller> make_driver(Env& env, uint64_t /*seed*/) {
  return std::make_unique<ScriptedDriver>(env.spec());
}

EnvEntry entry(bool discrete) {
  return {
      .id = discrete ? "car-racing-discrete" : "car-racing",
      .summary = fmt::format("car on a random track from above, {}, 1000 steps",
                             discrete ? "five actions" : "steering, gas and brake"),
      .config = [discrete] { return std::make_unique<CarRacingConfig>(discrete); },
      .aliases = discrete ? std::vector<std::string>() : std::vector<std::string>{"CarRacing-v3"},
      .benchmark = !discrete,
      .controllers = {{"scripted", &make_driver}},
      .bare_step_rate = [](int threads,
                           double seconds) { return bare_car_rate(threads, seconds); }};
}

}  // namespace

std::vector<EnvEntry> environments() { return {entry(false), entry(true)}; }

}  // namespace reverie::car_racing
