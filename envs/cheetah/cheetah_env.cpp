#include "envs/cheetah/cheetah_env.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/assets.h"
#include "core/file.h"
#include "envs/cheetah/cheetah_drawing.h"

namespace reverie::cheetah {
namespace {

constexpr size_t kRootAngle = 2;  // in qpos
// Numbers of state() after the engine's: start, sums and counters; the factors follow.
constexpr size_t kTaskState = 5;

}  // namespace

SharedModel load_cheetah(const std::string& file) {
  constexpr std::string_view kMark = "@BODY@";
  const std::filesystem::path folder = asset_path("cheetah");
  std::string mjcf = read_file(folder / file, 1 << 20);
  const size_t at = mjcf.rfind(kMark);  // its comment contains the mark too
  REVERIE_CHECK(at != std::string::npos, "assets/cheetah/{}: has no mark {}", file, kMark);
  mjcf.replace(at, kMark.size(), read_file(folder / "body.xml", 1 << 20));
  return compile_model(mjcf, file);
}

CheetahEnv::CheetahEnv(std::shared_ptr<const Setup> setup)
    : setup_(std::move(setup)),
      simulation_(setup_->model),
      factors_(setup_->factors),
      tree_(*setup_->model) {}

void CheetahEnv::use_factors() {
  if (!setup_->factors->changes_dynamics()) return;
  simulation_.change_model([this](mjModel& model) { change_dynamics(model, factors_); });
  tree_ = PlanarTree(simulation_.model());
}

void CheetahEnv::reset(uint64_t seed, FieldViews obs) {
  ended_ = true;  // in case the following calls fail
  factors_.draw(seed);
  use_factors();
  simulation_.reset();
  place(seed);
  start_x_ = simulation_.qpos()[0];
  start_angle_ = simulation_.qpos()[kRootAngle];
  effort_ = 0.0;
  steps_ = 0;
  ended_ = false;
  observe(obs);
}

StepResult CheetahEnv::step(ConstFieldView action, FieldViews obs) {
  REVERIE_CHECK(!ended_, "{}: step() after the end of the episode; call reset() first", spec().id);
  check_action(spec().id, spec().action, action);
  StepResult result;
  try {
    result.reward = advance(action);
  } catch (const Error& error) {
    ended_ = true;
    throw Error(fmt::format("{}: {}", spec().id, error.what()), error.kind());
  }
  for (const double control : simulation_.ctrl()) effort_ += control * control;
  ++steps_;
  observe(obs);
  result.truncated = spec().max_steps > 0 && steps_ >= spec().max_steps;
  ended_ = result.truncated;
  return result;
}

void CheetahEnv::observe(FieldViews obs) const {
  const std::span<const double> qpos = simulation_.qpos().subspan(setup_->observe_x ? 0 : 1);
  const std::span<const double> qvel = simulation_.qvel();
  const auto out = obs[0].as<double>().begin();
  std::copy(qvel.begin(), qvel.end(), std::copy(qpos.begin(), qpos.end(), out));
}

Metrics CheetahEnv::metrics() const {
  const std::span<const double> qpos = simulation_.qpos();
  const auto steps = static_cast<double>(std::max<int64_t>(steps_, 1));
  return {{"x_position", qpos[0]},
          {"x_velocity", (qpos[0] - start_x_) / (steps * spec().dt)},
          {"turns", (qpos[kRootAngle] - start_angle_) / (2.0 * std::numbers::pi)},
          {"effort", effort_ / steps}};
}

std::vector<double> CheetahEnv::state() const {
  std::vector<double> state(simulation_.state_size());
  simulation_.get_state(state);
  state.insert(state.end(),
               {start_x_, start_angle_, effort_, static_cast<double>(steps_), ended_ ? 1.0 : 0.0});
  state.insert(state.end(), factors_.all().begin(), factors_.all().end());
  return state;
}

void CheetahEnv::set_state(std::span<const double> state) {
  const size_t engine = simulation_.state_size();
  check_finite_values(fmt::format("{}: state", spec().id), state,
                      engine + kTaskState + factors_.all().size());
  const std::span<const double> task = state.subspan(engine, kTaskState);
  REVERIE_CHECK(task[3] >= 0.0 && task[3] <= 0x1p53 && task[3] == std::floor(task[3]),
                "{}: state[{}] is {}, expected a number of steps", spec().id, engine + 3, task[3]);
  REVERIE_CHECK(task[4] == 0.0 || task[4] == 1.0, "{}: state[{}] is {}, expected 0 or 1", spec().id,
                engine + 4, task[4]);
  factors_.set_all(state.subspan(engine + kTaskState));
  use_factors();
  simulation_.set_state(state.first(engine));
  start_x_ = task[0];
  start_angle_ = task[1];
  effort_ = task[2];
  steps_ = static_cast<int64_t>(task[3]);
  ended_ = task[4] == 1.0;
}

void CheetahEnv::draw(Canvas& canvas, View view) const {
  draw_cheetah(canvas, view, tree_, simulation_.qpos(), factors_);
}

std::vector<PhysicsState::Quantity> CheetahEnv::Physics::quantities() const {
  return {{"x", "position of the torso, forwards [m]"},
          {"z", "height of the torso over its position at rest [m]"},
          {"pitch", "of the torso, positive with the head down [rad]"},
          {"speed", "of the centre of mass, forwards [m/s]"},
          {"angular_momentum", "about the centre of mass, forwards [kg m^2/s]"}};
}

void CheetahEnv::Physics::measure(std::span<double> out) const {
  const std::span<const double> qpos = simulation().qpos();
  const PlanarTree::Motion motion = env_.tree_.motion(qpos, simulation().qvel());
  const std::array<double, 5> values = {qpos[0], qpos[1], qpos[2], motion.speed,
                                        motion.angular_momentum};
  std::copy(values.begin(), values.end(), out.begin());
}

std::vector<PhysicsState::NamedReward> CheetahEnv::Physics::named_rewards() const {
  return {{"run", "clip(speed / 10, 0, 1)"},
          {"run-backward", "clip(-speed / 10, 0, 1)"},
          {"walk", "clip(speed / 2, 0, 1)"},
          {"walk-backward", "clip(-speed / 2, 0, 1)"},
          {"flip", "clip(angular_momentum / 5, 0, 1)"},
          {"flip-backward", "clip(-angular_momentum / 5, 0, 1)"},
          {"stand-still", "exp(-speed^2)"}};
}

}  // namespace reverie::cheetah
