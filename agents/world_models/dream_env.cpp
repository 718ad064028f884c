#include "agents/world_models/dream_env.h"

#include <algorithm>

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
    REVERIE_CHECK(state.size() == dreams_.state_size() + 2, "{}: a state of {} numbers, expected {}",
                  spec_.id, state.size(), dreams_.state_size() + 2);
    dreams_.set_state(0, state.first(dreams_.state_size()));
    steps_ = static_cast<int64_t>(state[dreams_.state_size()]);
    has_ended_ = state.back() != 0.0;
  }

  void draw(Canvas& canvas, View /*view*/) const override { draw_whole(canvas, dreams_.picture(0)); }

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
        action_field_(action_field(spec_.action)),
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
    for (size_t i = 0; i < lanes_.size(); ++i) {
      lanes_[i] = {};
      begin(i, 0);
    }
    finished_.clear();
    write_seen(dreams_.seen(), obs_.all());
    return result();
  }

  void step_async(ConstFieldView actions) override {
    check_actions(spec_, actions, num_envs());
    actions_ = dreams_.world().unit_actions(actions);
  }

  VectorStep wait() override {
    const DreamWorlds::Outcome outcome = dreams_.step(actions_);
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
      for (const uint64_t word : {lane.seed >> 32, lane.seed & 0xffffffffU, seed_ >> 32,
                                  seed_ & 0xffffffffU, static_cast<uint64_t>(lane.episode),
                                  static_cast<uint64_t>(lane.length)}) {
        out.state.push_back(static_cast<double>(word));
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
    for (size_t i = 0; i < lanes_.size(); ++i) {
      const std::span<const double> all = snapshot.state;
      const std::span<const double> mine = all.subspan(i * each, each);
      dreams_.set_state(static_cast<int64_t>(i), mine.first(dreams_.state_size()));
      const std::span<const double> lane = mine.last(kLaneNumbers);
      for (const double word : lane.first(kLaneNumbers - 1)) {
        REVERIE_CHECK(word >= 0.0 && word < 9e15, "{}: a state with a count of {}", spec_.id, word);
      }
      const auto word = [&](size_t k) { return static_cast<uint64_t>(lane[k]); };
      lanes_[i].seed = word(0) << 32 | word(1);
      seed_ = word(2) << 32 | word(3);
      lanes_[i].episode = static_cast<int64_t>(word(4));
      lanes_[i].length = static_cast<int64_t>(word(5));
      lanes_[i].episode_return = lane[6];
    }
    finished_.clear();
    write_seen(dreams_.seen(), obs_.all());
  }

 private:
  static constexpr size_t kLaneNumbers = 7;

  void begin(size_t i, int64_t episode) {
    const size_t k = static_cast<size_t>(episode) * lanes_.size() + i;
    lanes_[i].episode = episode;
    lanes_[i].length = 0;
    lanes_[i].episode_return = 0.0;
    lanes_[i].seed = k < episode_seeds_.size() ? episode_seeds_[k]
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
  const Field action_field_;
  const std::vector<uint64_t> episode_seeds_;
  DreamWorlds dreams_;
  std::vector<EnvLane> lanes_;  // without environments
  FieldRows obs_, final_obs_;
  std::vector<double> reward_;
  std::vector<uint8_t> terminated_, truncated_;
  std::vector<Episode> finished_;
  at::Tensor actions_;  // of the running step
  uint64_t seed_ = 0;
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
  LearntConfig(std::string id, std::string folder) : id_(std::move(id)), folder_(std::move(folder)) {}

  void describe(ConfigFields& f) override {
    f.add("model_checkpoint", checkpoint_, "checkpoint of the run's world model: latest, best or a step");
  }

 protected:
  std::shared_ptr<const LearntWorld> world() const {
    if (!world_ || opened_ != checkpoint_) {
      world_ = LearntWorld::open(id_, folder_, {.device = "cpu", .checkpoint = checkpoint_});
      opened_ = checkpoint_;
    }
    return world_;
  }

  const std::string id_;

 private:
  const std::string folder_;
  std::string checkpoint_ = "latest";
  mutable std::shared_ptr<const LearntWorld> world_;
  mutable std::string opened_;
};

class DreamConfig final : public LearntConfig {
 public:
  using LearntConfig::LearntConfig;

  void describe(ConfigFields& f) override {
    LearntConfig::describe(f);
    f.add("temperature", options_.temperature,
          "temperature of what comes next: above 1 less sure, below 1 surer than the model",
          {.low = 0, .high = 100, .open_low = true});
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
  return {.id = id,
          .summary = summary,
          .config = [id, path = std::string(folder)] { return std::make_unique<Config>(id, path); }};
}

}  // namespace

void add_learnt_worlds() {
  add_environments("dream", [](std::string_view folder) {
    return entry_of<DreamConfig>("dream", "the dream of a run of world-models", folder);
  });
  add_environments("latent", [](std::string_view folder) {
    return entry_of<LatentConfig>("latent", "a run's environment as its world model sees it", folder);
  });
}

}  // namespace reverie
