#include "agents/preferences/preference_training.h"

#include <algorithm>
#include <cmath>

#include "agents/space_adapter.h"
#include "agents/training/dataset_split.h"
#include "agents/training/gathering.h"
#include "agents/training/trainer.h"
#include "nn/device.h"
#include "nn/pch.h"

namespace reverie {

void PreferenceOptions::describe(ConfigFields& f) {
  f.add("pairs", pairs, "pairs of segments that are compared", between(2, 1e6));
  f.add("segment", segment, "length of a segment [steps]", between(1, 10000));
  f.add("held_out_pairs", held_out, "share of the pairs that is not learnt from",
        {.low = 0, .high = 1, .open_low = true, .open_high = true});
  f.add("doubt", doubt,
        "judges prefer the second segment with probability sigmoid((R2 - R1) / doubt); 0 = always "
        "the greater sum of rewards [reward]",
        at_least(0));
  f.add("judges", judges,
        "datasets of the same steps with other rewards: further groups of judges, each pair judged "
        "by one");
  f.set_lifelong({"pairs", "segment", "held_out_pairs", "doubt", "judges"});
}

PreferenceTraining::PreferenceTraining() {
  data.alone = true;
  data.updates = 0;
  drive_options.log_every = 200;
}

void PreferenceTraining::describe(ConfigFields& f) {
  f.add("dataset", data.path, "dataset whose segments are compared, by its rewards");
  f.add("updates", data.updates, "updates of the reward model; 0 = 5000", at_least(0));
  preferences.describe(f);
  drive_options.describe(f);
}

int64_t PreferenceTraining::length(const RunConfig& /*config*/) const {
  return data.updates > 0 ? data.updates : 5000;
}

at::Tensor judged(const at::Tensor& returns, double doubt, Rng& rng) {
  const auto r = returns.accessor<double, 3>();
  std::vector<float> preferred;
  for (int64_t p = 0; p < r.size(1); ++p) {
    const int64_t judge = rng.integers(0, r.size(0));
    const double difference = r[judge][p][1] - r[judge][p][0];
    REVERIE_CHECK(std::isfinite(difference),
                  "the rewards of a segment sum to {} and {}: they are not finite", r[judge][p][0],
                  r[judge][p][1]);
    const double chance = doubt > 0.0         ? 1.0 / (1.0 + std::exp(-difference / doubt))
                          : difference == 0.0 ? 0.5
                                              : (difference > 0.0 ? 1.0 : 0.0);
    preferred.push_back(rng.random() < chance ? 1.0F : 0.0F);
  }
  return at::tensor(preferred);
}

namespace {

// Segments of a dataset: the same ones for the same steps, whatever the rewards.
SequenceBatch draw_segments(const RunConfig& config, const EnvSpec& spec, const std::string& path,
                            const PreferenceOptions& options, uint64_t seed) {
  const std::unique_ptr<Dataset> dataset = open_dataset_for(spec, path);
  Rng rng(seed);
  return load_transitions(*dataset, 1.0, config, spec, at::kCPU, {})
      ->sample_sequences(2 * options.pairs, {.length = options.segment}, rng);
}

// As pairs, without the observation after the last step.
Preferences as_pairs(const SequenceBatch& segments, int64_t pairs, int64_t length) {
  const auto paired = [&](const at::Tensor& x) {
    return x.slice(1, 0, length).unflatten(0, {pairs, 2}).contiguous();
  };
  Preferences out{.obs = {}, .action = paired(segments.action), .preference = {}};
  for (const auto& [name, values] : segments.obs) out.obs.add(name, paired(values));
  return out;
}

Preferences select(const Preferences& pairs, const at::Tensor& index) {
  Preferences out{.obs = {},
                  .action = pairs.action.index_select(0, index),
                  .preference = pairs.preference.index_select(0, index)};
  for (const auto& [name, values] : pairs.obs) out.obs.add(name, values.index_select(0, index));
  return out;
}

class PreferenceTrainer final : public Trainer {
 public:
  PreferenceTrainer(const RunConfig& config, const PreferenceTraining& training,
                    const EnvSpec& spec)
      : agent_(make_agent_of<RewardAgent>(config, spec, "preferences")),
        minibatch_(dynamic_cast<const RewardModelConfig&>(*config.agent_config).minibatch),
        rng_(config.seed_for("sampling")) {
    const PreferenceOptions& options = training.preferences;
    const uint64_t seed = config.seed_for("pairs");
    const SequenceBatch segments = draw_segments(config, spec, training.data.path, options, seed);
    identity_ = DatasetIdentity::of(*Dataset::open(training.data.path));
    std::vector<at::Tensor> returns;
    const auto add_returns = [&](const SequenceBatch& judged_segments) {
      const at::Tensor sums = judged_segments.reward.to(at::kDouble).sum(1);
      returns.push_back(sums.view({options.pairs, 2}));
    };
    add_returns(segments);
    for (const std::string& path : options.judges) {
      const SequenceBatch other = draw_segments(config, spec, path, options, seed);
      REVERIE_CHECK(at::equal(other.action, segments.action),
                    "--judges {}: holds other steps than {}; expected the same ones with other "
                    "rewards (reverie dataset relabel)",
                    path, training.data.path);
      add_returns(other);
      identity_.content += "; judged by " + DatasetIdentity::of(*Dataset::open(path)).content;
    }
    all_ = as_pairs(segments, options.pairs, options.segment);
    Rng judging(config.seed_for("judges"));
    all_.preference = judged(at::stack(returns), options.doubt, judging);
    const auto held_out =
        static_cast<int64_t>(std::ceil(options.held_out * static_cast<double>(options.pairs)));
    learnt_from_ = options.pairs - held_out;
    REVERIE_CHECK(learnt_from_ >= 1, "--pairs {}: none is left to learn from", options.pairs);
    held_out_ = select(all_, at::arange(learnt_from_, options.pairs));
    // Its statistics are those of all segments.
    TensorMap obs;
    for (const auto& [name, values] : all_.obs) obs.add(name, values.flatten(0, 2));
    observed_ = std::move(obs);
  }

  void start() override { agent_->observe(observed_); }

  void turn() override {
    std::vector<int64_t> chosen;
    for (int64_t i = 0; i < minibatch_; ++i) chosen.push_back(rng_.integers(0, learnt_from_));
    losses_ = agent_->update(select(all_, at::tensor(chosen))).metrics;
    ++updates_;
  }

  TrainingCounts counts() const override { return {.position = updates_, .updates = updates_}; }

  Agent& agent() override { return *agent_; }

  TrainingRow metrics() override {
    TrainingRow row;
    row.values = read_metrics(losses_);
    const double accuracy = agent_->accuracy(held_out_).item<double>();
    row.values.emplace_back("accuracy/held_out", accuracy);
    row.shown = {{"accuracy", accuracy}};
    return row;
  }

  void state(StateList& list) override {
    agent_->state(list);
    list.add("updates", updates_);
    list.add("sampling.rng", rng_);
    identity_.state(list);
    list.after_load([this] {
      REVERIE_CHECK(updates_ >= 0, "state.json: updates {}, expected at least 0", updates_);
    });
  }

 private:
  std::unique_ptr<RewardAgent> agent_;
  const int64_t minibatch_;
  Preferences all_, held_out_;
  TensorMap observed_;
  int64_t learnt_from_ = 0;   // the first pairs of all
  DatasetIdentity identity_;  // of the dataset and the judges'
  Rng rng_;
  int64_t updates_ = 0;
  TensorMap losses_;  // of the last update
};

}  // namespace

std::unique_ptr<Trainer> PreferenceTraining::make(const RunConfig& config, const Say& say) const {
  REVERIE_CHECK(!data.path.empty(),
                "--agent {}: compares segments of a dataset; expected --dataset F", config.agent);
  if (say) say(fmt::format("reading {}", data.path));
  return std::make_unique<PreferenceTrainer>(config, *this,
                                             SpaceAdapter::adapt(config.env_config->spec()));
}

}  // namespace reverie
