#include "envs/mujoco_simulation.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "core/random.h"

namespace reverie {
namespace {

// MuJoCo's default handlers write a log file and, for errors, end the process. Warnings are read
// from the counters instead. An error must not come back by an exception, which C frames cannot
// unwind: it jumps to the guard around the call, over frames that hold nothing to destroy.
thread_local std::jmp_buf* guard = nullptr;
thread_local char engine_message[512];

void install_handlers() {
  static std::once_flag once;
  std::call_once(once, [] {
    mju_user_warning = [](const char*) {};
    mju_user_error = [](const char* message) {
      std::snprintf(engine_message, sizeof(engine_message), "%s", message);
      if (guard != nullptr) std::longjmp(*guard, 1);
      std::fprintf(stderr, "reverie: MuJoCo engine error outside a step: %s\n", message);
      std::abort();
    };
  });
}

// False when the engine raised an error; engine_message then says which. No object with a
// destructor may live in this frame.
bool guarded_steps(const mjModel* model, mjData* data, int count) {
  std::jmp_buf here;
  guard = &here;
  if (setjmp(here) != 0) {
    guard = nullptr;
    return false;
  }
  for (int i = 0; i < count; ++i) mj_step(model, data);
  guard = nullptr;
  return true;
}

constexpr mjtState kFullState = mjSTATE_INTEGRATION;

}  // namespace

SharedModel compile_model(const std::string& mjcf, const std::string& name) {
  install_handlers();
  char message[1024] = "";
  mjSpec* spec = mj_parseXMLString(mjcf.c_str(), nullptr, message, sizeof(message));
  REVERIE_CHECK(spec != nullptr, "MJCF {}: {}", name, message);
  mjModel* model = mj_compile(spec, nullptr);
  const std::string error = model == nullptr ? mjs_getError(spec) : "";
  mj_deleteSpec(spec);
  REVERIE_CHECK(model != nullptr, "MJCF {}: {}", name, error);
  return {model, MjModelDeleter()};
}

MujocoSimulation::MujocoSimulation(SharedModel model)
    : model_(std::move(model)),
      data_(mj_makeData(model_.get())),
      state_size_(mj_stateSize(model_.get(), kFullState)) {
  REVERIE_CHECK_RUN(data_ != nullptr, "MuJoCo: no memory for a simulation");
}

void MujocoSimulation::reset() { mj_resetData(model_.get(), data_.get()); }

void MujocoSimulation::step(int count) {
  if (!guarded_steps(model_.get(), data_.get(), count)) [[unlikely]] {
    const std::string message = engine_message;
    data_.reset(mj_makeData(model_.get()));  // the old one may be in any condition
    fail_run("MuJoCo: {}", message);
  }
  const mjWarningStat* warnings = data_->warning;
  const auto raised = [&](mjtWarning kind) { return warnings[kind].number > 0; };
  if (raised(mjWARN_BADQPOS) || raised(mjWARN_BADQVEL) || raised(mjWARN_BADQACC)) [[unlikely]] {
    fail_run("MuJoCo: the state is no longer finite ({})", raised(mjWARN_BADQPOS) ? "position"
                                                           : raised(mjWARN_BADQVEL)
                                                               ? "velocity"
                                                               : "acceleration");
  }
}

void MujocoSimulation::get_state(std::span<double> out) const {
  REVERIE_CHECK(out.size() == state_size(), "MuJoCo: a state of {} numbers, expected {}",
                out.size(), state_size());
  mj_getState(model_.get(), data_.get(), out.data(), kFullState);
}

void MujocoSimulation::set_state(std::span<const double> state) {
  check_finite_values("MuJoCo state", state, state_size());
  reset();
  mj_setState(model_.get(), data_.get(), state.data(), kFullState);
}

void check_finite_values(std::string_view what, std::span<const double> values, size_t expected) {
  REVERIE_CHECK(values.size() == expected, "{}: {} numbers, expected {}", what, values.size(),
                expected);
  for (size_t i = 0; i < values.size(); ++i) {
    REVERIE_CHECK(std::isfinite(values[i]), "{}[{}] is {}, expected a finite number", what, i,
                  values[i]);
  }
}

std::vector<std::pair<std::string, size_t>> MujocoPhysicsState::parts() const {
  return {{"qpos", static_cast<size_t>(simulation_.model().nq)},
          {"qvel", static_cast<size_t>(simulation_.model().nv)}};
}

std::span<double> MujocoPhysicsState::find(std::string_view part) const {
  mjData& data = simulation_.data();
  if (part == "qpos") return {data.qpos, static_cast<size_t>(simulation_.model().nq)};
  if (part == "qvel") return {data.qvel, static_cast<size_t>(simulation_.model().nv)};
  std::vector<std::string> known;
  for (const auto& [name, size] : parts()) known.push_back(name);
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
  std::vector<double> rates(static_cast<size_t>(threads));
  const auto work = [&](size_t index) {
    std::vector<MujocoSimulation> simulations;
    for (int i = 0; i < kSimulations; ++i) simulations.emplace_back(model);
    Rng rng(index);
    std::vector<double> control(1024);
    for (double& value : control) value = rng.uniform(-1.0, 1.0);
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    double elapsed = 0.0;
    int64_t steps = 0;
    while (elapsed < seconds) {
      for (int round = 0; round < 16; ++round) {
        for (MujocoSimulation& simulation : simulations) {
          for (int u = 0; u < model->nu; ++u) {
            simulation.data().ctrl[u] = control[static_cast<size_t>(steps + u) % control.size()];
          }
          for (int k = 0; k < frame_skip; ++k) mj_step(model.get(), &simulation.data());
          ++steps;
        }
      }
      elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    rates[index] = static_cast<double>(steps) / elapsed;
  };
  std::vector<std::thread> workers;
  for (size_t i = 1; i < rates.size(); ++i) workers.emplace_back(work, i);
  work(0);
  for (std::thread& worker : workers) worker.join();
  double sum = 0.0;
  for (const double rate : rates) sum += rate;
  return sum;
}

}  // namespace reverie
