#include <iostream>
#include <optional>

#include "apps/command.h"
#include "apps/env_flags.h"
#include "apps/launcher/rollout_recording.h"
#include "core/interrupt.h"
#include "datasets/hdf5.h"
#include "drawing/canvas.h"
#include "envs/action_player.h"
#include "envs/registry.h"
#include "recordings/recorded_env.h"

namespace reverie {
namespace {

struct RolloutFlags {
  std::string env, from, out;
  ImageSize size = {96, 96};
  std::optional<int64_t> seed, episode;
  int64_t frames_every = 0;
};

// One array of the recording, filled row by row while the actions are replayed.
struct Recorded {
  std::string name;
  DType dtype;
  std::vector<int64_t> row_shape;
  std::vector<std::byte> bytes;

  void append(std::span<const std::byte> row) { bytes.insert(bytes.end(), row.begin(), row.end()); }

  void write(Hdf5File& file) const {
    size_t row_bytes = item_size(dtype);
    for (const int64_t size : row_shape) row_bytes *= static_cast<size_t>(size);
    std::vector<int64_t> shape{static_cast<int64_t>(bytes.size() / row_bytes)};
    shape.insert(shape.end(), row_shape.begin(), row_shape.end());
    file.write(name, dtype, shape, bytes);
  }
};

// Replays the actions of a recording and records the results in the recording's layout: states and
// observations have T + 1 rows, actions and rewards have T.
class ActionReplay {
 public:
  ActionReplay(std::unique_ptr<Env> env, int64_t frames_every, ImageSize size)
      : env_(std::move(env)),
        player_(*env_),
        frames_every_(frames_every),
        canvas_(size.width, size.height) {
    for (const Field& field : env_->spec().observation) {
      observations_.push_back({field.name, field.dtype, field.shape, {}});
    }
    if (env_->physics() != nullptr) {
      for (const PhysicsState::Part& part : env_->physics()->parts()) {
        std::vector<int64_t> row;
        if (!part.is_scalar) row.push_back(static_cast<int64_t>(part.size));
        parts_.push_back({part.name, DType::kFloat64, row, {}});
      }
    }
  }

  // Replays the actions until the episode ends. Returns the number of steps taken.
  int64_t replay(const RecordedActions& recorded) {
    player_.reset(recorded.seed);
    if (!recorded.state.empty()) {
      for (const auto& [part, values] : recorded.state) env_->physics()->set(part, values);
      env_->physics()->observe(player_.observation());
    }
    record_state();
    const Field& field = player_.action();
    const ConstFieldView rows{&field, recorded.actions.data(), recorded.steps};
    Recorded replayed{"action", field.dtype, field.shape, {}};
    for (int64_t t = 0; t < recorded.steps; ++t) {
      const ConstFieldView action = rows.row(t);
      const StepResult step = take_step(action, fmt::format("{}: row {}", recorded.name, t));
      replayed.append({action.data, field.bytes()});
      record_step(step);
      record_state();
      if (step.terminated || step.truncated) break;
      throw_if_interrupted();
    }
    results_.push_back(std::move(replayed));
    return static_cast<int64_t>(terminated_.bytes.size());
  }

  Env& env() { return *env_; }
  const Field& action() const { return player_.action(); }

  void write(const std::string& path) {
    Hdf5File file = Hdf5File::create(path);
    // Observations come first: if a part of the state has a field's name, the file holds the
    // observation, which can be a step behind (a goal that has just moved).
    for (const auto* group : {&observations_, &parts_, &results_}) {
      for (const Recorded& recorded : *group) {
        if (!file.exists(recorded.name)) recorded.write(file);
      }
    }
    if (env_->physics() != nullptr) {
      for (const PhysicsState::Constant& constant : env_->physics()->constants()) {
        file.write(constant.name, DType::kFloat64, constant.shape,
                   std::as_bytes(std::span<const double>(constant.values)));
      }
    }
    reward_.write(file);
    terminated_.write(file);
    truncated_.write(file);
    if (!success_.bytes.empty()) success_.write(file);
    if (frames_every_ > 0) {
      frames_.write(file);
      frame_steps_.write(file);
    }
    file.set_attribute("/", "env", env_->spec().id);
    file.commit();
  }

 private:
  // One step; `where` names the recording and the action in errors.
  StepResult take_step(ConstFieldView action, const std::string& where) {
    try {
      return player_.step(action);
    } catch (const Error& error) {
      throw Error(fmt::format("{}: {}", where, error.what()), error.kind());
    }
  }

  template <typename T>
  static void append_value(Recorded& recorded, T value) {
    recorded.append(std::as_bytes(std::span<const T>(&value, 1)));
  }

  void record_state() {
    std::vector<double> values;
    for (Recorded& part : parts_) {
      values.resize(part.row_shape.empty() ? 1 : static_cast<size_t>(part.row_shape[0]));
      env_->physics()->get(part.name, values);
      part.append(std::as_bytes(std::span<const double>(values)));
    }
    const FieldViews observed = player_.observation();
    for (size_t f = 0; f < observed.size(); ++f) {
      observations_[f].append({observed[f].data, observed[f].field->bytes()});
    }
    const auto step = static_cast<int64_t>(terminated_.bytes.size());
    if (frames_every_ > 0 && step % frames_every_ == 0) {
      env_->draw(canvas_, View::kObservation);
      frames_.append(std::as_bytes(canvas_.pixels()));
      append_value(frame_steps_, step);
    }
  }

  void record_step(const StepResult& step) {
    append_value(reward_, step.reward);
    append_value(terminated_, static_cast<uint8_t>(step.terminated));
    append_value(truncated_, static_cast<uint8_t>(step.truncated));
    for (const auto& [name, value] : env_->metrics()) {
      if (name == "success_at_end") append_value(success_, static_cast<uint8_t>(value != 0.0));
    }
  }

  std::unique_ptr<Env> env_;
  ActionPlayer player_;
  int64_t frames_every_;
  Canvas canvas_;
  std::vector<Recorded> parts_, observations_, results_;
  Recorded reward_{"reward", DType::kFloat64, {}, {}};
  Recorded terminated_{"terminated", DType::kBool, {}, {}};
  Recorded truncated_{"truncated", DType::kBool, {}, {}};
  Recorded success_{"success", DType::kBool, {}, {}};
  Recorded frames_{"frame", DType::kUInt8, {canvas_.height(), canvas_.width(), 3}, {}};
  Recorded frame_steps_{"frame_step", DType::kInt64, {}, {}};
};

}  // namespace

int rollout_command(const Arguments& arguments) {
  RolloutFlags flags;
  std::optional<RolloutSource> source;
  flags.env = peek_flag(arguments, "--env");
  if (const std::string from = peek_flag(arguments, "--from"); !from.empty()) {
    source.emplace(from);
    const Dataset* dataset = source->dataset();
    if (flags.env.empty() && dataset != nullptr && names_known_environment(*dataset)) {
      flags.env = dataset->schema().attributes.at("env");
    }
  }
  std::unique_ptr<EnvConfig> config;
  ConfigFields fields;
  fields.section("environment");
  if (!flags.env.empty()) {
    config = source && source->dataset() != nullptr
                 ? recorded_environment(*source->dataset(), flags.env)
                 : find_env(flags.env).config();
    config->describe(fields);
  }

  CommandLine line(
      "rollout",
      "Replays recorded actions from a seed or a recorded state and writes the states,\n"
      "observations and rewards to an HDF5 file, to check parity or to report a bug.");
  line.add("--env", flags.env,
           {.help = "environment id (reverie list envs); needed unless --from is a dataset that "
                    "names it",
            .fallback = "the dataset's"});
  line.add("--seed", flags.seed,
           {.help = "random seed of the reset",
            .range = at_least(0),
            .fallback = "the episode's, or 0"});
  line.add("--from", flags.from,
           {.help = "recording, FILE.h5:/group with `action`, or a dataset in any layout",
            .required = true});
  line.add("--episode", flags.episode,
           {.help = "episode of the dataset", .range = at_least(0), .fallback = "0"});
  line.add("--out", flags.out, {.help = "HDF5 file to write", .required = true});
  line.add("--frames-every", flags.frames_every,
           {.help = "record a frame every N steps", .range = between(1, 1e6), .fallback = "none"});
  line.add("--size", flags.size, {.help = "size of the frames [px]"});
  line.add_fields(fields);
  if (config == nullptr) add_common_flags(line, "--env ID");
  if (!line.parse(arguments)) return 0;
  REVERIE_CHECK(config != nullptr,
                "rollout: {} names no environment; give --env ID (see reverie list envs)",
                flags.from);
  line.apply(fields);
  if (source->dataset() != nullptr) {  // refuses flags that contradict the dataset
    take_recorded_options(*source->dataset(), flags.env, *config, [&](const std::string& name) {
      return line.is_given(fields.find(name)->flag());
    });
  }

  ActionReplay rollout(config->maker()(), flags.frames_every, flags.size);
  const std::optional<uint64_t> seed =
      flags.seed ? std::optional(static_cast<uint64_t>(*flags.seed)) : std::nullopt;
  const RecordedActions recorded =
      source->read(rollout.env(), rollout.action(), seed, flags.episode);
  const int64_t steps = rollout.replay(recorded);
  rollout.write(flags.out);
  std::cerr << fmt::format("wrote {}: {} of {} steps{}\n", flags.out, steps, recorded.steps,
                           steps < recorded.steps ? " (the episode ended there)" : "");
  return 0;
}

}  // namespace reverie
