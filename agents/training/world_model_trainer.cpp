#include "agents/training/world_model_trainer.h"

#include <algorithm>
#include <cmath>

#include "agents/space_adapter.h"
#include "agents/training/decoder_trainer.h"
#include "agents/training/experience.h"
#include "agents/training/gathering.h"
#include "agents/training/latent_pictures.h"
#include "agents/training/stages.h"
#include "agents/training/world_model_agent.h"
#include "core/clock.h"
#include "nn/pch.h"
#include "replay/batch_stream.h"
#include "worldmodel/decoder.h"

namespace reverie {

WorldModelTraining::WorldModelTraining() {
  // A sequence has many steps, and as many pictures.
  gathering.updates_per_step = 0.01;
  drive_options.log_every = 50;
  drive_options.checkpoint_every = 500;
  drive_options.picture_every = 500;
  data.held_out = 0.1;
  data.alone = true;
}

void WorldModelTraining::describe(ConfigFields& f) {
  f.add("dataset", data.path, "dataset to learn from; \"\" = gathered experience");
  f.add("updates", data.updates,
        fmt::format("with --dataset: number of updates; 0 = {}", kDefaultUpdates), at_least(0));
  f.add("held_out", data.held_out, "share of episodes held out from training",
        {.low = 0, .high = 0.9, .open_low = true});
  f.add("gather_policy", gather_policy,
        "policy that gathers experience: random, or another agent that needs no training");
  f.set_lifelong({"held_out", "gather_policy"});
  gathering.describe(f);
  replay.describe(f);
  drive_options.describe(f);
  f.add("save_replay", replay.save_replay,
        "save the replay buffer too, so that a run can be resumed");
  f.set_without_effect({"save_replay"});
  f.add("picture_every", drive_options.picture_every,
        "steps between pictures of nearest neighbours in latent space; 0 = none", at_least(0));
  f.set_without_effect({"picture_every"});
  f.add("decoder_updates", decoder_updates,
        "updates of a decoder for videos, after the model is trained; at most the model's own; 0 = "
        "none",
        at_least(0));
}

int64_t WorldModelTraining::model_length(const RunConfig& config) const {
  if (data.path.empty()) return config.total_steps();
  REVERIE_CHECK(config.total_steps() == 0,
                "--steps {}: {} learns from the dataset alone and counts --updates", config.steps,
                config.agent);
  return data.updates > 0 ? data.updates : kDefaultUpdates;
}

int64_t WorldModelTraining::decoder_length(const RunConfig& config) const {
  if (decoder_updates == 0) return 0;
  if (!Decoder::can_draw(config.env_config->spec().field("pixels").shape)) return 0;
  const int64_t length = model_length(config);
  if (!data.path.empty()) return std::min(decoder_updates, length);
  const auto earning =
      static_cast<double>(std::max<int64_t>(length - gathering.learning_starts, 0));
  return std::min(decoder_updates, static_cast<int64_t>(earning * gathering.updates_per_step));
}

int64_t WorldModelTraining::length(const RunConfig& config) const {
  return model_length(config) + decoder_length(config);
}

namespace {

// The number of held-out sequences for reported losses and latents.
constexpr int64_t kHeldOutSequences = 256;

class WorldModelTrainer final : public Trainer {
 public:
  WorldModelTrainer(const RunConfig& config, const WorldModelTraining& training,
                    const TrainingConfig::Say& say)
      : config_(config),
        training_(training),
        length_(training.model_length(config)),
        spec_(SpaceAdapter::adapt(config.env_config->spec())),
        agent_(make_agent_of<WorldModelAgent>(config, spec_, "sequences for a world model")),
        experience_(make_experience(config, training, spec_, say)),
        batches_(experience_->training(), Rng(config.seed_for("sampling")),
                 training.replay.prefetch) {
    refuse_extra_fields(*agent_, config.agent);
    experience_->check_holds(agent_->request().spec.length, "--history times --action-block");
    last_log_time_ = steady_seconds();
  }

  void start() override { agent_->load_first_weights(); }

  void turn() override {
    const int64_t remaining = length_ - counts().position;
    steps_ += experience_->advance(owed_updates_);
    if (!experience_->ready()) return;
    if (!has_statistics_) take_statistics();
    const auto updates = static_cast<int64_t>(owed_updates_);
    owed_updates_ -= static_cast<double>(updates);
    const SampleRequest wanted = agent_->request();
    // A dataset does not change, so batches can be drawn across turns of the loop.
    if (batches_.remaining() == 0) {
      batches_.request(learns_from_dataset() ? std::max(updates, remaining) : updates, wanted.batch,
                       wanted.spec);
    }
    for (int64_t i = 0; i < updates; ++i) {
      const double before = steady_seconds();
      const SequenceBatch batch = batches_.next();
      waited_ += steady_seconds() - before;
      agent_->set_progress(progress());
      losses_ = agent_->update(batch).metrics;
      ++updates_;
    }
  }

  TrainingCounts counts() const override {
    return {.position = learns_from_dataset() ? updates_ : steps_,
            .steps = steps_,
            .updates = updates_};
  }

  Agent& agent() override { return *agent_; }
  WorldModelAgent& learner() { return *agent_; }
  const Experience& experience() const { return *experience_; }

  TrainingRow metrics() override {
    TrainingRow row;
    if (updates_ == 0) return row;
    row.values = read_metrics(losses_);
    Rng rng(config_.seed_for("held-out sequences"));
    const SequenceBatch held_out =
        experience_->held_out().sample_sequences(kHeldOutSequences, agent_->request().spec, rng);
    for (const auto& [name, value] : agent_->validate(held_out)) {
      row.values.emplace_back("held_out/" + name, value.item<double>());
      // Sequences of two frames have no straightness.
      REVERIE_CHECK_RUN(std::isfinite(row.values.back().second) || name == "straightness",
                        "held_out/{} is {}", name, std::abs(row.values.back().second));
    }
    const double seconds = std::max(steady_seconds() - last_log_time_, 1e-9);
    row.values.emplace_back("time/waiting_share", waited_ / seconds);
    for (const auto& [name, value] : row.values) {
      if (name == "loss/prediction" || name == "held_out/effective_rank") {
        row.shown.emplace_back(name.substr(name.find('/') + 1), value);
      }
    }
    waited_ = 0.0;
    last_log_time_ = steady_seconds();
    return row;
  }

  void state(StateList& list) override {
    agent_->state(list);
    list.add("steps", steps_);
    list.add("updates", updates_);
    list.add("owed_updates", owed_updates_);
    list.add("has_statistics", has_statistics_);
    list.add_text(
        "sampling.rng", [this] { return batches_.rng().to_string(); },
        [this](const std::string& text) { batches_.set_rng(Rng::from_string(text)); });
    experience_->state(list);
  }

  void draw(const TrainingSession& session) override {
    if (updates_ == 0) return;
    write_neighbour_sheet(
        session.directory.videos() / fmt::format("neighbours_step_{:09}.png", counts().position),
        picture_title(), agent_->model(), experience_->held_out(), config_.seed_for("neighbours"));
  }

 private:
  bool learns_from_dataset() const { return !training_.data.path.empty(); }

  // The fraction of the learning that is done; learning begins once enough is gathered.
  double progress() const {
    if (learns_from_dataset()) return static_cast<double>(updates_) / static_cast<double>(length_);
    const int64_t gathered = training_.gathering.learning_starts;
    const auto length = static_cast<double>(std::max<int64_t>(length_ - gathered, 1));
    return std::clamp(static_cast<double>(steps_ - 1 - gathered) / length, 0.0, 1.0);
  }

  void take_statistics() {
    const at::Tensor actions = experience_->actions().to(at::kDouble);
    if (actions.dim() == 2) {
      const at::Tensor finite = actions.index({at::isfinite(actions).all(1)});
      agent_->set_action_statistics(finite.mean({0}).to(at::kFloat),
                                    finite.std({0}, /*unbiased=*/false).to(at::kFloat));
    }
    has_statistics_ = true;
  }

  std::string picture_title() const {
    return fmt::format("{}   {}   step {}", config_.env, config_.agent, counts().position);
  }

  const RunConfig& config_;
  const WorldModelTraining training_;
  const int64_t length_;
  EnvSpec spec_;
  std::unique_ptr<WorldModelAgent> agent_;
  std::unique_ptr<Experience> experience_;
  SequenceStream batches_;

  int64_t steps_ = 0;
  int64_t updates_ = 0;
  double owed_updates_ = 0.0;
  bool has_statistics_ = false;
  TensorMap losses_;
  double waited_ = 0.0;  // [s] for batches since the last row of the log
  double last_log_time_ = 0.0;
};

}  // namespace

std::unique_ptr<Trainer> WorldModelTraining::make(const RunConfig& config, const Say& say) const {
  auto model = std::make_unique<WorldModelTrainer>(config, *this, say);
  if (data.path.empty()) {
    say_where_it_ends(say, config.total_steps(), gathering.num_envs,
                      "its environments together take");
    say_if_it_never_learns(say, config.total_steps(), gathering.learning_starts);
  }
  const int64_t decoder_updates_in_all = decoder_length(config);
  if (decoder_updates_in_all == 0) {
    if (decoder_updates > 0 && say) {
      say(
          fmt::format("no decoder is trained: it needs pictures whose sides {} divides, and a "
                      "model with updates",
                      Decoder::kCell));
    }
    return model;
  }
  auto decoder =
      make_decoder_trainer(config, model->learner(), model->experience(), decoder_updates_in_all);
  std::vector<Stage> stages;
  stages.push_back({"model", "training the model", model_length(config), std::move(model)});
  stages.push_back({"decoder",
                    fmt::format("training a decoder, {} updates", decoder_updates_in_all),
                    decoder_updates_in_all, std::move(decoder)});
  return in_stages(std::move(stages));
}

}  // namespace reverie
