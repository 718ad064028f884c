#include "agents/world_models/dream_env.h"

#include <algorithm>
#include <cmath>

#include "agents/training/picture_sheet.h"
#include "agents/world_models/dream_worlds.h"
#include "envs/env_lane.h"
#include "envs/registry.h"
#include "envs/vector_env.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Draws a picture over the whole canvas, without changing its shape.
void draw_whole(Canvas& canvas, const at::Tensor& picture) {
  const double scale = std::min(static_cast<double>(canvas.width()) / picture.size(1),
                                static_cast<double>(canvas.height()) / picture.size(0));
  const ImageSize size{.width = std::max(1, static_cast<int>(scale * picture.size(1))),
                       .height = std::max(1, static_cast<int>(scale * picture.size(0)))};
  canvas.clear({0, 0, 0});
  draw_picture(canvas, (canvas.width() - size.width) / 2, (canvas.height() - size.height) / 2, size,
               picture);
}

struct DreamOptions {
  double temperature = 1.0;
  int64_t max_steps = 0;  // 0 = the real environment's
};

EnvSpec dream_spec(const LearntWorld& world, const DreamOptions& options) {
  EnvSpec spec = world.seen_spec();
  if (options.max_steps > 0) spec.max_steps = options.max_steps;
  spec.reference.reset();  // imagined returns are no scores
  spec.source = fmt::format("the world model of {}, step {}", world.id, world.run.step);
  return spec;
}

// One dream.
class DreamEnv final : public Env {
 public:
  DreamEnv(std::shared_ptr<const LearntWorld> world, const DreamOptions& options)
      : spec_(dream_spec(*world, options)), dreams_(std::move(world), 1, options.temperature) {}

  const EnvSpec& spec() const override { return spec_; }

  void reset(uint64_t seed, FieldViews obs) override {
    dreams_.begin(0, seed);
    steps_ = 0;
    has_ended_ = false;
    write_seen(dreams_.seen(), obs);
  }

  StepResult step(ConstFieldView action, FieldViews obs) override {
    REVERIE_CHECK(!has_ended_, "{}: a step after the end of the episode", spec_.id);
    check_action(spec_.id, spec_.action, action);
    const DreamWorlds::Outcome outcome = dreams_.step(dreams_.world().unit_actions(action));
    ++steps_;
    const StepResult result{.reward = outcome.reward.item<double>(),
                            .terminated = outcome.ended.item<bool>(),
                            .truncated = spec_.max_steps > 0 && steps_ >= spec_.max_steps};
    has_ended_ = result.terminated || result.truncated;
    write_seen(dreams_.seen(), obs);
    return result;
  }

  std::vector<double> state() const override {
    std::vector<double> numbers = dreams_.state(0);
    numbers.push_back(static_cast<double>(steps_));
    numbers.push_back(has_ended_ ? 1.0 : 0.0);
    return numbers;
  }

  void set_state(std::span<const double> state) override {
    REVERIE_CHECK(state.size() == dreams_.state_size() + 2,
                  "{}: a state of {} numbers, expected {}", spec_.id, state.size(),
                  dreams_.state_size() + 2);
    const double steps = state[dreams_.state_size()], ended = state.back();
    REVERIE_CHECK(steps >= 0.0 && steps < 9e15 && steps == std::floor(steps) &&
                      (ended == 0.0 || ended == 1.0),
                  "{}: a state of {} steps that has ended: {}", spec_.id, steps, ended);
    dreams_.set_state(0, state.first(dreams_.state_size()));
    steps_ = static_cast<int64_t>(steps);
    has_ended_ = ended != 0.0;
  }

  void draw(Canvas& canvas, View /*view*/) const override {
    draw_whole(canvas, dreams_.picture(0));
  }

 private:
  const EnvSpec spec_;
  DreamWorlds dreams_;
  int64_t steps_ = 0;
  bool has_ended_ = false;
};

// N dreams that step together.
class DreamVectorEnv final : public VectorEnv {
 public:
  DreamVectorEnv(std::shared_ptr<const LearntWorld> world, const DreamOptions& dream,
                 const VectorEnvOptions& options)
      : spec_(dream_spec(*world, dream)),
        episode_seeds_(options.episode_seeds),
        dreams_(std::move(world), options.num_envs, dream.temperature),
        lanes_(static_cast<size_t>(options.num_envs)),
        obs_(spec_.observation, options.num_envs),
        final_obs_(spec_.observation, options.num_envs),
        reward_(lanes_.size()),
        terminated_(lanes_.size()),
        truncated_(lanes_.size()) {}

  const EnvSpec& spec() const override { return spec_; }
  int64_t num_envs() const override { return static_cast<int64_t>(lanes_.size()); }
  FieldViews observations() const override { return obs_.all(); }

  VectorStep reset(uint64_t seed) override {
    seed_ = seed;
    started_ = true;
    actions_ = at::Tensor();
    for (size_t i = 0; i < lanes_.size(); ++i) {
      lanes_[i] = {};
      begin(i, 0);
    }
    finished_.clear();
    write_seen(dreams_.seen(), obs_.all());
    return result();
  }

  void step_async(ConstFieldView actions) override {
    REVERIE_CHECK(started_, "{}: a step before reset()", spec_.id);
    REVERIE_CHECK(!actions_.defined(), "{}: a step while another one is running", spec_.id);
    check_actions(spec_, actions, num_envs());
    actions_ = dreams_.world().unit_actions(actions);
  }

  VectorStep wait() override {
    REVERIE_CHECK(actions_.defined(), "{}: wait() without a step", spec_.id);
    const DreamWorlds::Outcome outcome = dreams_.step(actions_);
    actions_ = at::Tensor();
    finished_.clear();
    for (size_t i = 0; i < lanes_.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      EnvLane& lane = lanes_[i];
      ++lane.length;
      reward_[i] = outcome.reward[row].item<double>();
      lane.episode_return += reward_[i];
      terminated_[i] = outcome.ended[row].item<bool>() ? 1 : 0;
      truncated_[i] = spec_.max_steps > 0 && lane.length >= spec_.max_steps ? 1 : 0;
      if (terminated_[i] != 0 || truncated_[i] != 0) {
        finished_.push_back({.env = row,
                             .index = lane.episode,
                             .seed = lane.seed,
                             .episode_return = lane.episode_return,
                             .length = lane.length,
                             .terminated = terminated_[i] != 0});
      }
    }
    if (!finished_.empty()) {
      write_seen(dreams_.seen(), final_obs_.all());
      for (const Episode& episode : finished_) {
        begin(static_cast<size_t>(episode.env), episode.index + 1);
      }
    }
    write_seen(dreams_.seen(), obs_.all());
    return result();
  }

  VectorEnvSnapshot snapshot() const override {
    VectorEnvSnapshot out;
    for (size_t i = 0; i < lanes_.size(); ++i) {
      const std::vector<double> dream = dreams_.state(static_cast<int64_t>(i));
      out.state.insert(out.state.end(), dream.begin(), dream.end());
      const EnvLane& lane = lanes_[i];
      for (const uint64_t word : {lane.seed, seed_, static_cast<uint64_t>(lane.episode),
                                  static_cast<uint64_t>(lane.length)}) {
        push_word(out.state, word);
      }
      out.state.push_back(lane.episode_return);
    }
    return out;
  }

  void restore(const VectorEnvSnapshot& snapshot) override {
    const size_t each = dreams_.state_size() + kLaneNumbers;
    REVERIE_CHECK(snapshot.state.size() == each * lanes_.size(),
                  "{}: a state of {} numbers, expected {} of {} environments", spec_.id,
                  snapshot.state.size(), each * lanes_.size(), lanes_.size());
    started_ = false;  // until all of it is restored
    actions_ = at::Tensor();
    const std::span<const double> all = snapshot.state;
    for (size_t i = 0; i < lanes_.size(); ++i) {
      const std::span<const double> mine = all.subspan(i * each, each);
      dreams_.set_state(static_cast<int64_t>(i), mine.first(dreams_.state_size()));
      const std::span<const double> numbers = mine.last(kLaneNumbers);
      const auto word = [&](size_t k) {
        return joined_word(spec_.id, numbers[2 * k], numbers[2 * k + 1]);
      };
      EnvLane& lane = lanes_[i];
      lane.seed = word(0);
      seed_ = word(1);
      lane.episode = static_cast<int64_t>(word(2));
      lane.length = static_cast<int64_t>(word(3));
      lane.episode_return = numbers.back();
      REVERIE_CHECK(lane.episode >= 0 && lane.length >= 0 && std::isfinite(lane.episode_return),
                    "{}: a state with episode {}, length {} and return {}", spec_.id, lane.episode,
                    lane.length, lane.episode_return);
    }
    started_ = true;
    finished_.clear();
    write_seen(dreams_.seen(), obs_.all());
  }

 private:
  static constexpr size_t kLaneNumbers = 9;

  void begin(size_t i, int64_t episode) {
    const size_t k = static_cast<size_t>(episode) * lanes_.size() + i;
    lanes_[i].episode = episode;
    lanes_[i].length = 0;
    lanes_[i].episode_return = 0.0;
    lanes_[i].seed = k < episode_seeds_.size()
                         ? episode_seeds_[k]
                         : mix_seed({seed_, i, static_cast<uint64_t>(episode)});
    dreams_.begin(static_cast<int64_t>(i), lanes_[i].seed);
  }

  VectorStep result() const {
    return {.obs = obs_.all(),
            .final_obs = final_obs_.all(),
            .reward = reward_,
            .terminated = terminated_,
            .truncated = truncated_,
            .finished = finished_};
  }

  const EnvSpec spec_;
  const std::vector<uint64_t> episode_seeds_;
  DreamWorlds dreams_;
  std::vector<EnvLane> lanes_;  // without environments
  FieldRows obs_, final_obs_;
  std::vector<double> reward_;
  std::vector<uint8_t> terminated_, truncated_;
  std::vector<Episode> finished_;
  at::Tensor actions_;  // of the running step; undefined without one
  uint64_t seed_ = 0;
  bool started_ = false;
};

// The real environment behind a model's eyes.
class LatentEnv final : public Env {
 public:
  LatentEnv(std::shared_ptr<const LearntWorld> world, std::unique_ptr<Env> real)
      : world_(std::move(world)),
        spec_(world_->seen_spec()),
        real_(std::move(real)),
        pixels_(real_->spec().observation, 1),
        perception_(*world_->model, 1) {}

  const EnvSpec& spec() const override { return spec_; }

  void reset(uint64_t seed, FieldViews obs) override {
    real_->reset(seed, pixels_.all());
    perception_.begin(at::ones({1}, at::kBool));
    look(obs);
  }

  StepResult step(ConstFieldView action, FieldViews obs) override {
    const StepResult result = real_->step(action, pixels_.all());
    perception_.act(world_->unit_actions(action));
    look(obs);
    return result;
  }

  // The simulator's, then what is seen and remembered.
  std::vector<double> state() const override {
    std::vector<double> numbers = real_->state();
    const std::vector<double> seen = perception_.numbers();
    numbers.insert(numbers.end(), seen.begin(), seen.end());
    return numbers;
  }

  void set_state(std::span<const double> state) override {
    const size_t seen = perception_.numbers().size();
    REVERIE_CHECK(state.size() > seen, "{}: a state of {} numbers, expected more than {}", spec_.id,
                  state.size(), seen);
    real_->set_state(state.first(state.size() - seen));
    perception_.set_numbers(state.last(seen));
  }

  void draw(Canvas& canvas, View view) const override { real_->draw(canvas, view); }
  Metrics metrics() const override { return real_->metrics(); }

 private:
  void look(FieldViews obs) {
    write_seen(perception_.see(borrow_tensors(pixels_.all()).at("pixels")), obs);
  }

  const std::shared_ptr<const LearntWorld> world_;
  const EnvSpec spec_;
  const std::unique_ptr<Env> real_;
  FieldRows pixels_;
  Perception perception_;
};

// Options and model of both; the model is opened once.
class LearntConfig : public EnvConfig {
 public:
  LearntConfig(std::string id, std::string folder)
      : id_(std::move(id)), folder_(std::move(folder)) {}

  void describe(ConfigFields& f) override {
    f.add(
        "model_checkpoint", checkpoint_,
        "checkpoint of the run's world model: latest, best or a step; a run that trains here keeps "
        "the latest one's step");
  }

 protected:
  std::shared_ptr<const LearntWorld> world() const {
    if (!world_ || opened_ != checkpoint_) {
      world_ = LearntWorld::open(id_, folder_, {.device = "cpu", .checkpoint = checkpoint_});
      // So that a run's config names the world that it was trained in, whatever comes later.
      if (checkpoint_ == "latest") checkpoint_ = std::to_string(world_->run.step);
      opened_ = checkpoint_;
    }
    return world_;
  }

  const std::string id_;

 private:
  const std::string folder_;
  mutable std::string checkpoint_ = "latest";
  mutable std::shared_ptr<const LearntWorld> world_;
  mutable std::string opened_;
};

class DreamConfig final : public LearntConfig {
 public:
  using LearntConfig::LearntConfig;

  void describe(ConfigFields& f) override {
    LearntConfig::describe(f);
    f.add("dream_temperature", options_.temperature,
          "temperature of what comes next: above 1 less sure, below 1 surer than the model",
          {.low = 0, .high = 100, .open_low = true});
    f.set_short_name("dream_temperature", "temperature");  // planners and iql have one of their own
    f.add("max_steps", options_.max_steps,
          "steps after which an episode is truncated; 0 = as in the real environment", at_least(0));
  }

  EnvMaker maker() const override {
    DreamWorlds(world(), 1, options_.temperature);  // what cannot be dreamt is refused here
    return [world = world(), options = options_] {
      return std::make_unique<DreamEnv>(world, options);
    };
  }

  std::unique_ptr<VectorEnv> vector_env(const VectorEnvOptions& options) const override {
    if (options.autoreset != AutoReset::kSameStep) return EnvConfig::vector_env(options);
    return std::make_unique<DreamVectorEnv>(world(), options_, options);
  }

 private:
  DreamOptions options_;
};

class LatentConfig final : public LearntConfig {
 public:
  using LearntConfig::LearntConfig;

  EnvMaker maker() const override {
    return [world = world(), real = world()->run.config->env_config->maker()] {
      return std::make_unique<LatentEnv>(world, real());
    };
  }
};

template <typename Config>
EnvEntry entry_of(const char* scheme, const char* summary, std::string_view folder) {
  const std::string id = fmt::format("{}:{}", scheme, folder);
  return {.id = id, .summary = summary, .config = [id, path = std::string(folder)] {
            return std::make_unique<Config>(id, path);
          }};
}

}  // namespace

void add_learnt_worlds() {
  add_environments("dream", [](std::string_view folder) {
    return entry_of<DreamConfig>("dream", "the dream of a run of world-models", folder);
  });
  add_environments("latent", [](std::string_view folder) {
    return entry_of<LatentConfig>("latent", "a run's environment as its world model sees it",
                                  folder);
  });
}

}  // namespace reverie
