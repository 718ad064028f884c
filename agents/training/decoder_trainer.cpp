#include "agents/training/decoder_trainer.h"

#include "agents/space_adapter.h"
#include "agents/training/decoder_training.h"
#include "agents/training/latent_pictures.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Model steps of the rollouts drawn at the end.
constexpr int64_t kDrawnSteps = 8;

class DecoderTrainer final : public Trainer {
 public:
  DecoderTrainer(const RunConfig& config, WorldModelAgent& agent, const Experience& experience,
                 int64_t updates)
      : config_(config),
        agent_(agent),
        experience_(experience),
        pixels_(SpaceAdapter::adapt(config.env_config->spec()).field("pixels")),
        options_{.updates = updates, .seed = config.seed_for("decoder")},
        learner_(make_learner()) {}

  void start() override {
    learner_ = make_learner();
    learner_->take_statistics();
  }

  void turn() override { learner_->update(); }

  TrainingCounts counts() const override {
    return {.position = learner_->updates(), .updates = learner_->updates()};
  }

  Agent& agent() override { return agent_; }

  TrainingRow metrics() override {
    TrainingRow row;
    if (learner_->updates() == 0) return row;
    row.values.emplace_back("loss/decoder", learner_->loss());
    row.shown.emplace_back("decoder", row.values.back().second);
    return row;
  }

  void state(StateList& list) override { learner_->state(list); }

  void finish(const TrainingSession& session) override {
    const int64_t step = session.config.training->length(session.config);
    learner_->decoder().save_file(decoder_file(session.directory.path()), step);
    write_decoder_sheet(session.directory.videos() / "decoder.png",
                        fmt::format("{}   {}   step {}", config_.env, config_.agent, step),
                        agent_.model(), learner_->decoder(), experience_.held_out(), kDrawnSteps,
                        config_.seed_for("decoder pictures"));
  }

 private:
  std::unique_ptr<DecoderLearner> make_learner() {
    return std::make_unique<DecoderLearner>(agent_.model(), experience_.training(), pixels_,
                                            options_);
  }

  const RunConfig& config_;
  WorldModelAgent& agent_;
  const Experience& experience_;
  const Field pixels_;
  const DecoderTrainingOptions options_;
  std::unique_ptr<DecoderLearner> learner_;
};

}  // namespace

std::unique_ptr<Trainer> make_decoder_trainer(const RunConfig& config, WorldModelAgent& agent,
                                              const Experience& experience, int64_t updates) {
  return std::make_unique<DecoderTrainer>(config, agent, experience, updates);
}

}  // namespace reverie
