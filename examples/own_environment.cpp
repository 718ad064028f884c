// An environment of your own, outside of the tree, and an agent of the registry that learns it.
//
//   own_environment [STEPS]
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "agents/evaluation.h"
#include "agents/random/random_agent.h"
#include "agents/training/trainer.h"
#include "agents/training/transition_trainer.h"
#include "core/random.h"
#include "envs/registry.h"

using namespace reverie;

namespace {

// A cart on a rail, moved by a force. It should stand still in the middle.
class Cart final : public Env {
 public:
  static constexpr double kDt = 0.1;  // [s]
  static constexpr int64_t kMaxSteps = 100;

  const EnvSpec& spec() const override { return spec_; }

  void reset(uint64_t seed, FieldViews obs) override {
    Rng rng(seed);
    position_ = rng.uniform(-1.0, 1.0);
    velocity_ = 0.0;
    steps_ = 0;
    observe(obs);
  }

  StepResult step(ConstFieldView action, FieldViews obs) override {
    check_action(spec_.id, spec_.action, action);
    const double force = std::clamp(static_cast<double>(action.as<float>()[0]), -2.0, 2.0);
    velocity_ += kDt * force;
    position_ = std::clamp(position_ + kDt * velocity_, -2.0, 2.0);
    ++steps_;
    observe(obs);
    return {.reward = -position_ * position_ - 0.1 * velocity_ * velocity_,
            .truncated = steps_ == kMaxSteps};
  }

  std::vector<double> state() const override {
    return {position_, velocity_, static_cast<double>(steps_)};
  }

  void set_state(std::span<const double> state) override {
    REVERIE_CHECK(state.size() == 3, "cart: a state of {} numbers, expected 3", state.size());
    position_ = state[0];
    velocity_ = state[1];
    steps_ = static_cast<int64_t>(state[2]);
  }

  void draw(Canvas& /*canvas*/, View /*view*/) const override {}

 private:
  void observe(FieldViews obs) const {
    const auto out = obs[0].as<float>();
    out[0] = static_cast<float>(position_);
    out[1] = static_cast<float>(velocity_);
  }

  EnvSpec spec_ = {.id = "cart",
                   .observation = {{.name = "observation", .shape = {2}}},
                   .action = Field{.name = "action", .shape = {1}, .low = {-2.0F}, .high = {2.0F}},
                   .dt = kDt,
                   .max_steps = kMaxSteps,
                   .source = "examples/own_environment.cpp"};
  double position_ = 0.0;  // [m]
  double velocity_ = 0.0;  // [m/s]
  int64_t steps_ = 0;
};

struct CartConfig final : EnvConfig {
  void describe(ConfigFields& /*fields*/) override {}  // no options
  EnvMaker maker() const override {
    return [] { return std::make_unique<Cart>(); };
  }
};

}  // namespace

int main(int argc, char** argv) {
  // From here on "cart" is an environment like any other, wrappers included.
  add_environment({.id = "cart", .summary = "a cart that is to stand still", .config = [] {
                     return std::make_unique<CartConfig>();
                   }});

  const std::unique_ptr<RunConfig> config = make_run_config("cart", "ddpg");
  config->steps = argc > 1 ? std::atoll(argv[1]) : 10000;
  auto& training = dynamic_cast<TransitionTraining&>(*config->training);
  training.gathering.learning_starts = 1000;
  training.drive_options.evaluate_every = 0;

  const auto folder = std::filesystem::temp_directory_path() / "reverie-own-environment";
  std::filesystem::remove_all(folder);
  RunDirectory directory = RunDirectory::create(folder);
  MetricLog log(folder);
  ProgressBar progress(config->steps, {.label = "cart"});
  const std::atomic<bool> stop = false;
  TrainingSession session{*config, directory, log, progress, stop};
  const std::unique_ptr<Trainer> trainer = config->training->make(*config, {});
  drive(session, *trainer);
  progress.finish();

  const EnvMaker make = config->env_config->maker();
  const auto mean_return = [&](const ActorMaker& actor) {
    return mean_of_numbers(episode_returns(evaluate(actor, make, {.episodes = 50, .seed = 1})));
  };
  const double random = mean_return(random_actors(make()->spec()));
  const double learnt = mean_return(
      [&](int64_t num_envs, uint64_t seed) { return trainer->agent().actor(num_envs, {}, seed); });
  std::cout << "return " << learnt << ", of random actions " << random << "\n";
  std::filesystem::remove_all(folder);
  return learnt > random ? 0 : 1;
}
