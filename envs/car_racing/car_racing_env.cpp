#include "envs/car_racing/car_racing_env.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/random.h"

namespace reverie::car_racing {
namespace {

constexpr double kStepCost = 0.1;
constexpr double kTrackReward = 1000.0;  // for all tiles together
constexpr double kOutsideReward = -100.0;

// The discrete actions: steering, gas, brake.
constexpr std::array<std::array<double, 3>, 5> kDiscreteActions = {
    {{0.0, 0.0, 0.0}, {-0.6, 0.0, 0.0}, {0.6, 0.0, 0.0}, {0.0, 0.2, 0.0}, {0.0, 0.0, 0.8}}};

// Counts of numbers in a saved state.
constexpr size_t kBodyNumbers = 8;   // centre, angle, velocity, angular velocity, sleep time
constexpr size_t kHingeNumbers = 6;  // motor speed, impulses, limit
constexpr size_t kWheelNumbers = 6;  // gas, brake, steer, omega, phase, on_road
constexpr size_t kSeedNumbers = 2;
constexpr size_t kFlagsPerNumber = 16;  // tiles, 3 bits each: below 2^53
constexpr size_t kFlagNumbers = (Road::kMaxTiles + kFlagsPerNumber - 1) / kFlagsPerNumber;
constexpr size_t kCarNumbers = 5 * kBodyNumbers + 4 * (kHingeNumbers + kWheelNumbers);

// Calls f for every number of the car's state; saving and loading share this order.
template <typename CarType, typename F>
void visit_car(CarType& car, F&& f) {
  const auto body = [&](auto& b) {
    f(b.center.x), f(b.center.y), f(b.angle), f(b.velocity.x), f(b.velocity.y);
    f(b.angular_velocity), f(b.sleep_time);
    float unused = 0.0F;  // force: none between steps
    f(unused);
  };
  body(car.body.hull);
  for (size_t i = 0; i < 4; ++i) {
    body(car.body.wheels[i]);
    auto& hinge = car.body.hinges[i];
    f(hinge.motor_speed), f(hinge.impulse.x), f(hinge.impulse.y), f(hinge.limit_impulse);
    f(hinge.motor_impulse), f(hinge.limit);
    auto& wheel = car.wheels[i];
    f(wheel.gas), f(wheel.brake), f(wheel.steer), f(wheel.omega), f(wheel.phase);
    f(wheel.on_road);
  }
}

double checked_whole(std::string_view id, double value, double limit) {
  REVERIE_CHECK(value >= 0.0 && value <= limit && value == std::floor(value),
                "{}: the state holds {} where a whole number in [0, {}] is expected", id, value,
                limit);
  return value;
}

CarScales scales_of(const FactorValues& factors) {
  return {.engine_power = factors.number(kEnginePower),
          .hull_mass = factors.number(kCarMass),
          .road_friction = factors.number(kRoadFriction),
          .grass_friction = factors.number(kGrassFriction)};
}

}  // namespace

std::vector<Factor> car_racing_factors() {
  const Colors colors;
  return {
      Factor::color("road_color", "the asphalt", colors.road),
      Factor::color("background_color", "the ground", colors.background),
      Factor::color("grass_color", "the squares on the ground", colors.grass),
      Factor::color("car_color", "the hull", colors.hull),
      Factor::number("zoom", "zoom of the camera, relative to the reference", 1.0, 0.5, 2.0),
      Factor::number("road_friction", "friction of tyres on the road, relative to the reference",
                     1.0, 0.2, 2.0, true),
      Factor::number("grass_friction", "friction of tyres on the grass, relative to the reference",
                     1.0, 0.2, 2.0, true),
      Factor::number("engine_power", "power of the engine, relative to the reference", 1.0, 0.2,
                     2.0, true),
      Factor::number("car_mass", "mass of the hull, relative to the reference", 1.0, 0.5, 2.0,
                     true),
      Factor::number("start", "position on the track where an episode begins [share of a lap]", 0.0,
                     0.0, 1.0, true),
  };
}

CarRacingEnv::CarRacingEnv(std::shared_ptr<const Task> task)
    : task_(std::move(task)), factors_(task_->factors) {}

void CarRacingEnv::reset(uint64_t seed, FieldViews obs) {
  progress_ = {};
  factors_.draw(seed);
  build_track(seed);
  const auto start =
      static_cast<size_t>(factors_.number(kStart) * static_cast<double>(track_.size()));
  const TrackPoint& place = track_.points[start % track_.size()];
  car_ = Car(scales_of(factors_), task_->physics);
  car_.place(place.position.x, place.position.y, place.beta);
  skid_marks_.clear();
  progress_.tile = static_cast<double>(start % track_.size());
  // quirk: the reference's reset is a step without an action. The tiles it touches, always the two
  // under the car, are rewarded with the first action.
  simulate();
  progress_.ended = 0.0;
  observe(obs);
}

// The episode's colours and track, from the same draws as in the reference.
void CarRacingEnv::build_track(uint64_t seed) {
  seed_ = seed;
  Rng rng(seed);
  colors_ = {};
  if (task_->domain_randomize) {
    const auto draw = [&] {
      std::array<double, 3> channels;
      for (double& channel : channels) channel = rng.uniform(0.0, 210.0);
      return channels;
    };
    const auto color = [](const std::array<double, 3>& c) {
      return Color{static_cast<uint8_t>(c[0]), static_cast<uint8_t>(c[1]),
                   static_cast<uint8_t>(c[2])};
    };
    colors_.road = color(draw());
    std::array<double, 3> ground = draw();
    colors_.background = color(ground);
    ground[static_cast<size_t>(rng.integers(0, 3))] += 20.0;
    colors_.grass = color(ground);
  }
  for (const auto& [factor, target] :
       {std::pair(kRoadColor, &colors_.road), std::pair(kBackgroundColor, &colors_.background),
        std::pair(kGrassColor, &colors_.grass), std::pair(kCarColor, &colors_.hull)}) {
    if (factors_.chosen(factor)) *target = factors_.color(factor);
  }
  track_ = make_track(rng);
  picture_.build(track_);
  road_.build(track_);
}

// One step of the reference's world: tyres push according to the ground touched a step ago, then
// the road detects where the car is, then the car moves.
void CarRacingEnv::simulate() {
  car_.apply_tyres();
  skid_marks_.add(car_);
  road_.touch(car_);
  car_.move();
  progress_.time += Car::kStep;
  for (; progress_.tiles_paid < static_cast<double>(road_.visited_count());
       progress_.tiles_paid += 1.0) {
    progress_.score += kTrackReward / static_cast<double>(track_.size());
  }
  // quirk: the frame is taken before the step's cost is subtracted.
  progress_.shown_score = progress_.score;
}

void CarRacingEnv::take_action(ConstFieldView action) {
  check_action(spec().id, spec().action, action);
  std::array<double, 3> chosen{};
  if (std::holds_alternative<DiscreteSpace>(spec().action)) {
    chosen = kDiscreteActions[static_cast<size_t>(action.as<int64_t>()[0])];
  } else {
    const Field& box = std::get<Field>(spec().action);
    const std::span<const float> values = action.as<float>();
    for (size_t i = 0; i < values.size(); ++i) {
      chosen[i] = std::clamp(double{values[i]}, double{box.low[i]}, double{box.high[i]});
    }
    if (values.size() == 2) {  // one pedal
      chosen[2] = std::max(-chosen[1], 0.0);
      chosen[1] = std::max(chosen[1], 0.0);
    }
    chosen[0] = -chosen[0];  // positive actions steer right; the car's positive is left
  }
  car_.steer(chosen[0]);
  car_.gas(chosen[1]);
  car_.brake(chosen[2]);
}

StepResult CarRacingEnv::step(ConstFieldView action, FieldViews obs) {
  REVERIE_CHECK(progress_.ended == 0.0,
                "{}: step() after the end of the episode; call reset() first", spec().id);
  take_action(action);
  const double paid = progress_.steps == 0.0 ? 0.0 : progress_.score;
  simulate();
  progress_.score -= kStepCost;
  progress_.steps += 1.0;
  follow_track();

  StepResult result;
  result.reward = progress_.score - paid;
  const bool all = road_.visited_count() == static_cast<int64_t>(track_.size());
  const double share =
      static_cast<double>(road_.visited_count()) / static_cast<double>(track_.size());
  const bool came_round = task_->lap_rule == LapRule::kFixed && road_.reached_start() &&
                          share > task_->lap_complete_percent;
  if (all || came_round) {
    result.terminated = true;
    progress_.lap_finished = 1.0;
  }
  double wheels_on_grass = 0.0;
  for (const Wheel& wheel : car_.wheels) wheels_on_grass += wheel.on_road ? 0.0 : 1.0;
  progress_.wheels_on_grass += wheels_on_grass;
  progress_.distance += car_.speed() * Car::kStep;
  result.reward -= task_->off_road_cost * wheels_on_grass;
  const Vec2 position = car_.hull_position();
  if (std::abs(position.x) > kPlayfield || std::abs(position.y) > kPlayfield) {
    result.terminated = true;
    progress_.lap_finished = 0.0;
    result.reward = kOutsideReward;  // quirk: it replaces the step's reward
  }
  result.truncated = spec().max_steps > 0 && !result.terminated &&
                     progress_.steps >= static_cast<double>(spec().max_steps);
  progress_.ended = result.terminated || result.truncated ? 1.0 : 0.0;
  observe(obs);
  return result;
}

void CarRacingEnv::follow_track() {
  const auto n = static_cast<double>(track_.size());
  const Vec2 at = car_.hull_position();
  const auto nearest =
      static_cast<double>(nearest_point(track_, {at.x, at.y}, static_cast<size_t>(progress_.tile)));
  progress_.tiles_advanced += std::remainder(nearest - progress_.tile, n);
  progress_.tile = nearest;
}

void CarRacingEnv::observe(FieldViews obs) const {
  const StateObservation state = observe_state(track_, static_cast<size_t>(progress_.tile), car_);
  const std::span<const float> values = state.values();
  std::copy(values.begin(), values.end(), obs[0].as<float>().begin());
}

void CarRacingEnv::draw(Canvas& canvas, View view) const {
  const Scene scene{.track = track_,
                    .picture = picture_,
                    .road = road_,
                    .car = car_,
                    .colors = colors_,
                    .skid_marks = skid_marks_,
                    .time = progress_.time,
                    .score = progress_.shown_score,
                    .zoom = factors_.number(kZoom)};
  if (view == View::kObservation) {
    draw_observation(canvas, scene);
  } else {
    draw_film(canvas, scene);
  }
}

Metrics CarRacingEnv::metrics() const {
  const double steps = std::max(progress_.steps, 1.0);
  const auto tiles = static_cast<double>(std::max<size_t>(track_.size(), 1));
  const auto visited = static_cast<double>(road_.visited_count());
  return {{"success", progress_.lap_finished},
          {"tiles_visited", visited},
          {"visited_share", visited / tiles},
          {"laps", std::max(progress_.lap_finished, std::floor(progress_.tiles_advanced / tiles))},
          {"wheels_on_grass", progress_.wheels_on_grass / steps},
          {"speed", progress_.distance / (steps * Car::kStep)},
          {"distance", progress_.distance}};
}

std::vector<double> CarRacingEnv::state() const {
  std::vector<double> out = {static_cast<double>(seed_ >> 32),
                             static_cast<double>(seed_ & 0xffffffffU)};
  out.insert(out.end(), factors_.all().begin(), factors_.all().end());
  const auto* progress = reinterpret_cast<const double*>(&progress_);
  out.insert(out.end(), progress, progress + kProgressNumbers);
  visit_car(car_, [&](const auto& number) { out.push_back(static_cast<double>(number)); });
  std::array<double, kFlagNumbers> flags{};
  for (size_t i = 0; i < road_.size(); ++i) {
    flags[i / kFlagsPerNumber] += std::ldexp(road_.flags()[i], static_cast<int>(3 * (i % 16)));
  }
  out.insert(out.end(), flags.begin(), flags.end());
  return out;
}

void CarRacingEnv::set_state(std::span<const double> state) {
  const size_t factor_numbers = factors_.all().size();
  const std::string& id = spec().id;
  constexpr size_t kFixed = kSeedNumbers + kProgressNumbers + kCarNumbers + kFlagNumbers;
  REVERIE_CHECK(state.size() == kFixed + factor_numbers, "{}: a state of {} numbers, expected {}",
                id, state.size(), kFixed + factor_numbers);
  for (size_t i = 0; i < state.size(); ++i) {
    REVERIE_CHECK(std::isfinite(state[i]), "{}: state[{}] is {}, expected a finite number", id, i,
                  state[i]);
  }
  const auto high = static_cast<uint64_t>(checked_whole(id, state[0], 4294967295.0));
  const uint64_t seed =
      high << 32 | static_cast<uint64_t>(checked_whole(id, state[1], 4294967295.0));

  // Everything is read into a copy, so a state that is refused half-way changes nothing.
  CarRacingEnv next(task_);
  next.factors_.set_all(state.subspan(kSeedNumbers, factor_numbers));
  next.build_track(seed);
  std::span<const double> rest = state.subspan(kSeedNumbers + factor_numbers);
  std::copy_n(rest.begin(), kProgressNumbers, reinterpret_cast<double*>(&next.progress_));
  const auto tiles = static_cast<double>(next.track_.size());
  checked_whole(id, next.progress_.tile, tiles - 1.0);
  checked_whole(id, next.progress_.tiles_paid, tiles);
  checked_whole(id, next.progress_.steps, 0x1p53);
  checked_whole(id, next.progress_.ended, 1.0);
  rest = rest.subspan(kProgressNumbers);
  next.car_ = Car(scales_of(next.factors_), task_->physics);
  size_t at = 0;
  visit_car(next.car_, [&](auto& number) {
    using Number = std::remove_reference_t<decltype(number)>;
    const double value = rest[at++];
    if constexpr (std::is_same_v<Number, Limit>) {
      number = static_cast<Limit>(static_cast<uint8_t>(checked_whole(id, value, 2.0)));
    } else if constexpr (std::is_same_v<Number, bool>) {
      number = checked_whole(id, value, 1.0) != 0.0;
    } else {
      constexpr double kFar = 1e6;  // no part of a car comes near
      REVERIE_CHECK(std::abs(value) <= kFar,
                    "{}: the state holds {}, expected a number in [{}, {}]", id, value, -kFar,
                    kFar);
      number = static_cast<Number>(value);
    }
  });
  rest = rest.subspan(kCarNumbers);
  std::vector<uint8_t> flags(next.road_.size());
  for (size_t i = 0; i < flags.size(); ++i) {
    const double packed = checked_whole(id, rest[i / kFlagsPerNumber], 0x1p48 - 1.0);
    flags[i] = static_cast<uint8_t>(static_cast<uint64_t>(packed) >> (3 * (i % kFlagsPerNumber)) &
                                    Road::kMaxFlag);
  }
  next.road_.set_flags(flags);

  seed_ = seed;
  factors_ = next.factors_;
  colors_ = next.colors_;
  track_ = std::move(next.track_);
  picture_ = std::move(next.picture_);
  road_ = std::move(next.road_);
  car_ = std::move(next.car_);
  progress_ = next.progress_;
  skid_marks_.clear();
}

std::vector<PhysicsState::Part> CarRacingEnv::Physics::parts() const {
  return {{"hull_position", 2},
          {"hull_angle", 1, true},
          {"hull_velocity", 2},
          {"hull_angular_velocity", 1, true},
          {"wheel_omega", 4},
          {"wheel_joint_angle", 4},
          {"tile_visited_count", 1, true}};
}

void CarRacingEnv::Physics::get(std::string_view part, std::span<double> out) const {
  const Car& car = env_.car_;
  std::vector<double> values;
  const auto per_wheel = [&](auto&& value) {
    for (size_t i = 0; i < 4; ++i) values.push_back(static_cast<double>(value(i)));
  };
  if (part == "hull_position") {
    const Vec2 position = car.hull_position();
    values = {position.x, position.y};
  } else if (part == "hull_angle") {
    values = {car.body.hull.angle};
  } else if (part == "hull_velocity") {
    values = {car.body.hull.velocity.x, car.body.hull.velocity.y};
  } else if (part == "hull_angular_velocity") {
    values = {car.body.hull.angular_velocity};
  } else if (part == "wheel_omega") {
    per_wheel([&](size_t i) { return car.wheels[i].omega; });
  } else if (part == "wheel_joint_angle") {
    per_wheel([&](size_t i) { return car.body.hinge_angle(i); });
  } else if (part == "tile_visited_count") {
    values = {static_cast<double>(env_.road_.visited_count())};
  } else {
    std::vector<std::string> known;
    for (const Part& known_part : parts()) known.push_back(known_part.name);
    fail_unknown_name("part of the physics state", part, known);
  }
  REVERIE_CHECK(out.size() == values.size(), "physics state '{}': {} numbers asked for, it has {}",
                part, out.size(), values.size());
  std::copy(values.begin(), values.end(), out.begin());
}

void CarRacingEnv::Physics::set(std::string_view part, std::span<const double> /*values*/) {
  fail_input("{}: physics state '{}' can only be read; set_state() restores a whole car",
             env_.spec().id, part);
}

std::vector<PhysicsState::Constant> CarRacingEnv::Physics::constants() const {
  Constant track{
      .name = "track", .shape = {static_cast<int64_t>(env_.track_.size()), 4}, .values = {}};
  for (const TrackPoint& point : env_.track_.points) {
    track.values.insert(track.values.end(),
                        {point.alpha, point.beta, point.position.x, point.position.y});
  }
  return {track};
}

std::vector<PhysicsState::Quantity> CarRacingEnv::Physics::quantities() const {
  return {{"x", "position of the car [units]"},
          {"y", "position of the car [units]"},
          {"angle", "of the car [rad]"},
          {"speed", "of the car, in any direction [units/s]"},
          {"tiles", "of the track that were visited"}};
}

void CarRacingEnv::Physics::measure(std::span<double> out) const {
  const Vec2 position = env_.car_.hull_position();
  const Vec2 velocity = env_.car_.body.hull.velocity;
  const std::array<double, 5> values = {
      position.x, position.y, env_.car_.body.hull.angle,
      std::hypot(static_cast<double>(velocity.x), static_cast<double>(velocity.y)),
      static_cast<double>(env_.road_.visited_count())};
  std::copy(values.begin(), values.end(), out.begin());
}

}  // namespace reverie::car_racing
