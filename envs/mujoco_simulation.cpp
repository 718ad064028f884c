#include "envs/mujoco_simulation.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <mujoco/mjbatch.h>

#include "core/random.h"
#include "envs/mujoco_guard.h"

namespace reverie {
namespace {

// The parts of mjSTATE_INTEGRATION that a simulation here can change; the omitted forces are the
// larger half.
constexpr int kState = mjSTATE_INTEGRATION & ~mjSTATE_QFRC_APPLIED & ~mjSTATE_XFRC_APPLIED;

using DataPointer = std::unique_ptr<mjData, MjDataDeleter>;

// The mjData in which this thread steps all simulations of a model, including changed copies.
DataPointer& thread_data(const SharedModel& model) {
  struct Workspace {
    std::weak_ptr<const mjModel> model;  // a key that differs from a new model at the same address
    DataPointer data;
  };
  thread_local std::vector<Workspace> workspaces;
  auto found = std::find_if(workspaces.begin(), workspaces.end(), [&](const Workspace& known) {
    return !known.model.owner_before(model) && !model.owner_before(known.model);
  });
  if (found == workspaces.end()) {
    std::erase_if(workspaces, [](const Workspace& known) { return known.model.expired(); });
    found = workspaces.insert(workspaces.end(), Workspace{model, nullptr});
  }
  if (found->data == nullptr) {
    found->data.reset(mj_makeData(model.get()));
    REVERIE_CHECK_RUN(found->data != nullptr, "MuJoCo: no memory for a simulation");
  }
  return found->data;
}

// The engine's warning about the last steps, or "".
std::string warning_of(const mjData& data) {
  for (int kind = 0; kind < mjNWARNING; ++kind) {
    if (data.warning[kind].number == 0) continue;
    switch (kind) {
      case mjWARN_BADQPOS:
        return "the state is no longer finite (position)";
      case mjWARN_BADQVEL:
        return "the state is no longer finite (velocity)";
      case mjWARN_BADQACC:
        return "the state is no longer finite (acceleration)";
      default:
        return mju_warningText(kind, static_cast<size_t>(data.warning[kind].lastinfo));
    }
  }
  return "";
}

bool has_warning(const mjData& data) {
  return std::any_of(std::begin(data.warning), std::end(data.warning),
                     [](const mjWarningStat& warning) { return warning.number > 0; });
}

}  // namespace

SharedModel compile_model(const std::string& mjcf, const std::string& name) {
  install_mujoco_handlers();
  char message[1024] = "";
  mjSpec* spec = mj_parseXMLString(mjcf.c_str(), nullptr, message, sizeof(message));
  REVERIE_CHECK(spec != nullptr, "MJCF {}: {}", name, message);
  mjModel* model = mj_compile(spec, nullptr);
  const std::string error = model == nullptr ? mjs_getError(spec) : "";
  mj_deleteSpec(spec);
  REVERIE_CHECK(model != nullptr, "MJCF {}: {}", name, error);
  return {model, MjModelDeleter()};
}

MujocoSimulation::MujocoSimulation(SharedModel model) : shared_model_(std::move(model)) {
  const auto size_of = [&](int parts) {
    return static_cast<size_t>(mj_stateSize(shared_model_.get(), parts));
  };
  // mj_getState writes the parts in the order of their bits.
  qpos_ = size_of(mjSTATE_QPOS - 1);
  qvel_ = size_of(mjSTATE_QVEL - 1);
  ctrl_ = size_of(mjSTATE_CTRL - 1);
  state_.resize(size_of(kState));
  reset();
}

void MujocoSimulation::reset() {
  mjData& data = *thread_data(shared_model_);
  mj_resetData(&model(), &data);
  mj_getState(&model(), &data, state_.data(), kState);
}

mjData& MujocoSimulation::load() const {
  mjData& data = *thread_data(shared_model_);
  mj_setState(&model(), &data, state_.data(), kState);
  return data;
}

mjData& MujocoSimulation::step(int count) {
  mjData& data = load();
  const mjModel* model = &this->model();
  const char* failure = try_mujoco([model, &data, count] {
    for (int i = 0; i < count; ++i) mj_step(model, &data);
  });
  if (failure != nullptr) [[unlikely]] {
    thread_data(shared_model_).reset();  // it may be in any condition
    fail_run("MuJoCo: {}", failure);
  }
  if (has_warning(data)) [[unlikely]] {
    const std::string warning = warning_of(data);
    mj_resetData(model, &data);
    fail_run("MuJoCo: {}", warning);
  }
  mj_getState(model, &data, state_.data(), kState);
  return data;
}

mjData& MujocoSimulation::kinematics() const {
  mjData& data = load();
  mj_kinematics(&model(), &data);
  return data;
}

void MujocoSimulation::get_state(std::span<double> out) const {
  REVERIE_CHECK(out.size() == state_size(), "MuJoCo: a state of {} numbers, expected {}",
                out.size(), state_size());
  std::copy(state_.begin(), state_.end(), out.begin());
}

void MujocoSimulation::set_state(std::span<const double> state) {
  check_finite_values("MuJoCo state", state, state_size());
  std::copy(state.begin(), state.end(), state_.begin());
}

void MujocoSimulation::change_model(const std::function<void(mjModel&)>& edit) {
  own_model_.reset(mj_copyModel(own_model_.release(), shared_model_.get()));
  REVERIE_CHECK_RUN(own_model_ != nullptr, "MuJoCo: no memory for a model");
  edit(*own_model_);
  mjModel* model = own_model_.get();
  mjData* data = thread_data(shared_model_).get();
  if (const char* failure = try_mujoco([model, data] { mj_setConst(model, data); })) {
    thread_data(shared_model_).reset();
    fail_run("MuJoCo: {}", failure);
  }
}

void check_finite_values(std::string_view what, std::span<const double> values, size_t expected) {
  REVERIE_CHECK(values.size() == expected, "{}: {} numbers, expected {}", what, values.size(),
                expected);
  for (size_t i = 0; i < values.size(); ++i) {
    REVERIE_CHECK(std::isfinite(values[i]), "{}[{}] is {}, expected a finite number", what, i,
                  values[i]);
  }
}

std::vector<PhysicsState::Part> MujocoPhysicsState::parts() const {
  return {{"qpos", simulation_.qpos().size()}, {"qvel", simulation_.qvel().size()}};
}

std::span<double> MujocoPhysicsState::find(std::string_view part) const {
  if (part == "qpos") return simulation_.qpos();
  if (part == "qvel") return simulation_.qvel();
  std::vector<std::string> known;
  for (const Part& known_part : parts()) known.push_back(known_part.name);
  fail_unknown_name("part of the physics state", part, known);
}

void MujocoPhysicsState::get(std::string_view part, std::span<double> out) const {
  const std::span<double> values = find(part);
  REVERIE_CHECK(out.size() == values.size(), "physics state '{}': {} numbers asked for, it has {}",
                part, out.size(), values.size());
  std::copy(values.begin(), values.end(), out.begin());
}

void MujocoPhysicsState::set(std::string_view part, std::span<const double> values) {
  const std::span<double> target = find(part);
  check_finite_values(part, values, target.size());
  std::copy(values.begin(), values.end(), target.begin());
}

double bare_step_rate(const SharedModel& model, int frame_skip, int threads, double seconds) {
  constexpr int kSimulations = 32;
  mjBatchConfig config;
  mjb_defaultConfig(&config);
  config.nthread = threads;
  char message[512] = "";
  const std::unique_ptr<mjBatch, void (*)(mjBatch*)> batch(
      mjb_makeBatch(model.get(), kSimulations, &config, message, sizeof(message)),
      &mjb_deleteBatch);
  REVERIE_CHECK_RUN(batch != nullptr, "MuJoCo: {}", message);
  Rng rng(0);
  std::vector<double> actions(4093);  // a prime: no simulation sees a short period
  for (double& value : actions) value = rng.uniform(-1.0, 1.0);
  double* control = mjb_stateComponent(batch.get(), mjSTATE_CTRL, nullptr);
  const int row = mjb_nstate(batch.get());

  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  double elapsed = 0.0;
  size_t next = 0;
  int64_t steps = 0;
  while (elapsed < seconds) {
    for (int i = 0; i < kSimulations; ++i) {
      for (int u = 0; u < model->nu; ++u) {
        control[i * row + u] = actions[next];
        next = next + 1 < actions.size() ? next + 1 : 0;
      }
    }
    mjb_step(batch.get(), nullptr, kSimulations, frame_skip, mjSTAGE_NONE);
    steps += kSimulations;
    elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return static_cast<double>(steps) / elapsed;
}

}  // namespace reverie
