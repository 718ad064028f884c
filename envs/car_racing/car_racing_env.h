#pragma once

#include <memory>
#include <string>
#include <vector>

#include "envs/car_racing/car.h"
#include "envs/car_racing/car_drawing.h"
#include "envs/car_racing/observation.h"
#include "envs/car_racing/road.h"
#include "envs/car_racing/skid_marks.h"
#include "envs/car_racing/track.h"
#include "envs/env.h"

namespace reverie::car_racing {

// When a lap counts as finished, besides driving over every tile.
//   kGymnasium: never. quirk: its rule asks for the FIRST visit of tile 0 after 95 % of the tiles,
//     but tile 0 is visited in reset() (Gymnasium issue 1269).
//   kFixed: when a wheel comes back onto tile 0 after that share of the tiles.
enum class LapRule : uint8_t { kGymnasium, kFixed };

// The settings of one car racing task.
struct Task {
  EnvSpec spec;
  bool domain_randomize = false;  // other colours each episode
  LapRule lap_rule = LapRule::kGymnasium;
  double lap_complete_percent = 0.95;  // of the tiles; the reference's name for a share
  double off_road_cost = 0.0;          // per step and wheel on the grass; the reference has none
  PhysicsEngine physics = PhysicsEngine::kNative;
  std::shared_ptr<const FactorPlan> factors;
};

// The factors of variation, in the order of car_racing_factors().
enum FactorIndex : size_t {
  kRoadColor,
  kBackgroundColor,
  kGrassColor,
  kCarColor,
  kZoom,
  kRoadFriction,
  kGrassFriction,
  kEnginePower,
  kCarMass,
  kStart,
};
std::vector<Factor> car_racing_factors();

// A car on a random track, seen from above (Gymnasium 1.4.0 CarRacing-v3). Every new tile that a
// wheel touches gives 1000 / tiles, every step costs 0.1; driving off the playfield ends the
// episode and gives -100 instead. docs/car_racing.md lists the reference's quirks that are kept.
class CarRacingEnv final : public Env {
 public:
  explicit CarRacingEnv(std::shared_ptr<const Task> task);

  const EnvSpec& spec() const override { return task_->spec; }
  void reset(uint64_t seed, FieldViews obs) override;
  StepResult step(ConstFieldView action, FieldViews obs) override;
  std::vector<double> state() const override;
  void set_state(std::span<const double> state) override;
  void draw(Canvas& canvas, View view) const override;
  Metrics metrics() const override;
  PhysicsState* physics() override { return &physics_; }

 private:
  // The parts that recordings hold, under their names. Read only, because a car's state is more
  // than its hull's.
  class Physics final : public PhysicsState {
   public:
    explicit Physics(const CarRacingEnv& env) : env_(env) {}
    std::vector<Part> parts() const override;
    void get(std::string_view part, std::span<double> out) const override;
    void set(std::string_view part, std::span<const double> values) override;
    bool settable() const override { return false; }
    std::vector<Constant> constants() const override;
    std::vector<Quantity> quantities() const override;
    void measure(std::span<double> out) const override;
    void observe(FieldViews obs) const override { env_.observe(obs); }

   private:
    const CarRacingEnv& env_;
  };

  // The episode's numbers, all part of state().
  struct Progress {
    double score = 0.0;        // sum of rewards as shown in the corner
    double shown_score = 0.0;  // its value when the frame was taken
    double time = 0.0;         // [s] since reset
    double steps = 0.0;
    double tiles_paid = 0.0;       // visited tiles that the score includes
    double tile = 0.0;             // index of the nearest one
    double tiles_advanced = 0.0;   // along the track since reset; backwards is subtracted
    double distance = 0.0;         // [units] driven
    double wheels_on_grass = 0.0;  // summed over steps
    double lap_finished = 0.0;     // 0 or 1
    double ended = 1.0;            // until the first reset()
  };
  static constexpr size_t kProgressNumbers = sizeof(Progress) / sizeof(double);

  void build_track(uint64_t seed);
  void simulate();
  void follow_track();
  void take_action(ConstFieldView action);
  void observe(FieldViews obs) const;

  std::shared_ptr<const Task> task_;
  FactorValues factors_;
  Physics physics_{*this};
  uint64_t seed_ = 0;
  Colors colors_;
  Track track_;
  TrackPicture picture_;
  Road road_;
  Car car_;
  Progress progress_;
  SkidMarks skid_marks_;
};

}  // namespace reverie::car_racing
