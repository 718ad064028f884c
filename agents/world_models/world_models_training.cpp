#include "agents/world_models/world_models_training.h"

#include "agents/evolution/population_trainer.h"
#include "agents/space_adapter.h"
#include "agents/trained_run.h"
#include "agents/training/experience.h"
#include "agents/training/gathering.h"
#include "agents/training/stages.h"
#include "agents/world_models/vision_pictures.h"
#include "agents/world_models/world_models_agent.h"
#include "nn/pch.h"

namespace reverie {

WorldModelsTraining::WorldModelsTraining() {
  gathering.num_envs = 16;
  gathering.learning_starts = 100000;
  drive_options.log_every = 200;
  drive_options.checkpoint_every = 1000000;
  drive_options.checkpoint_minutes = 5.0;
  drive_options.picture_every = 2000;
  data.held_out = 0.1;
}

void WorldModelsTraining::describe(ConfigFields& f) {
  f.add("dataset", data.path, "dataset to learn the model from; \"\" = gathered experience");
  f.add("held_out", data.held_out, "share of episodes held out from training",
        {.low = 0, .high = 0.9, .open_low = true});
  f.add("gather_policy", gather_policy,
        "policy that gathers experience: random, or another agent that needs no training");
  f.add("num_envs", gathering.num_envs, "environments that gather together", between(1, 65536));
  f.add("learning_starts", gathering.learning_starts,
        "steps that are gathered before the model learns; none with a dataset", at_least(0));
  f.add("vae_updates", vae_updates, "updates of the VAE", at_least(0));
  f.add("rnn_updates", rnn_updates, "updates of the recurrent model", at_least(0));
  f.add("controller", controller, "evolve a controller, for --steps; off, train the model alone");
  f.add("model_from", model_from,
        "run whose VAE and recurrent model this one begins with; \"\" = random weights");
  f.set_lifelong({"held_out", "gather_policy", "num_envs", "learning_starts", "vae_updates",
                  "rnn_updates", "model_from"});
  describe_limits(f, limits);
  replay.describe_storage(f);
  f.add("save_replay", replay.save_replay,
        "save what was gathered too, so that a run can be resumed");
  f.set_without_effect({"save_replay"});
  drive_options.describe(f);
  drive_options.describe_evaluation(f);
  f.add("picture_every", drive_options.picture_every,
        "steps between pictures of what the VAE and the recurrent model know; 0 = none",
        at_least(0));
  f.set_without_effect({"picture_every"});
}

int64_t WorldModelsTraining::length(const RunConfig& config) const {
  return collect_length() + vae_updates + rnn_updates + controller_length(config);
}

int64_t WorldModelsTraining::controller_length(const RunConfig& config) const {
  if (!controller) return 0;
  return config.steps > 0 ? config.steps : RunConfig::kDefaultSteps;
}

namespace {

constexpr int64_t kHeldOutPictures = 256;
constexpr int64_t kHeldOutSequences = 64;

const std::string kMean = "mean", kLogVariance = "log_variance";

// The codes of pictures in their place.
EnvSpec code_spec(const EnvSpec& spec, int64_t latent_size) {
  EnvSpec codes = spec;
  codes.observation = {{.name = kMean, .shape = {latent_size}},
                       {.name = kLogVariance, .shape = {latent_size}}};
  return codes;
}

// What the stages work on.
class Shared {
 public:
  Shared(const RunConfig& config, const WorldModelsTraining& training,
         const TrainingConfig::Say& say)
      : config_(config),
        spec_(SpaceAdapter::adapt(config.env_config->spec())),
        agent_(make_agent_of<WorldModelsAgent>(config, spec_, "pictures, sequences and returns")),
        experience_(make_experience(config, training, spec_, say)),
        codes_(make_codes(experience_->training())),
        held_out_codes_(make_codes(experience_->held_out())) {
    const int64_t needed = agent_->config().sequence_length;
    if (training.rnn_updates > 0) experience_->check_holds(needed, "--sequence-length");
  }

  WorldModelsAgent& agent() { return *agent_; }
  const RunConfig& config() const { return config_; }
  // Null once its pictures are encoded.
  Experience* experience() { return experience_.get(); }
  const ReplayBuffer& codes(bool held_out) const { return held_out ? held_out_codes_ : codes_; }
  bool are_encoded() const { return are_encoded_; }

  // Encodes all pictures, and takes the beginnings of dreams from them.
  void encode() {
    const at::NoGradGuard no_grad;
    const Vae& vision = agent_->model().vision();
    const auto code = [&](const TensorMap& obs) {
      const GaussianCode of = vision.code(obs.at("pixels"));
      return TensorMap{{kMean, of.mean}, {kLogVariance, of.log_variance}};
    };
    codes_.encode(experience_->training(), code);
    held_out_codes_.encode(experience_->held_out(), code);
    agent_->model().set_starts(first_codes());
    experience_.reset();
    are_encoded_ = true;
  }

  // Throws Error(kRun) when sequences of that many steps cannot be drawn.
  void check_holds(int64_t steps) const {
    for (const ReplayBuffer* codes : {&codes_, &held_out_codes_}) {
      REVERIE_CHECK_RUN(codes->longest_episode() >= steps,
                        "the longest {} episode has {} steps, the memory needs {}; give a shorter "
                        "--sequence-length, or another --held-out",
                        codes == &codes_ ? "gathered" : "held-out", codes->longest_episode(),
                        steps);
    }
  }

  // Lists the pictures until they are encoded, from then on the codes.
  void state(StateList& list) {
    list.add("encoded", are_encoded_);
    if (experience_) list.add_part("pictures", *experience_, !are_encoded_);
    CodesState codes{codes_, held_out_codes_};
    list.add_part("codes", codes, are_encoded_);
    list.after_load([this] {
      if (are_encoded_) experience_.reset();
    });
  }

 private:
  struct CodesState {
    ReplayBuffer &codes, &held_out;
    void state(StateList& list) {
      // A part of a checkpoint exists where it has a text.
      list.add_text(
          "of", [] { return "pictures"; }, [](const std::string&) {});
      codes.list_state(list, "codes");
      held_out.list_state(list, "held_out_codes");
    }
  };

  ReplayBuffer make_codes(const ReplayBuffer& pictures) const {
    return {code_spec(spec_, agent_->config().model.vision.latent_size), pictures.capacity(),
            pictures.lanes(), agent_->model().device()};
  }

  // The codes' means of the first pictures of episodes: [n, D], at least one.
  at::Tensor first_codes() const {
    Rng rng(config_.seed_for("beginnings of dreams"));
    const at::Tensor first = codes_.first_observations().at(kMean);
    REVERIE_CHECK(first.size(0) > 0,
                  "no picture is the first one of its episode: nothing to begin "
                  "a dream with");
    return first.index_select(
        0, NoiseSource(first.device(), rng.next_uint64()).permutation(first.size(0)));
  }

  const RunConfig& config_;
  const EnvSpec spec_;
  std::unique_ptr<WorldModelsAgent> agent_;
  std::unique_ptr<Experience> experience_;
  ReplayBuffer codes_, held_out_codes_;
  bool are_encoded_ = false;
};

// A stage: a trainer on what all stages share.
class StageTrainer : public Trainer {
 public:
  explicit StageTrainer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  void start() override {}
  Agent& agent() override { return shared_->agent(); }

 protected:
  Shared& shared() { return *shared_; }
  const Shared& shared() const { return *shared_; }
  WorldModelsAgent& world_models() { return shared_->agent(); }

  std::string title(std::string_view what, int64_t updates) const {
    return fmt::format("{}   {}   {} updates", shared_->config().env, what, updates);
  }

 private:
  const std::shared_ptr<Shared> shared_;
};

class CollectTrainer final : public StageTrainer {
 public:
  CollectTrainer(std::shared_ptr<Shared> shared, std::string model_from)
      : StageTrainer(std::move(shared)), model_from_(std::move(model_from)) {}

  void start() override {
    if (model_from_.empty()) return;
    const TrainedRun other =
        open_trained_run(RunDirectory::open(model_from_, RunDirectory::Access::kRead),
                         {.device = shared().config().device});
    auto* source = dynamic_cast<WorldModelsAgent*>(other.agent.get());
    REVERIE_CHECK(source != nullptr, "--model-from {}: a run of '{}', expected world-models",
                  model_from_, other.config->agent);
    REVERIE_CHECK(have_equal_shapes(source->model(), world_models().model()),
                  "--model-from {}: its VAE or recurrent model has other sizes than this run's",
                  model_from_);
    const EnvSpec spec = shared().config().env_config->spec();
    check_same_interface(other.trained, spec, spec.id);
    REVERIE_CHECK(other.trained.dt == spec.dt,
                  "--model-from {}: its steps last {} s, those of this run {} s (--frame-skip)",
                  model_from_, other.trained.dt, spec.dt);
    REVERIE_CHECK(source->model().end_factor() == world_models().model().end_factor(),
                  "--end-factor {}: the memory of {} learnt with {}",
                  world_models().model().end_factor(), model_from_, source->model().end_factor());
    load_state(world_models().model(), take_checkpoint(source->model()));
  }

  void turn() override {
    double unused = 0.0;
    steps_ += shared().experience()->advance(unused);
  }

  TrainingCounts counts() const override { return {.position = steps_, .steps = steps_}; }
  TrainingRow metrics() override { return {}; }

  void state(StateList& list) override {
    shared().agent().state(list);
    list.add("steps", steps_);
    shared().state(list);
  }

 private:
  const std::string model_from_;
  int64_t steps_ = 0;
};

// A stage that counts updates, with a generator for what it draws.
class UpdatesTrainer : public StageTrainer {
 public:
  UpdatesTrainer(std::shared_ptr<Shared> shared, std::string name)
      : StageTrainer(std::move(shared)),
        name_(std::move(name)),
        rng_(this->shared().config().seed_for(name_)) {}

  void turn() override {
    losses_ = update(rng_);
    ++updates_;
  }

  TrainingCounts counts() const override { return {.position = updates_, .updates = updates_}; }

  TrainingRow metrics() override {
    TrainingRow row;
    if (updates_ == 0) return row;
    for (const auto& [key, value] : read_metrics(losses_)) {
      row.values.emplace_back(name_ + "/" + key, value);
    }
    const at::NoGradGuard no_grad;
    Rng rng(shared().config().seed_for("held-out " + name_));
    for (const auto& [key, value] : read_metrics(validate(rng))) {
      row.values.emplace_back(fmt::format("held_out/{}/{}", name_, key), value);
      if (key == "loss/total") row.shown.emplace_back(name_, value);
    }
    return row;
  }

  void state(StateList& list) override {
    list.add("updates", updates_);
    list.add("rng", rng_);
  }

 protected:
  virtual TensorMap update(Rng& rng) = 0;
  virtual TensorMap validate(Rng& rng) = 0;
  int64_t updates() const { return updates_; }

 private:
  const std::string name_;
  Rng rng_;
  int64_t updates_ = 0;
  TensorMap losses_;
};

class VisionTrainer final : public UpdatesTrainer {
 public:
  explicit VisionTrainer(std::shared_ptr<Shared> shared)
      : UpdatesTrainer(std::move(shared), "vision") {}

  void draw(const TrainingSession& session) override {
    draw(session, fmt::format("_{:09}", updates()));
  }
  void finish(const TrainingSession& session) override { draw(session, ""); }

 protected:
  TensorMap update(Rng& rng) override {
    if (!drawn_.defined()) {
      Rng others(shared().config().seed_for("pictures"));
      drawn_ = pictures(true, kDrawnPictures, others);
    }
    VaeLearner& learner = world_models().vision_learner();
    return learner.update(pictures(false, learner.options().minibatch, rng));
  }

  TensorMap validate(Rng& rng) override {
    const at::Tensor seen = pictures(true, kHeldOutPictures, rng);
    return world_models().vision_learner().validate(seen, rng.next_uint64());
  }

 private:
  at::Tensor pictures(bool held_out, int64_t count, Rng& rng) {
    const Experience& experience = *shared().experience();
    const ReplayBuffer& from = held_out ? experience.held_out() : experience.training();
    return from.sample(count, {}, rng).obs.at("pixels");
  }

  void draw(const TrainingSession& session, const std::string& ending) {
    if (updates() == 0 || !drawn_.defined()) return;  // resumed behind this stage: no pictures
    write_vision_sheet(session.directory.videos() / ("vision" + ending + ".png"),
                       title("vision", updates()), world_models().model().vision(), drawn_,
                       shared().config().seed_for("drawn latents"));
  }

  at::Tensor drawn_;  // held-out pictures of the sheets
};

class MemoryTrainer final : public UpdatesTrainer {
 public:
  explicit MemoryTrainer(std::shared_ptr<Shared> shared)
      : UpdatesTrainer(std::move(shared), "memory") {}

  void start() override {
    if (!shared().are_encoded()) shared().encode();
    shared().check_holds(world_models().config().sequence_length);
  }

  void draw(const TrainingSession& session) override {
    draw(session, fmt::format("_{:09}", updates()));
  }
  void finish(const TrainingSession& session) override { draw(session, ""); }

 protected:
  TensorMap update(Rng& rng) override {
    world_models().model().note_memory_update();
    return world_models().memory_learner().update(
        sequences(false, world_models().config().rnn_minibatch, rng));
  }

  TensorMap validate(Rng& rng) override {
    return world_models().memory_learner().validate(sequences(true, kHeldOutSequences, rng),
                                                    rng.next_uint64());
  }

 private:
  // M has a place for the steps in front, the codes' has one for the sequences.
  LatentSequences sequences(bool held_out, int64_t count, Rng& rng) {
    const SequenceBatch batch = shared().codes(held_out).sample_sequences(
        count, {.length = world_models().config().sequence_length}, rng);
    const auto by_steps = [](const at::Tensor& x) { return x.transpose(0, 1).contiguous(); };
    return {.mean = by_steps(batch.obs.at(kMean)),
            .log_variance = by_steps(batch.obs.at(kLogVariance)),
            .action = by_steps(world_models().model().action_code(batch.action)),
            .reward = by_steps(batch.reward),
            .ended = by_steps(batch.terminated).to(at::kFloat)};
  }

  void draw(const TrainingSession& session, const std::string& ending) {
    if (updates() == 0) return;
    Rng rng(shared().config().seed_for("dreams"));
    const LatentSequences seen = sequences(true, kDrawnDreams, rng);
    write_dream_sheet(session.directory.videos() / ("memory" + ending + ".png"),
                      title("memory", updates()), world_models().model(), seen, rng.next_uint64());
  }
};

// The controller's stage.
class ControllerTrainer final : public StageTrainer {
 public:
  ControllerTrainer(std::shared_ptr<Shared> shared, const WorldModelsTraining& training)
      : StageTrainer(std::move(shared)),
        spec_(this->shared().config().env_config->spec()),
        trainer_(world_models(), spec_,
                 population_task(this->shared().config(), training.limits,
                                 training.controller_length(this->shared().config()))) {}

  // Without a memory that learns, nothing was encoded yet.
  void start() override {
    if (!shared().are_encoded() && shared().experience()->training().size() > 0) shared().encode();
    trainer_.start();
  }
  void turn() override { trainer_.turn(); }
  TrainingCounts counts() const override { return trainer_.counts(); }
  TrainingRow metrics() override { return trainer_.metrics(); }
  void finish(const TrainingSession& session) override { trainer_.finish(session); }
  void state(StateList& list) override { trainer_.state(list); }

 private:
  const EnvSpec spec_;
  PopulationTrainer trainer_;
};

}  // namespace

std::unique_ptr<Trainer> WorldModelsTraining::make(const RunConfig& config, const Say& say) const {
  REVERIE_CHECK(
      model_from.empty() || vae_updates == 0 || rnn_updates > 0,
      "--vae-updates {} with --model-from and --rnn-updates 0: the memory would read other "
      "codes than it has learnt; give --rnn-updates too",
      vae_updates);
  REVERIE_CHECK(model_from.empty() || std::filesystem::is_directory(model_from),
                "--model-from {}: no such run", model_from);
  REVERIE_CHECK(vae_updates == 0 || !data.path.empty() || gathering.learning_starts > 0,
                "--vae-updates {}: nothing to learn from; give --learning-starts or --dataset",
                vae_updates);
  const auto shared = std::make_shared<Shared>(config, *this, say);
  std::vector<Stage> stages;
  stages.push_back({"collect", fmt::format("gathering {} steps", collect_length()),
                    collect_length(), std::make_unique<CollectTrainer>(shared, model_from)});
  if (vae_updates > 0) {
    stages.push_back({"vision", fmt::format("training the VAE, {} updates", vae_updates),
                      vae_updates, std::make_unique<VisionTrainer>(shared)});
  }
  if (rnn_updates > 0) {
    stages.push_back({"memory", fmt::format("training the memory, {} updates", rnn_updates),
                      rnn_updates, std::make_unique<MemoryTrainer>(shared)});
  }
  if (const int64_t steps = controller_length(config); steps > 0) {
    stages.push_back({"controller", fmt::format("evolving a controller, {} steps", steps), steps,
                      std::make_unique<ControllerTrainer>(shared, *this)});
  }
  return in_stages(std::move(stages));
}

}  // namespace reverie
