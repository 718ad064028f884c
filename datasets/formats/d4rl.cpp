#include "datasets/formats/d4rl.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "datasets/formats/hdf5_column.h"
#include "datasets/formats/narrowing.h"
#include "datasets/formats/save_schedule.h"
#include "datasets/formats/spaces.h"
#include "datasets/hdf5.h"

namespace reverie {
namespace {

constexpr int64_t kChunkBytes = int64_t{256} << 10;  // of the widest column
constexpr int64_t kMaxChunkRows = 4096;  // upper limit of what a kill costs beyond SaveSchedule
constexpr int64_t kEpisodeChunkRows = 64;
constexpr int64_t kNoSeed = -1;
constexpr int kGzip = 4;  // h5py's default, and so D4RL's

constexpr const char* kSeeds = "metadata/episode_seed";
constexpr const char* kFinalObservation = "metadata/final_observation";
constexpr const char* kFinalInfo = "metadata/final_info";

// A group with one row per episode for the result of its last action, and whether that is known.
std::string known_flags(const std::string& group) { return group + "_known"; }

class D4rlDataset final : public Dataset {
 public:
  explicit D4rlDataset(Hdf5File file) : Dataset(file.path()), file_(std::move(file)) {
    for (const char* required : {"observations", "actions", "rewards", "terminals"}) {
      file_.shape(required);  // throws with the names that exist
    }
    schema_.attributes = read_dataset_attributes(file_, left_out_);
    const bool unfinished = root_attribute(file_, kStatusKey) == kStatusUnfinished;
    find_columns(unfinished);
    read_bounds(root_attribute(file_, kBoundsKey), path_ + ": attribute " + kBoundsKey, schema_);
    const int64_t steps = count_steps(unfinished);
    read_rewards_and_flags(steps);
    find_episodes(unfinished);
    find_episode_data(unfinished);
  }

  DatasetFormat format() const override { return DatasetFormat::kD4rl; }

  EpisodeData read(int64_t index) override {
    const DatasetEpisode& where = episodes_.at(static_cast<size_t>(index));
    EpisodeData episode = read_steps(index);
    episode.has_final_observation = next_ || final_observation_.knows(index);
    for (size_t i = 0; i < observation_.size(); ++i) {
      std::vector<std::byte>& out = episode.observation.emplace_back();
      observation_[i].read(where.start, where.length, out);
      if (!episode.has_final_observation) continue;
      if (next_) {
        next_->read(where.start + where.length - 1, 1, out);
      } else {
        final_observation_.columns[i].read(index, 1, out);
      }
    }
    episode.has_final_info = info_.empty() || final_info_.knows(index);
    for (size_t i = 0; i < info_.size(); ++i) {
      std::vector<std::byte>& out = episode.info.emplace_back();
      info_[i].read(where.start, where.length, out);
      if (episode.has_final_info) final_info_.columns[i].read(index, 1, out);
    }
    return episode;
  }

  EpisodeData read_steps(int64_t index) override {
    const DatasetEpisode& where = episodes_.at(static_cast<size_t>(index));
    EpisodeData episode;
    action_.front().read(where.start, where.length, episode.action);
    const auto cut = [&](const auto& values) {
      const auto begin = values.begin() + where.start;
      return std::vector(begin, begin + where.length);
    };
    episode.reward = cut(rewards_);
    episode.terminated = cut(terminals_);
    episode.truncated = cut(timeouts_);
    if (index < static_cast<int64_t>(seeds_.size()) &&
        seeds_[static_cast<size_t>(index)] != kNoSeed) {
      episode.seed = seeds_[static_cast<size_t>(index)];
    }
    return episode;
  }

 private:
  // The rows of the results of the last actions.
  struct Finals {
    std::vector<Hdf5Column> columns;
    std::vector<uint8_t> known;  // of the first episodes

    bool knows(int64_t episode) const {
      return episode < static_cast<int64_t>(known.size()) &&
             known[static_cast<size_t>(episode)] != 0;
    }
  };

  void find_columns(bool unfinished) {
    observation_.emplace_back(file_, "observations", "observation");
    action_.emplace_back(file_, "actions", "action");
    for (const std::string& name : file_.list("/")) {
      static constexpr const char* kKnown[] = {"observations", "actions",  "rewards",
                                               "terminals",    "timeouts", "next_observations"};
      const bool known = std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown);
      if (known || file_.is_group(name) || !is_column(name)) continue;
      observation_.emplace_back(file_, name, name);
      const int64_t rows = observation_.back().rows(), steps = observation_.front().rows();
      if (rows == steps || unfinished) continue;
      leave_out(name, fmt::format("it has {} rows, not one for each of {} steps", rows, steps));
      observation_.pop_back();
    }
    if (file_.exists("infos") && file_.is_group("infos")) {
      for (const std::string& name : file_.list("infos")) {
        const std::string full = "infos/" + name;
        if (!file_.is_group(full) && is_column(full)) info_.emplace_back(file_, full, name);
      }
    }
    for (const Hdf5Column& column : observation_) schema_.observation.push_back(column.field());
    for (const Hdf5Column& column : info_) schema_.info.push_back(column.field());
    schema_.action = action_.front().field();
  }

  // Other contents of the file are reported, not read.
  bool is_column(const std::string& name) {
    const std::string reason = why_no_column(file_, name);
    if (!reason.empty()) leave_out(name, reason);
    return reason.empty();
  }

  void leave_out(const std::string& name, const std::string& reason) {
    left_out_.push_back(fmt::format("{} is left out: {}", printable(name), reason));
  }

  // The number of steps that every column has. In a finished file all have the same number.
  int64_t count_steps(bool unfinished) const {
    std::vector<std::pair<std::string, int64_t>> counts;
    for (const auto* columns : {&observation_, &action_, &info_}) {
      for (const Hdf5Column& column : *columns) counts.emplace_back(column.name(), column.rows());
    }
    for (const char* name : {"rewards", "terminals", "timeouts"}) {
      if (!file_.exists(name)) continue;
      const std::vector<int64_t> shape = file_.shape(name);
      REVERIE_CHECK(shape.size() == 1, "{}:{}: has {} axes, expected one number a step", path_,
                    name, shape.size());
      counts.emplace_back(name, shape[0]);
    }
    int64_t steps = counts.front().second;
    for (const auto& [name, rows] : counts) {
      REVERIE_CHECK(unfinished || rows == counts.front().second,
                    "{}:{}: has {} rows, but {} has {}; expected one a step", path_, name, rows,
                    counts.front().first, counts.front().second);
      steps = std::min(steps, rows);
    }
    REVERIE_CHECK(steps >= 1 && steps <= kMaxDatasetSteps, "{}: has {} steps, expected 1 to {}",
                  path_, steps, kMaxDatasetSteps);
    return steps;
  }

  void read_rewards_and_flags(int64_t steps) {
    rewards_.resize(static_cast<size_t>(steps));
    file_.read_rows("rewards", 0, DType::kFloat32, std::as_writable_bytes(std::span(rewards_)));
    terminals_ = read_flags(file_, "terminals", steps);
    timeouts_ = file_.exists("timeouts") ? read_flags(file_, "timeouts", steps)
                                         : std::vector<uint8_t>(terminals_.size());
  }

  void find_episodes(bool unfinished) {
    const auto steps = static_cast<int64_t>(terminals_.size());
    int64_t start = 0;
    for (int64_t t = 0; t < steps; ++t) {
      const bool terminated = terminals_[static_cast<size_t>(t)] != 0;
      const bool truncated = timeouts_[static_cast<size_t>(t)] != 0;
      if (!terminated && !truncated) continue;
      episodes_.push_back({start, t + 1 - start, terminated, truncated});
      start = t + 1;
    }
    steps_ = start;
    if (start == steps) return;
    if (unfinished) {
      steps_left_out_ = steps - start;
      REVERIE_CHECK(!episodes_.empty(), "{}: its writer was killed before an episode was done",
                    path_);
    } else {
      episodes_.push_back({start, steps - start, false, false});
      steps_ = steps;
    }
  }

  // Data of whole episodes. If the flags were changed afterwards, it no longer fits.
  void find_episode_data(bool unfinished) {
    const auto fits = [&](size_t rows) { return unfinished || rows == episodes_.size(); };
    if (file_.exists(kSeeds)) seeds_ = read_all<int64_t>(kSeeds);
    if (!fits(seeds_.size())) seeds_.clear();
    final_info_ = find_finals(kFinalInfo, info_, unfinished);
    if (observation_.size() == 1 && file_.exists("next_observations")) {
      next_.emplace(file_, "next_observations", "observation");
      next_->check_same_rows(observation_.front());
      REVERIE_CHECK(next_->rows() >= steps_, "{}:next_observations: has {} rows, expected {}",
                    path_, next_->rows(), steps_);
      return;
    }
    final_observation_ = find_finals(kFinalObservation, observation_, unfinished);
  }

  Finals find_finals(const std::string& group, const std::vector<Hdf5Column>& columns,
                     bool unfinished) const {
    Finals finals;
    if (!file_.exists(group) || !file_.exists(known_flags(group))) return finals;
    finals.known = read_all<uint8_t>(known_flags(group));
    if (!unfinished && finals.known.size() != episodes_.size()) finals.known.clear();
    for (const Hdf5Column& column : columns) {
      const std::string& name = column.field().name;
      const Hdf5Column& found = finals.columns.emplace_back(file_, group + "/" + name, name);
      found.check_same_rows(column);
      if (static_cast<int64_t>(finals.known.size()) > found.rows()) {
        finals.known.resize(static_cast<size_t>(found.rows()));
      }
    }
    return finals;
  }

  template <typename T>
  std::vector<T> read_all(const std::string& name) const {
    return file_.read<T>(name, {.shape = std::vector<int64_t>{-1},
                                .max_bytes = kMaxDatasetSteps * static_cast<int64_t>(sizeof(T))});
  }

  Hdf5File file_;
  std::vector<Hdf5Column> observation_, action_, info_;
  Finals final_observation_, final_info_;
  std::optional<Hdf5Column> next_;
  std::vector<uint8_t> terminals_, timeouts_;
  std::vector<float> rewards_;
  std::vector<int64_t> seeds_;
};

Field scalar(DType dtype) {
  Field field;
  field.dtype = dtype;
  return field;
}

class D4rlWriter final : public DatasetWriter {
 public:
  D4rlWriter(const std::string& path, const DatasetSchema& schema)
      : DatasetWriter(schema), file_(Hdf5File::create(path, path + ".partial")) {
    size_t row_bytes = schema_.action.bytes();
    for (const auto* fields : {&schema_.observation, &schema_.info}) {
      for (const Field& field : *fields) row_bytes = std::max(row_bytes, field.bytes());
    }
    // The same number of rows for all columns, so that a killed writer's file ends at one step.
    chunk_rows_ =
        std::clamp<int64_t>(kChunkBytes / static_cast<int64_t>(row_bytes), 1, kMaxChunkRows);
    bool has_observation = false;
    for (const Field& field : schema_.observation) {
      const bool is_main = field.name == "observation";
      has_observation |= is_main;
      observation_.push_back(add("", is_main ? "observations" : field.name, field));
      final_observation_.push_back(add(kFinalObservation, field.name, field, kEpisodeChunkRows));
    }
    REVERIE_CHECK(has_observation,
                  "{}: the layout d4rl needs a field 'observation', and there is none; try "
                  "--observation both, or --format minari",
                  path);
    for (const Field& field : schema_.info) {
      info_.push_back(add("infos", field.name, field));
      final_info_.push_back(add(kFinalInfo, field.name, field, kEpisodeChunkRows));
    }
    action_ = add("", "actions", schema_.action);
    reward_ = add("", "rewards", scalar(DType::kFloat32));
    terminated_ = add("", "terminals", scalar(DType::kBool));
    truncated_ = add("", "timeouts", scalar(DType::kBool));
    seed_ = add("metadata", "episode_seed", scalar(DType::kInt64), kEpisodeChunkRows);
    observation_known_ =
        add("", known_flags(kFinalObservation), scalar(DType::kBool), kEpisodeChunkRows);
    info_known_ = add("", known_flags(kFinalInfo), scalar(DType::kBool), kEpisodeChunkRows);
    for (const auto& [key, text] : schema_.attributes) file_.set_attribute("/", key, text);
    if (const std::string bounds = bounds_text(schema_); !bounds.empty()) {
      file_.set_attribute("/", kBoundsKey, bounds);
    }
    file_.set_attribute("/", kStatusKey, kStatusUnfinished);
    file_.save_progress();
  }

  void append(const EpisodeData& episode) override {
    check(episode);
    const int64_t length = episode.length();
    for (size_t i = 0; i < observation_.size(); ++i) {
      append_state(observation_[i], final_observation_[i], schema_.observation[i], length,
                   episode.observation[i]);
    }
    for (size_t i = 0; i < info_.size(); ++i) {
      append_state(info_[i], final_info_[i], schema_.info[i], length, episode.info[i]);
    }
    append_rows(action_, episode.action);
    append_rows(reward_, std::as_bytes(std::span(episode.reward)));
    append_rows(terminated_, std::as_bytes(std::span(episode.terminated)));
    append_truncated(episode);
    const int64_t seed = episode.seed.value_or(kNoSeed);
    append_rows(seed_, std::as_bytes(std::span(&seed, 1)));
    append_flag(observation_known_, episode.has_final_observation);
    append_flag(info_known_, episode.has_final_info);
    steps_ += length;
    ++episodes_;
    if (schedule_.is_due(steps_)) file_.save_progress();
  }

  void commit() override {
    if (is_unmarked_) append_flag(truncated_, false);
    file_.set_attribute("/", kStatusKey, kStatusComplete);
    file_.commit();
  }

 private:
  struct Target {
    Field source, field;  // as given, and as stored
    Hdf5Appender* appender = nullptr;
  };

  // A column of `source`, named `name` in the file, in chunks of at most that many rows.
  Target add(const std::string& group, std::string name, const Field& source,
             int64_t chunk_rows = kMaxChunkRows) {
    Field field = narrowed(source);
    field.name = std::move(name);
    std::vector<int64_t> chunk{std::min(chunk_rows, chunk_rows_)};
    chunk.insert(chunk.end(), field.shape.begin(), field.shape.end());
    return {source, field, &file_.appender(group, field, {.gzip = kGzip, .chunk = chunk})};
  }

  // Of T or T + 1 rows, the first T go to one column and the last one, if known, to the other.
  void append_state(const Target& steps, const Target& finals, const Field& source, int64_t length,
                    std::span<const std::byte> rows) {
    append_rows(steps, rows.first(static_cast<size_t>(length) * source.bytes()));
    append_rows(finals, rows.last(source.bytes()));
  }

  // Only flags separate the episodes of this layout. One whose recording stopped has none: its last
  // row is held back and is marked if another episode follows.
  void append_truncated(const EpisodeData& episode) {
    if (is_unmarked_) append_flag(truncated_, true);
    is_unmarked_ = episode.truncated.back() == 0 && episode.terminated.back() == 0;
    append_rows(truncated_, std::as_bytes(std::span(episode.truncated))
                                .first(episode.truncated.size() - (is_unmarked_ ? 1 : 0)));
  }

  void append_flag(const Target& target, bool flag) {
    const uint8_t byte = flag ? 1 : 0;
    append_rows(target, std::as_bytes(std::span(&byte, 1)));
  }

  // rows: in the source's dtype.
  void append_rows(const Target& target, std::span<const std::byte> rows) {
    rows = narrow(target.source, rows, narrowed_);
    const auto count = static_cast<int64_t>(rows.size() / target.field.bytes());
    target.appender->append({&target.field, rows.data(), count});
  }

  Hdf5File file_;
  int64_t chunk_rows_ = 1;
  SaveSchedule schedule_;
  std::vector<Target> observation_, info_, final_observation_, final_info_;
  Target action_, reward_, terminated_, truncated_, seed_, observation_known_, info_known_;
  bool is_unmarked_ = false;  // the last step's `truncated` is not written yet
  std::vector<float> narrowed_;
};

}  // namespace

std::unique_ptr<Dataset> open_d4rl(Hdf5File file) {
  return std::make_unique<D4rlDataset>(std::move(file));
}

std::unique_ptr<DatasetWriter> create_d4rl(const std::string& path, const DatasetSchema& schema) {
  return std::make_unique<D4rlWriter>(path, schema);
}

}  // namespace reverie
