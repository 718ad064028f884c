#include "replay/formats/d4rl.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "replay/hdf5.h"

namespace reverie {
namespace {

constexpr int64_t kBlockBytes = int64_t{4} << 20;    // unpacked at once, of one column
constexpr int64_t kMaxRowBytes = int64_t{64} << 20;  // more is no step of any environment
constexpr int64_t kMaxSteps = int64_t{1} << 31;      // rewards and flags are read whole
constexpr int64_t kChunkBytes = int64_t{256} << 10;  // of the widest column
constexpr int64_t kMaxChunkRows = 4096;              // what a kill may cost beyond kSaveEvery
constexpr int64_t kSaveEvery = int64_t{1} << 16;     // [steps]
constexpr int64_t kEpisodeChunkRows = 64;
constexpr int64_t kNoSeed = -1;
constexpr int kGzip = 4;  // h5py's default, and so D4RL's

constexpr const char* kStatus = "status";  // attribute of the root
constexpr const char* kUnfinished = "unfinished";
constexpr const char* kSeeds = "metadata/episode_seed";
constexpr const char* kFinals = "metadata/final_observation";
constexpr const char* kFinalKnown = "metadata/final_observation_known";

// Attributes that are kept from one file to the next.
constexpr const char* kAttributes[] = {"env", "env_source", "policy", "seed", "config", "collect"};

// A dataset whose rows are wanted from front to back: it is unpacked in blocks of some megabytes.
class Column {
 public:
  // `field` is what the column is called here.
  Column(const Hdf5File& file, std::string name, std::string field)
      : file_(&file), name_(std::move(name)) {
    field_.name = std::move(field);
    const std::vector<int64_t> shape = file.shape(name_);
    REVERIE_CHECK(!shape.empty(), "{}:{}: is a scalar, expected an array of rows", file.path(),
                  name_);
    rows_ = shape[0];
    field_.shape.assign(shape.begin() + 1, shape.end());
    field_.dtype = file.dtype(name_);
    double bytes = static_cast<double>(item_size(field_.dtype));
    for (const int64_t length : field_.shape) bytes *= static_cast<double>(length);
    REVERIE_CHECK(bytes > 0 && bytes <= static_cast<double>(kMaxRowBytes),
                  "{}:{}: has rows of {:.0f} bytes, expected 1 to {}", file.path(), name_, bytes,
                  kMaxRowBytes);
  }

  const Field& field() const { return field_; }
  const std::string& name() const { return name_; }
  int64_t rows() const { return rows_; }

  // Appends rows [first, first + count) to `out`.
  void read(int64_t first, int64_t count, std::vector<std::byte>& out) {
    const size_t row_bytes = field_.bytes();
    while (count > 0) {
      const auto held = static_cast<int64_t>(block_.size() / row_bytes);
      if (first < block_first_ || first >= block_first_ + held) load(first);
      const int64_t offset = first - block_first_;
      const int64_t take =
          std::min(count, static_cast<int64_t>(block_.size() / row_bytes) - offset);
      const auto begin = block_.begin() + offset * static_cast<int64_t>(row_bytes);
      out.insert(out.end(), begin, begin + take * static_cast<int64_t>(row_bytes));
      first += take;
      count -= take;
    }
  }

 private:
  void load(int64_t first) {
    REVERIE_CHECK(first < rows_, "{}:{}: row {} wanted, it has {}", file_->path(), name_, first,
                  rows_);
    const auto row_bytes = static_cast<int64_t>(field_.bytes());
    const int64_t rows = std::min(std::max<int64_t>(kBlockBytes / row_bytes, 1), rows_ - first);
    block_.resize(static_cast<size_t>(rows * row_bytes));
    block_first_ = first;
    file_->read_rows(name_, first, field_.dtype, block_);
  }

  const Hdf5File* file_;
  std::string name_;
  Field field_;
  int64_t rows_ = 0;
  std::vector<std::byte> block_;
  int64_t block_first_ = 0;
};

class D4rlDataset final : public Dataset {
 public:
  explicit D4rlDataset(const std::string& path) : Dataset(path), file_(Hdf5File::open_read(path)) {
    for (const char* required : {"observations", "actions", "rewards", "terminals"}) {
      file_.shape(required);  // throws with the names that are there
    }
    for (const char* key : kAttributes) {
      if (std::string text = attribute(key); !text.empty()) schema_.attributes[key] = text;
    }
    const bool unfinished = attribute(kStatus) == kUnfinished;
    find_columns();
    const int64_t steps = count_steps(unfinished);
    read_rewards_and_flags(steps);
    find_episodes(unfinished);
    find_finals(unfinished);
  }

  DatasetFormat format() const override { return DatasetFormat::kD4rl; }

  EpisodeData read(int64_t index) override {
    const DatasetEpisode& where = episodes_.at(static_cast<size_t>(index));
    EpisodeData episode;
    episode.has_final_observation = next_ || (index < static_cast<int64_t>(final_known_.size()) &&
                                              final_known_[static_cast<size_t>(index)] != 0);
    for (size_t i = 0; i < observation_.size(); ++i) {
      std::vector<std::byte>& out = episode.observation.emplace_back();
      observation_[i].read(where.start, where.length, out);
      if (!episode.has_final_observation) continue;
      if (next_) {
        next_->read(where.start + where.length - 1, 1, out);
      } else {
        finals_[i].read(index, 1, out);
      }
    }
    for (Column& column : info_) {
      column.read(where.start, where.length, episode.info.emplace_back());
    }
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
  // "" where there is none, or one that cannot be read safely: others write what they like.
  std::string attribute(const char* key) const {
    try {
      return file_.attribute("/", key).value_or("");
    } catch (const Error&) {
      return "";
    }
  }

  void find_columns() {
    observation_.emplace_back(file_, "observations", "observation");
    action_.emplace_back(file_, "actions", "action");
    for (const std::string& name : file_.list("/")) {
      static constexpr const char* kKnown[] = {"observations", "actions",  "rewards",
                                               "terminals",    "timeouts", "next_observations"};
      const bool known = std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown);
      if (!known && !file_.is_group(name)) {
        observation_.emplace_back(file_, name, name);
      }
    }
    if (file_.exists("infos") && file_.is_group("infos")) {
      for (const std::string& name : file_.list("infos")) {
        const std::string full = "infos/" + name;
        if (!file_.is_group(full)) info_.emplace_back(file_, full, name);
      }
    }
    for (const Column& column : observation_) schema_.observation.push_back(column.field());
    for (const Column& column : info_) schema_.info.push_back(column.field());
    schema_.action = action_.front().field();
  }

  // The steps that every column has. In a finished file all have the same number.
  int64_t count_steps(bool unfinished) const {
    std::vector<std::pair<std::string, int64_t>> counts;
    for (const auto* columns : {&observation_, &action_, &info_}) {
      for (const Column& column : *columns) counts.emplace_back(column.name(), column.rows());
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
    REVERIE_CHECK(steps >= 1 && steps <= kMaxSteps, "{}: has {} steps, expected 1 to {}", path_,
                  steps, kMaxSteps);
    return steps;
  }

  void read_rewards_and_flags(int64_t steps) {
    const auto read = [&](const char* name) {
      std::vector<uint8_t> flags(static_cast<size_t>(steps));
      if (!file_.exists(name)) return flags;
      file_.read_rows(name, 0, DType::kUInt8, std::as_writable_bytes(std::span(flags)));
      for (size_t t = 0; t < flags.size(); ++t) {
        REVERIE_CHECK(flags[t] <= 1, "{}:{}: row {} is {}, expected 0 or 1", path_, name, t,
                      flags[t]);
      }
      return flags;
    };
    rewards_.resize(static_cast<size_t>(steps));
    file_.read_rows("rewards", 0, DType::kFloat32, std::as_writable_bytes(std::span(rewards_)));
    terminals_ = read("terminals");
    timeouts_ = read("timeouts");
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

  // What belongs to whole episodes. Where flags were changed since, it does not fit any more.
  void find_finals(bool unfinished) {
    const auto fits = [&](size_t rows) { return unfinished || rows == episodes_.size(); };
    if (file_.exists(kSeeds)) seeds_ = read_all<int64_t>(kSeeds);
    if (!fits(seeds_.size())) seeds_.clear();
    if (observation_.size() == 1 && file_.exists("next_observations")) {
      next_.emplace(file_, "next_observations", "observation");
      check_same_rows(*next_, observation_.front());
      REVERIE_CHECK(next_->rows() >= steps_, "{}:next_observations: has {} rows, expected {}",
                    path_, next_->rows(), steps_);
      return;
    }
    if (!file_.exists(kFinals) || !file_.exists(kFinalKnown)) return;
    final_known_ = read_all<uint8_t>(kFinalKnown);
    if (!fits(final_known_.size())) final_known_.clear();
    for (const Column& column : observation_) {
      finals_.emplace_back(file_, std::string(kFinals) + "/" + column.field().name,
                           column.field().name);
      check_same_rows(finals_.back(), column);
      if (static_cast<int64_t>(final_known_.size()) > finals_.back().rows()) {
        final_known_.resize(static_cast<size_t>(finals_.back().rows()));
      }
    }
  }

  void check_same_rows(const Column& found, const Column& expected) const {
    REVERIE_CHECK(found.field().shape == expected.field().shape &&
                      found.field().dtype == expected.field().dtype,
                  "{}:{}: its rows differ in shape or dtype from those of {}", path_, found.name(),
                  expected.name());
  }

  template <typename T>
  std::vector<T> read_all(const char* name) const {
    return file_.read<T>(name, {.shape = std::vector<int64_t>{-1},
                                .max_bytes = kMaxSteps * static_cast<int64_t>(sizeof(T))});
  }

  Hdf5File file_;
  std::vector<Column> observation_, action_, info_, finals_;
  std::optional<Column> next_;
  std::vector<uint8_t> terminals_, timeouts_, final_known_;
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
    // The same number of rows for all: what a killed writer leaves then ends at the same step.
    chunk_rows_ =
        std::clamp<int64_t>(kChunkBytes / static_cast<int64_t>(row_bytes), 1, kMaxChunkRows);
    bool has_observation = false;
    for (const Field& field : schema_.observation) {
      const bool is_main = field.name == "observation";
      has_observation |= is_main;
      observation_.push_back(add("", is_main ? "observations" : field.name, field));
      finals_.push_back(add(kFinals, field.name, field, kEpisodeChunkRows));
    }
    REVERIE_CHECK(has_observation,
                  "{}: the layout d4rl needs a field 'observation', and there is none; try "
                  "--observation both, or --format minari",
                  path);
    for (const Field& field : schema_.info) info_.push_back(add("infos", field.name, field));
    action_ = add("", "actions", schema_.action);
    reward_ = add("", "rewards", scalar(DType::kFloat32));
    terminated_ = add("", "terminals", scalar(DType::kBool));
    truncated_ = add("", "timeouts", scalar(DType::kBool));
    seed_ = add("metadata", "episode_seed", scalar(DType::kInt64), kEpisodeChunkRows);
    final_known_ =
        add("metadata", "final_observation_known", scalar(DType::kBool), kEpisodeChunkRows);
    for (const auto& [key, text] : schema_.attributes) file_.set_attribute("/", key, text);
    file_.set_attribute("/", kStatus, kUnfinished);
    file_.save_progress();
  }

  void append(const EpisodeData& episode) override {
    check(episode);
    const int64_t length = episode.length();
    for (size_t i = 0; i < observation_.size(); ++i) {
      const std::vector<std::byte>& rows = episode.observation[i];
      const size_t row_bytes = schema_.observation[i].bytes();
      const auto split = static_cast<size_t>(length) * row_bytes;
      append_rows(observation_[i], std::span(rows).first(split));
      append_rows(finals_[i], episode.has_final_observation
                                  ? std::span(rows).subspan(split)
                                  : std::span(rows).subspan(split - row_bytes));
    }
    for (size_t i = 0; i < info_.size(); ++i) append_rows(info_[i], episode.info[i]);
    append_rows(action_, episode.action);
    append_rows(reward_, std::as_bytes(std::span(episode.reward)));
    append_rows(terminated_, std::as_bytes(std::span(episode.terminated)));
    append_rows(truncated_, std::as_bytes(std::span(episode.truncated)));
    const int64_t seed = episode.seed.value_or(kNoSeed);
    append_rows(seed_, std::as_bytes(std::span(&seed, 1)));
    const uint8_t known = episode.has_final_observation ? 1 : 0;
    append_rows(final_known_, std::as_bytes(std::span(&known, 1)));
    steps_ += length;
    ++episodes_;
    if (steps_ - saved_ >= kSaveEvery) {
      file_.save_progress();
      saved_ = steps_;
    }
  }

  void commit() override {
    file_.set_attribute("/", kStatus, "complete");
    file_.commit();
  }

 private:
  struct Target {
    Field field;  // as stored
    Hdf5Appender* appender = nullptr;
    bool narrows = false;  // float64 comes, float32 is stored
  };

  // A column of `source`, which the file holds under `name`, in chunks of at most so many rows.
  Target add(const std::string& group, std::string name, const Field& source,
             int64_t chunk_rows = kMaxChunkRows) {
    const bool narrows = source.dtype == DType::kFloat64;
    const Field field{.name = std::move(name),
                      .shape = source.shape,
                      .dtype = narrows ? DType::kFloat32 : source.dtype};
    std::vector<int64_t> chunk{std::min(chunk_rows, chunk_rows_)};
    chunk.insert(chunk.end(), field.shape.begin(), field.shape.end());
    return {field, &file_.appender(group, field, {.gzip = kGzip, .chunk = chunk}), narrows};
  }

  // rows: of the source's dtype.
  void append_rows(const Target& target, std::span<const std::byte> rows) {
    if (target.narrows) {
      const std::span doubles(reinterpret_cast<const double*>(rows.data()),
                              rows.size() / sizeof(double));
      narrowed_.assign(doubles.begin(), doubles.end());
      rows = std::as_bytes(std::span(narrowed_));
    }
    const auto count = static_cast<int64_t>(rows.size() / target.field.bytes());
    target.appender->append({&target.field, rows.data(), count});
  }

  Hdf5File file_;
  int64_t chunk_rows_ = 1;
  int64_t saved_ = 0;
  std::vector<Target> observation_, finals_, info_;
  Target action_, reward_, terminated_, truncated_, seed_, final_known_;
  std::vector<float> narrowed_;
};

}  // namespace

std::unique_ptr<Dataset> open_d4rl(const std::string& path) {
  return std::make_unique<D4rlDataset>(path);
}

std::unique_ptr<DatasetWriter> create_d4rl(const std::string& path, const DatasetSchema& schema) {
  return std::make_unique<D4rlWriter>(path, schema);
}

}  // namespace reverie
