#include "agents/world_models/dream_worlds.h"

#include <algorithm>
#include <cmath>

#include "agents/world_models/world_models_agent.h"
#include "core/run_directory.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// A 64-bit word as two numbers that a double holds exactly.
constexpr double kHalf = 4294967296.0;

bool is_half(double number) {
  return number >= 0.0 && number < kHalf && number == std::floor(number);
}

at::Tensor row_of(const at::Tensor& x, int64_t i) { return x.select(0, i).cpu().contiguous(); }

}  // namespace

void push_word(std::vector<double>& numbers, uint64_t word) {
  numbers.push_back(static_cast<double>(word >> 32));
  numbers.push_back(static_cast<double>(word & 0xffffffffU));
}

uint64_t joined_word(const std::string& id, double high, double low) {
  REVERIE_CHECK(is_half(high) && is_half(low),
                "{}: a state with the halves {} and {} of a word of 64 bits", id, high, low);
  return static_cast<uint64_t>(high) << 32 | static_cast<uint64_t>(low);
}

std::shared_ptr<const LearntWorld> LearntWorld::open(const std::string& id,
                                                     const std::string& folder,
                                                     const TrainedRunOptions& options) {
  // A run whose own environment is its dream would be opened without end.
  thread_local std::vector<std::string> opening;
  REVERIE_CHECK(std::find(opening.begin(), opening.end(), folder) == opening.end(),
                "{}: this run's environment is its own world model", id);
  opening.push_back(folder);
  const std::shared_ptr<void> closing(nullptr, [&](void*) { opening.pop_back(); });
  TrainedRun run =
      open_trained_run(RunDirectory::open(folder, RunDirectory::Access::kRead), options);
  auto* agent = dynamic_cast<WorldModelsAgent*>(run.agent.get());
  REVERIE_CHECK(agent != nullptr,
                "{}: a run of '{}', which has no world to dream; expected one of world-models: "
                "reverie train --agent world-models",
                id, run.config->agent);
  const EnvSpec spec = run.trained;
  return std::make_shared<const LearntWorld>(LearntWorld{.id = id,
                                                         .run = std::move(run),
                                                         .spec = spec,
                                                         .model = &agent->model(),
                                                         .scale = ActionScale(spec.action)});
}

EnvSpec LearntWorld::seen_spec() const {
  EnvSpec seen = spec;
  seen.id = id;
  seen.observation = {{.name = "latent", .shape = {model->memory().latent_size()}},
                      {.name = "memory", .shape = {model->memory().options().memory_size}}};
  return seen;
}

at::Tensor LearntWorld::unit_actions(ConstFieldView actions) const {
  const Field field = action_field(scale.unit_space());
  std::vector<int64_t> shape = field.shape;
  shape.insert(shape.begin(), actions.count);
  at::Tensor unit = at::empty(shape, scalar_type(field.dtype));
  scale.to_unit(actions, {&field, static_cast<std::byte*>(unit.mutable_data_ptr()), actions.count});
  return unit.is_floating_point() ? unit.clamp_(-1.0, 1.0) : unit;
}

void write_seen(const Perception::Seen& seen, FieldViews obs) {
  const auto write = [](const at::Tensor& x, const FieldView& view) {
    const at::Tensor rows = x.cpu().contiguous();
    std::copy_n(rows.const_data_ptr<float>(), rows.numel(), view.as<float>().begin());
  };
  write(seen.z, obs[0]);
  write(seen.h, obs[1]);
}

DreamWorlds::DreamWorlds(std::shared_ptr<const LearntWorld> world, int64_t num_worlds,
                         double temperature)
    : world_(std::move(world)), temperature_(temperature) {
  REVERIE_CHECK(num_worlds >= 1, "{}: {} dreams, expected at least 1", world_->id, num_worlds);
  const MdnRnn& memory = world_->model->memory();
  REVERIE_CHECK(
      memory.options().predicts_reward && memory.options().predicts_end,
      "{}: its memory predicts no rewards or no ends; train it with --predict-reward true "
      "--predict-end true",
      world_->id);
  REVERIE_CHECK(world_->model->can_dream(),
                "{}: its memory has not learnt, so there is nothing to dream; let the run go on: "
                "reverie train --resume RUN, or train one with --rnn-updates",
                world_->id);
  rng_.assign(static_cast<size_t>(num_worlds), Rng(0));
  const at::TensorOptions options = at::device(world_->model->device());
  worlds_ = {at::zeros({num_worlds, memory.latent_size()}, options),
             memory.initial_memory(num_worlds)};
}

void DreamWorlds::begin(int64_t i, uint64_t seed) {
  Rng& rng = rng_[static_cast<size_t>(i)];
  rng = Rng(seed);
  const at::Tensor& starts = world_->model->starts();
  worlds_.z.select(0, i).copy_(starts[rng.integers(0, starts.size(0))]);
  worlds_.memory.select(0, i).zero_();
}

DreamWorlds::Outcome DreamWorlds::step(const at::Tensor& action) {
  const int64_t latent = worlds_.z.size(1);
  at::Tensor choice = at::empty({size(), latent}), normal = at::empty_like(choice),
             end = at::empty({size()});
  for (int64_t i = 0; i < size(); ++i) {
    Rng& rng = rng_[static_cast<size_t>(i)];
    auto* choices = choice.mutable_data_ptr<float>() + i * latent;
    auto* normals = normal.mutable_data_ptr<float>() + i * latent;
    for (int64_t d = 0; d < latent; ++d) {
      choices[d] = rng.random_float();
      normals[d] = rng.standard_normal_float();
    }
    end.mutable_data_ptr<float>()[i] = rng.random_float();
  }
  const at::Device device = world_->model->device();
  VisionMemory::Dreamt dreamt = world_->model->dream(
      worlds_, action, {choice.to(device), normal.to(device), end.to(device)}, temperature_);
  worlds_ = std::move(dreamt.next);
  return {dreamt.reward.cpu(), dreamt.ended.cpu()};
}

Perception::Seen DreamWorlds::seen() const {
  return {worlds_.z, world_->model->memory().output(worlds_.memory)};
}

at::Tensor DreamWorlds::picture(int64_t i) const {
  return world_->model->vision().pictures(worlds_.z.narrow(0, i, 1))[0];
}

size_t DreamWorlds::state_size() const {
  return static_cast<size_t>(worlds_.z.size(1) + worlds_.memory.size(1)) +
         2 * std::tuple_size_v<Rng::State>;
}

std::vector<double> DreamWorlds::state(int64_t i) const {
  std::vector<double> numbers;
  for (const at::Tensor* part : {&worlds_.z, &worlds_.memory}) {
    const at::Tensor row = row_of(*part, i);
    numbers.insert(numbers.end(), row.const_data_ptr<float>(),
                   row.const_data_ptr<float>() + row.numel());
  }
  for (const uint64_t word : rng_[static_cast<size_t>(i)].state()) push_word(numbers, word);
  return numbers;
}

void DreamWorlds::set_state(int64_t i, std::span<const double> state) {
  REVERIE_CHECK(state.size() == state_size(), "{}: a state of {} numbers, expected {}", world_->id,
                state.size(), state_size());
  size_t at = 0;
  for (const at::Tensor* part : {&worlds_.z, &worlds_.memory}) {
    at::Tensor row = at::empty({part->size(1)});
    for (int64_t d = 0; d < row.numel(); ++d) {
      const auto number = static_cast<float>(state[at++]);
      REVERIE_CHECK(std::isfinite(number), "{}: a state with {}", world_->id, state[at - 1]);
      row.mutable_data_ptr<float>()[d] = number;
    }
    part->select(0, i).copy_(row);
  }
  Rng::State words;
  for (uint64_t& word : words) {
    const double high = state[at++], low = state[at++];
    word = joined_word(world_->id, high, low);
  }
  rng_[static_cast<size_t>(i)].set_state(words);
}

}  // namespace reverie
