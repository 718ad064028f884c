#include "agents/training/dataset_replay.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "nn/pch.h"

namespace reverie {
namespace {

std::vector<DatasetColumn> find_columns(const Dataset& dataset, std::vector<std::string> names) {
  const DatasetSchema& schema = dataset.schema();
  std::vector<std::string> known;
  for (const Field& field : schema.observation) known.push_back(field.name);
  if (names.empty()) names = known;
  for (const Field& field : schema.info) known.push_back(field.name);
  std::vector<DatasetColumn> wanted;
  for (const std::string& name : names) {
    const std::optional<DatasetColumn> column = schema.find(name);
    if (!column) fail_unknown_name("field", name, known, dataset.path());
    wanted.push_back(*column);
  }
  return wanted;
}

std::vector<int64_t> find_episodes(const Dataset& dataset, std::vector<int64_t> episodes) {
  const auto count = static_cast<int64_t>(dataset.episodes().size());
  if (episodes.empty()) {
    episodes.resize(static_cast<size_t>(count));
    std::iota(episodes.begin(), episodes.end(), 0);
  }
  for (const int64_t episode : episodes) {
    REVERIE_CHECK(episode >= 0 && episode < count, "{}: no episode {}, it has {}", dataset.path(),
                  episode, count);
  }
  return episodes;
}

// Feeds episodes to a buffer of one lane, as a vector environment would: together with an episode's
// last step comes the first observation of the next one.
class EpisodeFeeder {
 public:
  // scale: applied to the actions; null: they are not changed.
  EpisodeFeeder(ReplayBuffer& replay, const std::vector<DatasetColumn>& columns,
                const Field& action, const ActionScale* scale)
      : replay_(replay),
        columns_(columns),
        action_(action),
        scale_(scale),
        obs_(columns.size()),
        final_obs_(columns.size()) {}

  void feed(EpisodeData episode) {
    const int64_t steps = usable_steps(episode);
    if (steps == 0) return;
    if (held_steps_ == 0) {
      look_at(episode, 0, obs_);
      replay_.start(obs_);
    } else {
      end_held(episode);
    }
    for (int64_t t = 0; t + 1 < steps; ++t) {
      look_at(episode, t + 1, obs_);
      add(episode, t, obs_, false, false);
    }
    held_ = std::move(episode);
    held_steps_ = steps;
  }

  // No episode follows the last one, so its own first observation replaces the next one's. No
  // action follows it, so it is never learnt from.
  void finish() {
    if (held_steps_ > 0) end_held(held_);
  }

 private:
  bool knows_end(const EpisodeData& episode) const {
    return std::all_of(columns_.begin(), columns_.end(),
                       [&](const DatasetColumn& column) { return column.has_final_row(episode); });
  }

  int64_t usable_steps(const EpisodeData& episode) const {
    const bool terminated = episode.terminated.back() != 0;
    return episode.length() - (knows_end(episode) || terminated ? 0 : 1);
  }

  void look_at(EpisodeData& episode, int64_t row, std::vector<FieldView>& views) const {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const size_t bytes = columns_[i].field->bytes();
      views[i] = {columns_[i].field,
                  columns_[i].of(episode).data() + static_cast<size_t>(row) * bytes, 1};
    }
  }

  // The last step of the held episode, and the first observation of the next one.
  void end_held(EpisodeData& next) {
    const bool unseen = !knows_end(held_) && held_steps_ == held_.length();
    look_at(held_, unseen ? held_steps_ - 1 : held_steps_, final_obs_);
    look_at(next, 0, obs_);
    add(held_, held_steps_ - 1, final_obs_, true, unseen);
  }

  void add(const EpisodeData& episode, int64_t t, FieldViews final_obs, bool ends, bool unseen) {
    const auto row = static_cast<size_t>(t);
    const double reward = static_cast<double>(episode.reward[row]);
    const uint8_t terminated = episode.terminated[row];
    const uint8_t truncated = ends && terminated == 0 ? 1 : 0;
    const uint8_t end_unseen = unseen ? 1 : 0;
    const ConstFieldView action{&action_, episode.action.data() + row * action_.bytes(), 1};
    replay_.add(scale_ == nullptr ? action : scaled(action),
                {.obs = obs_,
                 .final_obs = final_obs,
                 .reward = {&reward, 1},
                 .terminated = {&terminated, 1},
                 .truncated = {&truncated, 1}},
                {&end_unseen, 1});
  }

  ConstFieldView scaled(ConstFieldView action) {
    unit_field_ = action_field(scale_->unit_space());
    unit_.resize(unit_field_.bytes());
    scale_->to_unit(action, {&unit_field_, unit_.data(), 1});
    return {&unit_field_, unit_.data(), 1};
  }

  ReplayBuffer& replay_;
  const std::vector<DatasetColumn>& columns_;
  const Field& action_;
  const ActionScale* scale_;
  Field unit_field_;
  std::vector<std::byte> unit_;
  std::vector<FieldView> obs_, final_obs_;
  EpisodeData held_;  // its last step is not added yet
  int64_t held_steps_ = 0;
};

}  // namespace

std::unique_ptr<ReplayBuffer> load_replay(Dataset& dataset, const DatasetSelection& selection,
                                          at::Device device, const ReplayOptions& options,
                                          const std::function<void(int64_t)>& on_progress) {
  const std::vector<DatasetColumn> columns = find_columns(dataset, selection.fields);
  const std::vector<int64_t> episodes = find_episodes(dataset, selection.episodes);
  std::optional<ActionScale> scale;
  if (selection.scale_actions) scale.emplace(*selection.scale_actions);
  EnvSpec spec{.id = dataset.path(), .observation = {}, .action = dataset.schema().action};
  if (scale) spec.action = scale->unit_space();
  for (const DatasetColumn& column : columns) spec.observation.push_back(*column.field);
  int64_t slots = 1;  // every episode has an end, the last one also a placeholder
  for (const int64_t episode : episodes) {
    slots += dataset.episodes()[static_cast<size_t>(episode)].length + 1;
  }
  auto replay = std::make_unique<ReplayBuffer>(spec, slots, 1, device, options);
  EpisodeFeeder feeder(*replay, columns, dataset.schema().action, scale ? &*scale : nullptr);
  int64_t steps = 0;
  for (const int64_t episode : episodes) {
    feeder.feed(dataset.read(episode));
    steps += dataset.episodes()[static_cast<size_t>(episode)].length;
    if (on_progress) on_progress(steps);
  }
  feeder.finish();
  REVERIE_CHECK(replay->size() > 0, "{}: no step is left to learn from", dataset.path());
  return replay;
}

}  // namespace reverie
