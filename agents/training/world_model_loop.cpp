#include "agents/training/world_model_loop.h"

#include <algorithm>
#include <cmath>

#include "agents/training/dataset_split.h"
#include "agents/training/decoder_training.h"
#include "agents/training/experience.h"
#include "agents/training/latent_pictures.h"
#include "agents/training/off_policy.h"
#include "agents/training/publish_checkpoint.h"
#include "agents/training/world_model_agent.h"
#include "core/clock.h"
#include "core/file.h"
#include "nn/device.h"
#include "nn/finite.h"
#include "nn/pch.h"
#include "replay/batch_stream.h"

namespace reverie {
namespace {

// Sequences of the held-out batch that losses and latents are reported of.
constexpr int64_t kHeldOutSequences = 256;

// Model steps of the rollouts that are drawn at the end.
constexpr int64_t kDrawnSteps = 8;

std::unique_ptr<WorldModelAgent> make_agent(const RunConfig& config, const EnvSpec& spec) {
  std::unique_ptr<Agent> agent =
      config.agent_config->make(spec, open_device(config.device), config.seed_for("agent"));
  auto* learner = dynamic_cast<WorldModelAgent*>(agent.get());
  REVERIE_CHECK(learner != nullptr, "agent '{}' learns no world model", config.agent);
  static_cast<void>(agent.release());
  return std::unique_ptr<WorldModelAgent>(learner);
}

std::unique_ptr<Experience> make_experience(TrainingSession& session, const EnvSpec& spec) {
  if (session.config.training.dataset.empty()) return gather_experience(session.config);
  session.progress.message(fmt::format("reading {}", session.config.training.dataset));
  return read_experience(session.config, spec);
}

class WorldModelLoop {
 public:
  explicit WorldModelLoop(TrainingSession& session)
      : session_(session),
        config_(session.config),
        training_(config_.training),
        spec_(config_.env_config->maker()()->spec()),
        agent_(make_agent(config_, spec_)),
        experience_(make_experience(session, spec_)),
        batches_(experience_->training(), Rng(config_.seed_for("sampling")), training_.prefetch) {
    experience_->check_holds(agent_->request().spec.length);
  }

  void restore(const Checkpoint& saved) {
    step_ = saved.integer("step");
    updates_ = saved.integer("updates");
    owed_updates_ = saved.number("owed_updates");
    has_statistics_ = saved.integer("has_statistics") != 0;
    batches_.set_rng(Rng::from_string(saved.text("sampling.rng")));
    experience_->load(saved);
    agent_->load(saved);
    saved_step_ = step_;
  }

  TrainingResult run() {
    last_log_time_ = steady_seconds();
    last_log_updates_ = updates_;
    session_.progress.update(step_);
    if (saved_step_ < 0) {
      agent_->load_first_weights();
      save();  // so that a run killed before its first checkpoint can resume
    }
    while (step_ < config_.steps && !session_.stop.load(std::memory_order_relaxed)) {
      const int64_t before = step_;
      const bool is_first = updates_ == 0;
      iterate();
      const auto passed = [&](int64_t every) {
        return every > 0 && step_ / every != before / every;
      };
      const bool just_began = is_first && updates_ > 0;
      const bool is_due = just_began || passed(training_.log_every) || step_ >= config_.steps;
      if (is_due && updates_ > 0) log();
      if (passed(training_.checkpoint_every)) save();
      if (passed(training_.picture_every) && updates_ > 0) draw_neighbours();
      session_.progress.update(step_);
    }
    if (saved_step_ != step_) save();
    if (step_ >= config_.steps && std::min(training_.decoder_updates, updates_) > 0) make_decoder();
    return {.steps = step_, .updates = updates_, .interrupted = step_ < config_.steps};
  }

 private:
  void iterate() {
    step_ += experience_->advance(owed_updates_);
    if (!experience_->ready()) return;
    if (!has_statistics_) take_statistics();
    const auto updates = static_cast<int64_t>(owed_updates_);
    owed_updates_ -= static_cast<double>(updates);
    const SampleRequest wanted = agent_->request();
    // Nothing is added to what a dataset holds: batches can be drawn across turns of the loop.
    if (batches_.remaining() == 0)
      batches_.request(updates_ahead(updates), wanted.batch, wanted.spec);
    for (int64_t i = 0; i < updates; ++i) {
      const double before = steady_seconds();
      const SequenceBatch batch = batches_.next();
      waited_ += steady_seconds() - before;
      agent_->set_progress(progress());
      losses_ = agent_->update(batch).metrics;
      ++updates_;
      check_losses();
    }
  }

  // The share of the learning that is done, which begins once enough is gathered.
  double progress() const {
    const int64_t gathered = training_.dataset.empty() ? training_.learning_starts : 0;
    const auto length = static_cast<double>(std::max<int64_t>(config_.steps - gathered, 1));
    return std::clamp(static_cast<double>(step_ - 1 - gathered) / length, 0.0, 1.0);
  }

  // Of a dataset all that there will be.
  int64_t updates_ahead(int64_t updates) const {
    return training_.dataset.empty() ? updates : std::max(updates, config_.steps - step_ + 1);
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

  void check_losses() const {
    const std::string broken = find_not_finite(losses_);
    if (broken.empty()) return;
    fail_run("{} is {} at step {}; the checkpoint of step {} is the last good one", broken,
             losses_.at(broken).item<double>(), step_, saved_step_);
  }

  void log() {
    Metrics row;
    for (const auto& [name, value] : losses_) row.emplace_back(name, value.item<double>());
    Rng rng(config_.seed_for("held-out sequences"));
    const SequenceBatch held_out =
        experience_->held_out().sample_sequences(kHeldOutSequences, agent_->request().spec, rng);
    for (const auto& [name, value] : agent_->validate(held_out)) {
      row.emplace_back("held_out/" + name, value.item<double>());
    }
    const double seconds = std::max(steady_seconds() - last_log_time_, 1e-9);
    row.emplace_back("time/updates_per_second",
                     static_cast<double>(updates_ - last_log_updates_) / seconds);
    row.emplace_back("time/waiting_share", waited_ / seconds);
    session_.log.write(step_, row);
    Metrics shown;
    for (const auto& [name, value] : row) {
      if (name == "loss/prediction" || name == "held_out/effective_rank") {
        shown.emplace_back(name.substr(name.find('/') + 1), value);
      }
    }
    session_.progress.update(step_, shown);
    waited_ = 0.0;
    last_log_time_ = steady_seconds();
    last_log_updates_ = updates_;
  }

  void draw_neighbours() {
    write_neighbour_sheet(
        session_.directory.videos() / fmt::format("neighbours_step_{:09}.png", step_),
        picture_title(), agent_->model(), experience_->held_out(), config_.seed_for("neighbours"));
  }

  std::string picture_title() const {
    return fmt::format("{}   {}   step {}", config_.env, config_.agent, step_);
  }

  // Of what the last checkpoint holds.
  void make_decoder() {
    const Field& pixels = spec_.field("pixels");
    if (!Decoder::can_draw(pixels.shape)) {
      session_.progress.message(
          fmt::format("no decoder: pictures have sides that {} does not divide", Decoder::kCell));
      return;
    }
    const DecoderTrainingOptions options = {
        .updates = std::min(training_.decoder_updates, updates_),
        .seed = config_.seed_for("decoder")};
    session_.progress.message(fmt::format("training a decoder, {} updates", options.updates));
    const auto decoder = train_decoder(
        agent_->model(), experience_->training(), pixels, options,
        [&](int64_t, double) { return !session_.stop.load(std::memory_order_relaxed); });
    if (decoder == nullptr) {
      session_.progress.message(
          fmt::format("no decoder, it was stopped: `reverie decoder {}` "
                      "trains one",
                      session_.directory.path().string()));
      return;
    }
    decoder->save_file(decoder_file(session_.directory.path()), step_);
    write_decoder_sheet(session_.directory.videos() / "decoder.png", picture_title(),
                        agent_->model(), *decoder, experience_->held_out(), kDrawnSteps,
                        config_.seed_for("decoder pictures"));
  }

  void save() {
    Checkpoint checkpoint;
    checkpoint.set("step", step_);
    checkpoint.set("updates", updates_);
    checkpoint.set("owed_updates", owed_updates_);
    checkpoint.set("has_statistics", static_cast<int64_t>(has_statistics_));
    checkpoint.set("sampling.rng", batches_.rng().to_string());
    agent_->save(checkpoint);
    const std::string broken = find_not_finite(checkpoint.group("model"));
    REVERIE_CHECK_RUN(broken.empty(),
                      "the weights {} are not finite at step {}; the checkpoint of step {} is the "
                      "last good one",
                      broken, step_, saved_step_);
    experience_->save(checkpoint);
    publish_checkpoint(session_, checkpoint, step_);
    saved_step_ = step_;
  }

  TrainingSession& session_;
  RunConfig& config_;
  const TrainingConfig& training_;
  EnvSpec spec_;
  std::unique_ptr<WorldModelAgent> agent_;
  std::unique_ptr<Experience> experience_;
  SequenceStream batches_;

  int64_t step_ = 0;
  int64_t updates_ = 0;
  double owed_updates_ = 0.0;
  bool has_statistics_ = false;
  TensorMap losses_;
  int64_t saved_step_ = -1;  // of the newest checkpoint; -1 = none yet
  double waited_ = 0.0;      // [s] for batches since the last row of the log
  double last_log_time_ = 0.0;
  int64_t last_log_updates_ = 0;
};

TrainingResult train_world_model(TrainingSession& session, std::optional<Checkpoint> resume) {
  set_compute_threads(static_cast<int>(session.config.threads));
  WorldModelLoop loop(session);
  if (resume) {
    loop.restore(*resume);
    resume.reset();
  }
  write_file_atomically(session.directory.config_file(), session.config.fields().to_toml());
  return loop.run();
}

TrainingConfig world_model_defaults() {
  TrainingConfig config;
  config.updates_per_step = 0.01;  // a sequence holds many steps, and costs as many pictures
  config.log_every = 50;
  config.checkpoint_every = 500;
  config.picture_every = 500;
  config.decoder_updates = 1500;
  return config;
}

}  // namespace

const TrainingLoop& world_model_loop() {
  static const TrainingLoop loop = {
      .defaults = world_model_defaults(),
      .describe = [](TrainingConfig& config,
                     ConfigFields& fields) { config.describe_world_model(fields); },
      .train = train_world_model,
      .groups =
          [](const TrainingConfig& config) {
            std::vector<std::string> groups = {"model", "optimizer"};
            if (config.dataset.empty()) {
              groups.insert(groups.end(), {"replay", "held_out", "environments"});
            }
            return groups;
          },
      .check_resume =
          [](const RunConfig& config, const Checkpoint& saved) {
            const std::string& path = config.training.dataset;
            if (!path.empty()) DatasetIdentity::of(*Dataset::open(path)).check(saved);
          },
      .can_resume =
          [](const TrainingConfig& config) {
            return config.save_replay || !config.dataset.empty();
          }};
  return loop;
}

}  // namespace reverie
