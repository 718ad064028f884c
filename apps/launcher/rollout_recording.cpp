#include "apps/launcher/rollout_recording.h"

#include <filesystem>

#include <fmt/ranges.h>

#include "apps/launcher/dataset_actions.h"
#include "core/field_numbers.h"
#include "recordings/state_replay.h"

namespace reverie {
namespace {

std::string in_group(const std::string& group, const std::string& name) {
  return group == "/" ? "/" + name : group + "/" + name;
}

// Files in the layout of `rollout` have `action` at their root, as those of stable-worldmodel do.
bool holds_actions(const Hdf5File& file, const std::string& group) {
  return file.exists(in_group(group, "action")) && !file.exists(in_group(group, "ep_len"));
}

}  // namespace

RolloutSource::RolloutSource(const std::string& from) {
  std::error_code ignored;
  if (std::filesystem::is_directory(from, ignored)) {
    dataset_ = open_dataset(from);
    return;
  }
  const Hdf5Path path = split_hdf5_path(from);
  Hdf5File file = Hdf5File::open_read(path.file);
  group_ = path.object;
  if (group_ == "/" && !holds_actions(file, group_)) {
    REVERIE_CHECK(
        file.exists("/observations") || file.exists("/ep_len"),
        "{}: holds neither `action` nor a dataset; expected FILE.h5:/group with `action`, "
        "or a dataset",
        path.file);
    dataset_ = open_dataset(path.file);
    return;
  }
  REVERIE_CHECK(file.exists(group_) && file.is_group(group_), "{}: has no group '{}'", path.file,
                group_);
  file_ = std::move(file);
}

RecordedActions RolloutSource::read(Env& env, const Field& action, std::optional<uint64_t> seed,
                                    std::optional<int64_t> episode) {
  REVERIE_CHECK(dataset_ != nullptr || !episode, "--episode {}: {} is one recording, no dataset",
                episode.value_or(0), file_ ? file_->path() : "");
  RecordedActions recorded = dataset_ == nullptr
                                 ? read_group(env, action)
                                 : read_episode(env, action, seed.has_value(), episode.value_or(0));
  if (seed) recorded.seed = *seed;
  return recorded;
}

RecordedActions RolloutSource::read_group(Env& env, const Field& action) const {
  const std::string name = in_group(group_, "action");
  std::vector<int64_t> shape{-1};
  shape.insert(shape.end(), action.shape.begin(), action.shape.end());
  const std::vector<int64_t> found = file_->shape(name);
  if (!found.empty()) shape[0] = found[0];
  REVERIE_CHECK(found == shape, "{}:{}: found the shape [{}], expected [T, {}] of {}",
                file_->path(), name, fmt::join(found, ", "), fmt::join(action.shape, ", "),
                env.spec().id);
  RecordedActions out{.name = fmt::format("{}:{}", file_->path(), name), .steps = found[0]};
  out.actions.resize(static_cast<size_t>(out.steps) * action.bytes());
  file_->read_rows(name, 0, action.dtype, out.actions);
  PhysicsState* physics = env.physics();
  const bool has_state = physics != nullptr && file_->exists(in_group(group_, "qpos")) &&
                         file_->exists(in_group(group_, "qvel"));
  if (!has_state) return out;
  for (const auto& [part, size, is_scalar] : physics->parts()) {
    const std::string column = in_group(group_, part);
    if (!file_->exists(column)) continue;
    auto rows = file_->read<double>(
        column, {.shape = std::vector<int64_t>{-1, static_cast<int64_t>(size)}});
    REVERIE_CHECK(rows.size() >= size, "{}:{}: has no row", file_->path(), column);
    rows.resize(size);
    out.state.emplace_back(part, std::move(rows));
  }
  return out;
}

RecordedActions RolloutSource::read_episode(Env& env, const Field& action, bool has_seed,
                                            int64_t episode) {
  const auto count = static_cast<int64_t>(dataset_->episodes().size());
  REVERIE_CHECK(episode >= 0 && episode < count, "--episode {}: {} has episodes 0 to {}", episode,
                dataset_->path(), count - 1);
  StateReplay replay(*dataset_, env);  // checks that the actions are the environment's
  const EpisodeData data = dataset_->read(episode);
  const Field& recorded = dataset_->schema().action;
  RecordedActions out{.name = fmt::format("{}: episode {}", dataset_->path(), episode),
                      .steps = data.length(),
                      .seed = static_cast<uint64_t>(data.seed.value_or(0))};
  out.actions.resize(static_cast<size_t>(out.steps) * action.bytes());
  for (int64_t t = 0; t < out.steps; ++t) {
    std::byte* const row = out.actions.data() + static_cast<size_t>(t) * action.bytes();
    write_numbers({&action, row, 1}, row_numbers(recorded, data.action, t));
  }
  if (!replay.sets_states() && has_seed) return out;
  replay.begin(data);  // needs a state or a seed
  if (!replay.sets_states()) return out;
  replay.go_to(0);
  for (const PhysicsState::Part& part : env.physics()->parts()) {
    out.state.emplace_back(part.name, replay.part(part.name));
  }
  return out;
}

}  // namespace reverie
