#include "agents/planning/simulator_dynamics.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/error.h"
#include "envs/vector_env.h"
#include "nn/pch.h"
#include "nn/tensor_map.h"

namespace reverie {

// One thread's environment and the memory for its unused observations.
struct SimulatorDynamics::Lane {
  explicit Lane(const EnvMaker& make) : env(make()), obs(env->spec().observation, 1) {}

  std::unique_ptr<Env> env;
  FieldRows obs;
  int64_t row = 0;                // currently processed
  std::exception_ptr error = {};  // what `row` threw
};

// The shared input and output of all threads: arrays of `rows` rows.
struct SimulatorDynamics::Round {
  const SimulatorDynamics* self;
  int64_t rows;
  int64_t block;            // environment steps; 0: compute only h
  const double* z;          // [rows, n + 1]
  const std::byte* action;  // [rows, block] actions of the environment
  double* next_z;           // [rows, n + 1]
  double* next_h;           // [rows, q]
};

namespace {

std::vector<PhysicsState::Part> find_parts(Env& env, const std::vector<std::string>& names) {
  PhysicsState* physics = env.physics();
  REVERIE_CHECK(physics != nullptr,
                "{}: has no named physics parts, which goals in the simulator are measured by",
                env.spec().id);
  REVERIE_CHECK(!names.empty(), "{}: no physics part is given to measure goals by", env.spec().id);
  const std::vector<PhysicsState::Part> all = physics->parts();
  std::vector<std::string> known;
  for (const PhysicsState::Part& part : all) known.push_back(part.name);
  std::vector<PhysicsState::Part> found;
  for (const std::string& name : names) {
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end()) {
      fail_unknown_name(fmt::format("physics part of {}", env.spec().id), name, known);
    }
    found.push_back(all[static_cast<size_t>(at - known.begin())]);
  }
  return found;
}

}  // namespace

SimulatorDynamics::SimulatorDynamics(const EnvMaker& make, int threads,
                                     const std::vector<std::string>& parts)
    : pool_(threads) {
  for (int i = 0; i < threads; ++i) lanes_.push_back(std::make_unique<Lane>(make));
  Lane& first = *lanes_.front();
  scale_.emplace(first.env->spec().action);
  action_field_ = action_field(first.env->spec().action);
  parts_ = find_parts(*first.env, parts);
  for (const PhysicsState::Part& part : parts_) part_size_ += static_cast<int64_t>(part.size);
  first.env->reset(0, first.obs.row(0));
  state_size_ = static_cast<int64_t>(first.env->state().size());
}

SimulatorDynamics::~SimulatorDynamics() = default;

const EnvSpec& SimulatorDynamics::spec() const { return lanes_.front()->env->spec(); }

LatentState SimulatorDynamics::start(const at::Tensor& states) {
  REVERIE_CHECK(states.dim() == 2 && states.size(1) == state_size_ &&
                    states.scalar_type() == at::kDouble && states.device().is_cpu(),
                "{}: states of {} {}, expected [B, {}] float64 on the CPU", spec().id,
                toString(states.scalar_type()), fmt::join(states.sizes(), "x"), state_size_);
  return run(at::cat({states, at::zeros({states.size(0), 1}, at::kDouble)}, 1), at::Tensor(), 0);
}

LatentState SimulatorDynamics::predict(const LatentState& state, const at::Tensor& action) {
  const at::Tensor& z = state.z;
  REVERIE_CHECK(z.dim() == 2 && z.size(1) == state_size_ + 1 && z.scalar_type() == at::kDouble &&
                    z.device().is_cpu(),
                "{}: latent states of {} {}, expected [B, {}] float64 on the CPU, as start() makes "
                "them",
                spec().id, toString(z.scalar_type()), fmt::join(z.sizes(), "x"), state_size_ + 1);
  const int64_t size = action_field_.numel();
  REVERIE_CHECK(action.dim() == 2 && action.size(0) == z.size(0) && action.size(1) >= size &&
                    action.size(1) % size == 0,
                "{}: actions of shape {}, expected {} rows of a multiple of {} numbers", spec().id,
                fmt::join(action.sizes(), "x"), z.size(0), size);
  const bool discrete = action_field_.dtype == DType::kInt64;
  REVERIE_CHECK(discrete == (action.scalar_type() == at::kLong), "{}: actions of {}, expected {}",
                spec().id, toString(action.scalar_type()), dtype_name(action_field_.dtype));
  const at::Tensor unit = action.to(at::kCPU, discrete ? at::kLong : at::kFloat).contiguous();
  return run(z.contiguous(), in_own_units(unit), action.size(1) / size);
}

// [B, block * A] numbers in [-1, 1], or [B, block] choices, converted to the environment's actions.
at::Tensor SimulatorDynamics::in_own_units(const at::Tensor& unit) const {
  const int64_t count = unit.numel() / action_field_.numel();
  const Field from = action_field(scale_->unit_space());
  at::Tensor out = at::empty(unit.sizes(), scalar_type(action_field_.dtype));
  scale_->to_environment({&from, static_cast<const std::byte*>(unit.const_data_ptr()), count},
                         {&action_field_, static_cast<std::byte*>(out.mutable_data_ptr()), count});
  return out;
}

// z: [B, n + 1], action: [B, block * A], contiguous.
LatentState SimulatorDynamics::run(const at::Tensor& z, const at::Tensor& action, int64_t block) {
  const int64_t rows = z.size(0);
  const at::Tensor next_z = at::empty_like(z);
  const at::Tensor next_h = at::empty({rows, part_size_}, at::kDouble);
  Round round{
      .self = this,
      .rows = rows,
      .block = block,
      .z = z.const_data_ptr<double>(),
      .action = block > 0 ? static_cast<const std::byte*>(action.const_data_ptr()) : nullptr,
      .next_z = next_z.mutable_data_ptr<double>(),
      .next_h = next_h.mutable_data_ptr<double>()};
  pool_.start(
      static_cast<int64_t>(lanes_.size()),
      [](void* context, int64_t lane) {
        const Round& work_of = *static_cast<const Round*>(context);
        work_of.self->work(work_of, static_cast<size_t>(lane));
      },
      &round);
  pool_.wait();
  for (const auto& lane : lanes_) {  // in the order of rows
    if (!lane->error) continue;
    try {
      std::rethrow_exception(std::exchange(lane->error, nullptr));
    } catch (const Error& error) {
      throw Error(fmt::format("row {} of {}: {}", lane->row, rows, error.what()), error.kind());
    }
  }
  return {next_z, next_h};
}

void SimulatorDynamics::work(const Round& round, size_t index) const {
  Lane& lane = *lanes_[index];
  lane.error = nullptr;
  const auto lanes = static_cast<int64_t>(lanes_.size());
  const auto number = static_cast<int64_t>(index);
  const int64_t end = round.rows * (number + 1) / lanes;
  try {
    for (lane.row = round.rows * number / lanes; lane.row < end; ++lane.row) {
      advance(round, lane, lane.row);
    }
  } catch (...) {
    lane.error = std::current_exception();
  }
}

void SimulatorDynamics::advance(const Round& round, Lane& lane, int64_t row) const {
  const int64_t width = state_size_ + 1;
  const double* z = round.z + row * width;
  double* next_z = round.next_z + row * width;
  lane.env->set_state({z, static_cast<size_t>(state_size_)});
  bool ended = z[state_size_] != 0.0;
  if (ended || round.block == 0) {
    std::copy_n(z, width, next_z);
  } else {
    const size_t bytes = action_field_.bytes();
    const std::byte* action = round.action + static_cast<size_t>(row * round.block) * bytes;
    for (int64_t i = 0; i < round.block && !ended; ++i, action += bytes) {
      const StepResult result = lane.env->step({&action_field_, action, 1}, lane.obs.row(0));
      ended = result.terminated || result.truncated;
    }
    const std::vector<double> state = lane.env->state();
    REVERIE_CHECK(static_cast<int64_t>(state.size()) == state_size_,
                  "{}: a state of {} numbers after one of {}; planning needs states of one size",
                  spec().id, state.size(), state_size_);
    std::copy(state.begin(), state.end(), next_z);
    next_z[state_size_] = ended ? 1.0 : 0.0;
  }
  double* h = round.next_h + row * part_size_;
  for (const PhysicsState::Part& part : parts_) {
    lane.env->physics()->get(part.name, {h, part.size});
    h += part.size;
  }
}

}  // namespace reverie
