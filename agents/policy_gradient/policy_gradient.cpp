#include "agents/policy_gradient/policy_gradient.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "agents/continuous_actions.h"
#include "nn/pch.h"

namespace reverie {

void PolicyGradientConfig::describe(ConfigFields& f) {
  f.add("hidden_sizes", hidden_sizes, "widths of the hidden layers of policy and value function",
        between(1, 65536));
  f.add("shared_sizes", shared_sizes,
        "widths of layers before them that policy and value function share; empty = none",
        between(1, 65536));
  f.add("activation", activation, "activation between these layers", {"tanh", "relu"});
  ObservationEncoder::describe_convolutions(f, convolutions);
  f.add("memory", memory, "recurrent layer that policy and value function share",
        {"none", "lstm", "gru"});
  f.add("memory_size", memory_size, "outputs of the recurrent layer, with --memory",
        between(1, 65536));
  f.add(
      "distribution", distribution,
      "distribution of continuous actions: a Gaussian clipped to the bounds, or a Beta within them",
      {"gaussian", "beta"});
  f.add("initial_log_std", initial_log_std,
        "initial logarithm of the Gaussian's standard deviation, for actions in [-1, 1]",
        between(-20, 2));
  f.add("learning_rate", learning_rate, "Adam's step size", above(0));
  f.add("anneal_learning_rate", anneal_learning_rate,
        "lower the learning rate linearly to 0 over the run");
  f.add("gamma", gamma, "discount per environment step", between(0, 1));
  f.add("rollout_steps", rollout_steps, "steps of each environment between two updates",
        between(2, 1 << 20));
  f.add("value_coefficient", value_coefficient, "weight of the value function's loss", at_least(0));
  f.add("entropy_coefficient", entropy_coefficient, "weight of the policy's entropy [1/nat]",
        at_least(0));
  f.add("anneal_entropy", anneal_entropy, "lower the entropy's weight linearly to 0 over the run");
  f.add("max_gradient_norm", max_gradient_norm, "maximum norm of the gradient", above(0));
  f.add("normalize_advantage", normalize_advantage,
        "normalise advantages to mean 0 and standard deviation 1");
  f.add("normalize_observation", normalize_observation,
        "standardise observations by running mean and variance");
  f.add("prior", prior.folder, "run of a policy to stay near; \"\" = none");
  f.add("kl_coefficient", kl_coefficient,
        "with --prior: weight of the divergence from it, which is taken off the rewards [1/nat]",
        at_least(0));
  f.set_lifelong({"prior"});
  describe_acting(f);
}

void PolicyGradientConfig::describe_acting(ConfigFields& f) {
  f.add("deterministic_evaluation", deterministic_evaluation,
        "evaluate with the distribution's mean or most likely choice; off, with draws as in "
        "training");
}

namespace {

// Rows of a rollout whose values are computed at once: the convolutions of all would need
// gigabytes.
constexpr int64_t kRowsAtOnce = 2048;

TensorMap rows_of(const TensorMap& fields, int64_t first, int64_t count) {
  TensorMap rows;
  for (const auto& [name, values] : fields) rows.add(name, values.narrow(0, first, count));
  return rows;
}

constexpr double kHiddenGain = 1.4142135623730951;
constexpr double kPolicyGain = 0.01;
constexpr double kValueGain = 1.0;
constexpr double kMemoryGain = 1.0;

// Numbered as PyTorch's nn.Sequential(Linear, Tanh, Linear, ...) numbers them.
std::string layer_name(const std::string& net, size_t layer) {
  return fmt::format("{}.{}", net, 2 * layer);
}

void declare_perceptron(Shapes& shapes, const std::string& net, int64_t inputs,
                        const std::vector<int64_t>& hidden, int64_t outputs) {
  size_t layer = 0;
  for (const int64_t width : hidden) {
    Linear::declare(shapes, layer_name(net, layer++), inputs, width);
    inputs = width;
  }
  Linear::declare(shapes, layer_name(net, layer), inputs, outputs);
}

std::vector<Linear> perceptron(const Parameters& parameters, const std::string& net,
                               size_t layers) {
  std::vector<Linear> out;
  for (size_t i = 0; i < layers; ++i) out.emplace_back(parameters, layer_name(net, i));
  return out;
}

void reset_perceptron(const Parameters& parameters, const std::string& net, size_t layers,
                      double output_gain, Rng& rng) {
  for (size_t i = 0; i < layers; ++i) {
    fill_orthogonal(parameters.at(layer_name(net, i) + ".weight"),
                    i + 1 < layers ? kHiddenGain : output_gain, rng);
  }
}

const std::string kDraw = "draw", kLogProb = "log_prob", kMemory = "memory";
const std::string kShared = "shared";

std::optional<RecurrentKind> memory_kind(const PolicyGradientConfig& config) {
  if (config.memory == "none") return std::nullopt;
  return config.memory == "gru" ? RecurrentKind::kGru : RecurrentKind::kLstm;
}

Shapes shapes_of(const EnvSpec& spec, const PolicyGradientConfig& config, int64_t features,
                 const Field& draw, bool beta, bool gaussian) {
  Shapes shapes;
  for (size_t i = 0; i < config.shared_sizes.size(); ++i) {
    Linear::declare(shapes, layer_name(kShared, i), features, config.shared_sizes[i]);
    features = config.shared_sizes[i];
  }
  const std::optional<RecurrentKind> memory = memory_kind(config);
  const int64_t encoded = features;
  if (memory) features = config.memory_size;
  const auto* discrete = std::get_if<DiscreteSpace>(&spec.action);
  const int64_t outputs = discrete != nullptr ? discrete->n : draw.numel() * (beta ? 2 : 1);
  declare_perceptron(shapes, "policy", features, config.hidden_sizes, outputs);
  declare_perceptron(shapes, "value", features, config.hidden_sizes, 1);
  if (gaussian) shapes.push_back({"log_std", {draw.numel()}});
  if (memory) RecurrentLayer::declare(shapes, kMemory, *memory, encoded, config.memory_size);
  return shapes;
}

}  // namespace

ActorCritic::Kind ActorCritic::kind_of(const EnvSpec& spec, const PolicyGradientConfig& config) {
  const bool beta = config.distribution == "beta";
  if (std::holds_alternative<DiscreteSpace>(spec.action)) {
    REVERIE_CHECK(!beta, "{} has discrete actions; --distribution beta needs continuous ones",
                  spec.id);
    return Kind::kCategorical;
  }
  continuous_action_size(spec);  // throws unless it is a vector
  return beta ? Kind::kBeta : Kind::kGaussian;
}

ActorCritic::ActorCritic(const EnvSpec& spec, const PolicyGradientConfig& config, Rng& rng,
                         at::Device device)
    : kind_(kind_of(spec, config)),
      relu_(config.activation == "relu"),
      draw_field_(action_field(spec.action)),
      encoder_(spec,
               {.convolutions = config.convolutions,
                .normalize_observation = config.normalize_observation},
               rng, device),
      parameters_(shapes_of(spec, config, encoder_.size(), draw_field_, kind_ == Kind::kBeta,
                            kind_ == Kind::kGaussian),
                  device) {
  if (Parameters* convolutions = encoder_.parameters()) {
    for (const auto& [name, parameter] : convolutions->named()) {
      if (parameter.dim() == 1) {
        parameter.detach().zero_();
      } else {
        fill_orthogonal(parameter.detach().flatten(1), kHiddenGain, rng);
      }
    }
  }
  draw_field_.name = kDraw;
  draw_field_.low = draw_field_.high = {};  // a Gaussian sample has no bounds
  const size_t layers = config.hidden_sizes.size() + 1;
  reset_perceptron(parameters_, kShared, config.shared_sizes.size(), kHiddenGain, rng);
  reset_perceptron(parameters_, "policy", layers, kPolicyGain, rng);
  reset_perceptron(parameters_, "value", layers, kValueGain, rng);
  shared_ = perceptron(parameters_, kShared, config.shared_sizes.size());
  policy_ = perceptron(parameters_, "policy", layers);
  value_ = perceptron(parameters_, "value", layers);
  if (kind_ == Kind::kGaussian) {
    log_std_ = parameters_.at("log_std");
    log_std_.detach().fill_(config.initial_log_std);
  }
  if (const std::optional<RecurrentKind> kind = memory_kind(config)) {
    for (const char* name : {".weight_ih_l0", ".weight_hh_l0"}) {
      fill_orthogonal(parameters_.at(kMemory + name), kMemoryGain, rng);
    }
    memory_.emplace(parameters_, kMemory, *kind);
  }
}

at::Tensor ActorCritic::features(const TensorMap& prepared) const {
  const at::Tensor encoded = encoder_.encode(prepared);
  return shared_.empty() ? encoded : activated(forward(shared_, encoded));
}

ActorCritic::Step ActorCritic::step(const TensorMap& prepared, const at::Tensor& memory) const {
  const at::Tensor encoded = features(prepared);
  if (!memory_) return {encoded, memory};
  const at::Tensor next = memory_->step(encoded, memory);
  return {memory_->output(next), next};
}

at::Tensor ActorCritic::sequences(const RolloutRows& rows) const {
  const at::Tensor encoded = features(rows.s);
  if (!memory_) return encoded;
  const int64_t count = encoded.size(0) / rows.length;
  return (*memory_)(encoded.view({rows.length, count, -1}), rows.memory.narrow(0, 0, count),
                    rows.started.view({rows.length, count}))
      .flatten(0, 1);
}

at::Tensor ActorCritic::activated(const at::Tensor& x) const {
  return relu_ ? at::relu(x) : at::tanh(x);
}

at::Tensor ActorCritic::forward(const std::vector<Linear>& layers, at::Tensor x) const {
  for (size_t i = 0; i < layers.size(); ++i) {
    x = layers[i](x);
    if (i + 1 < layers.size()) x = activated(x);
  }
  return x;
}

std::unique_ptr<Distribution> ActorCritic::policy(const at::Tensor& x) const {
  const at::Tensor out = forward(policy_, x);
  if (kind_ == Kind::kCategorical) return std::make_unique<Categorical>(out);
  if (kind_ == Kind::kGaussian) return std::make_unique<Gaussian>(out, log_std_);
  const std::vector<at::Tensor> shape = (1.0 + at::softplus(out)).chunk(2, -1);
  return std::make_unique<Beta>(shape[0], shape[1]);
}

at::Tensor ActorCritic::value(const at::Tensor& x) const { return forward(value_, x).squeeze(-1); }

std::vector<Parameters*> ActorCritic::parameters() {
  std::vector<Parameters*> blocks = {&parameters_};
  if (encoder_.parameters() != nullptr) blocks.push_back(encoder_.parameters());
  return blocks;
}

void ActorCritic::state(StateList& list) {
  list.add("networks", parameters_);
  encoder_.state(list);
}

at::Tensor ActorCritic::action(const at::Tensor& draw) const {
  if (kind_ == Kind::kCategorical) return draw;
  return kind_ == Kind::kBeta ? 2.0 * draw - 1.0 : draw.clamp(-1.0, 1.0);
}

at::Tensor ActorCritic::unclipped_action(const at::Tensor& draw) const {
  return kind_ == Kind::kBeta ? 2.0 * draw - 1.0 : draw;
}

double ActorCritic::log_scale() const {
  const auto numbers = static_cast<double>(draw_field_.numel());
  return kind_ == Kind::kBeta ? numbers * std::numbers::ln2 : 0.0;
}

at::Tensor ActorCritic::log_prob(const at::Tensor& x, const at::Tensor& action) const {
  if (kind_ != Kind::kBeta) return policy(x)->log_prob(action);
  const at::Tensor draw = (0.5 * (action + 1.0)).clamp(Beta::kMargin, 1.0 - Beta::kMargin);
  return policy(x)->log_prob(draw) - log_scale();
}

RolloutRows RolloutRows::select(const at::Tensor& sequences) const {
  const at::Tensor rows = sequences.t().flatten();
  TensorMap selected;
  for (const auto& [name, values] : s) selected.add(name, values.index_select(0, rows));
  return {.length = sequences.size(1),
          .s = std::move(selected),
          .started = started.index_select(0, rows),
          .memory = memory.index_select(0, rows),
          .draw = draw.index_select(0, rows),
          .log_prob = log_prob.index_select(0, rows),
          .value = value.index_select(0, rows),
          .advantage = advantage.index_select(0, rows),
          .returns = returns.index_select(0, rows)};
}

namespace {

// a ~ pi(. | s) to explore; the most likely action to evaluate.
class PolicyGradientActor final : public Actor {
 public:
  PolicyGradientActor(const PolicyGradientAgent& agent, int64_t num_envs, bool explores,
                      uint64_t seed)
      : agent_(agent),
        explores_(explores),
        remembers_(agent.networks().recurrent_size() > 0),
        memory_(at::zeros({num_envs, agent.networks().recurrent_size()},
                          at::TensorOptions(agent.device()))),
        rng_(seed),
        noise_(agent.device(), seed) {}

  Decision act(const TensorMap& obs) override {
    const at::NoGradGuard no_grad;
    const ActorCritic& networks = agent_.networks();
    const at::Tensor before = memory_;
    const auto [x, after] = networks.step(networks.encoder().prepare(obs), before);
    memory_ = after;
    const auto pi = networks.policy(x);
    if (!explores_) return {networks.action(pi->center()).cpu()};
    // A generator on the device has no state that a checkpoint could hold, so every draw has its
    // own seed.
    noise_.reseed(rng_.next_uint64());
    const at::Tensor draw = pi->sample(noise_);
    Decision decision{.action = networks.action(draw).cpu(),
                      .extra = {{kDraw, draw.cpu()}, {kLogProb, pi->log_prob(draw).cpu()}}};
    if (remembers_) decision.extra.add(kMemory, before.cpu());
    return decision;
  }

  // Not in place: act() may have returned this tensor.
  void on_episode_start(const at::Tensor& env_mask) override {
    memory_ = memory_.masked_fill(env_mask.to(memory_.device()).unsqueeze(1), 0.0);
  }

  void state(StateList& list) override {
    list.add("rng", rng_);
    if (remembers_) list.add_learning(kMemory, memory_);
  }

 private:
  const PolicyGradientAgent& agent_;
  const bool explores_, remembers_;
  at::Tensor memory_;  // [N, M] before the next step
  Rng rng_;
  NoiseSource noise_;
};

}  // namespace

PolicyGradientAgent::PolicyGradientAgent(const EnvSpec& spec, const PolicyGradientConfig& config,
                                         at::Device device, uint64_t seed)
    : PolicyGradientAgent(spec, config, device, Rng(seed)) {}

PolicyGradientAgent::PolicyGradientAgent(const EnvSpec& spec, const PolicyGradientConfig& config,
                                         at::Device device, Rng rng)
    : learning_rate_(config.learning_rate),
      gamma_(config.gamma),
      max_gradient_norm_(config.max_gradient_norm),
      kl_coefficient_(config.kl_coefficient),
      entropy_coefficient_(config.entropy_coefficient),
      anneals_(config.anneal_learning_rate),
      anneals_entropy_(config.anneal_entropy),
      normalizes_advantage_(config.normalize_advantage),
      is_deterministic_(config.deterministic_evaluation),
      rollout_steps_(config.rollout_steps),
      networks_(spec, config, rng, device) {
  for (Parameters* block : networks_.parameters()) {
    // CleanRL's and Stable-Baselines3's epsilon.
    optimizers_.emplace_back(*block,
                             AdamOptions{.learning_rate = config.learning_rate, .epsilon = 1e-5});
  }
}

std::unique_ptr<Actor> PolicyGradientAgent::actor(int64_t num_envs, const Acting& acting,
                                                  uint64_t seed) {
  const bool draws = acting.mode == ActMode::kExplore || !is_deterministic_;
  return std::make_unique<PolicyGradientActor>(*this, num_envs, draws, seed);
}

std::vector<Field> PolicyGradientAgent::extra_fields() const {
  std::vector<Field> fields = {networks_.draw_field(), {.name = kLogProb, .shape = {}}};
  const int64_t size = networks_.recurrent_size();
  if (size > 0) fields.push_back({.name = kMemory, .shape = {size}});
  return fields;
}

RolloutRequest PolicyGradientAgent::request() const {
  return {.steps = rollout_steps_, .gamma = gamma_};
}

Learned PolicyGradientAgent::update(const Rollout& rollout, double progress, Rng& rng) {
  if (anneals_) {
    for (Adam& optimizer : optimizers_) {
      optimizer.set_learning_rate((1.0 - progress) * learning_rate_);
    }
  }
  entropy_weight_ = (anneals_entropy_ ? 1.0 - progress : 1.0) * entropy_coefficient_;
  const TensorMap obs = flat(rollout.obs);
  Rollout penalized = rollout;
  at::Tensor from_prior;
  if (prior_) {
    from_prior = divergence(rollout);
    penalized.reward = rollout.reward - kl_coefficient_ * from_prior;
  }
  TensorMap metrics = learn(penalized, networks_.encoder().prepare(obs), rng);
  networks_.encoder().observe(obs);
  if (prior_) metrics.add("policy/divergence", from_prior.mean());
  return {.metrics = std::move(metrics)};
}

at::Tensor PolicyGradientAgent::divergence(const Rollout& rollout) const {
  const at::NoGradGuard no_grad;
  const TensorMap obs = flat(rollout.obs);
  const at::Tensor action = networks_.unclipped_action(flat(rollout.extra.at(kDraw)));
  std::vector<at::Tensor> of_prior;
  for (int64_t first = 0; first < action.size(0); first += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, action.size(0) - first);
    of_prior.push_back(prior_log_prob_(rows_of(obs, first, count), action.narrow(0, first, count)));
  }
  const at::Tensor log_prob = flat(rollout.extra.at(kLogProb)) - networks_.log_scale();
  return (log_prob - at::cat(of_prior)).view_as(rollout.reward);
}

ActionDensity PolicyGradientAgent::density() const {
  if (networks_.recurrent_size() > 0) return {};
  return {.log_prob =
              [this](const TensorMap& obs, const at::Tensor& action) {
                const TensorMap prepared = networks_.encoder().prepare(obs);
                return networks_.log_prob(networks_.step(prepared, {}).x, action);
              },
          .beyond_bounds = networks_.draws_beyond_bounds()};
}

void PolicyGradientAgent::follow(std::shared_ptr<Agent> prior) {
  prior_ = std::move(prior);
  const ActionDensity density = prior_->density();
  // Such draws would count as far away however near the executed actions are.
  REVERIE_CHECK(density.beyond_bounds || !networks_.draws_beyond_bounds(),
                "--prior: its policy has no density beyond the bounds of actions, where a Gaussian "
                "draws; expected a prior with a Gaussian of its own (bc, iql, ppo), or "
                "--distribution beta");
  prior_log_prob_ = density.log_prob;
  auto* const same = dynamic_cast<PolicyGradientAgent*>(prior_.get());
  if (same == nullptr || !have_equal_shapes(networks_, same->networks_)) return;
  load_state(networks_, take_checkpoint(same->networks_));
}

void PolicyGradientAgent::state(StateList& list) {
  networks_.state(list);
  for (size_t i = 0; i < optimizers_.size(); ++i) {
    list.add(i == 0 ? "optimizer" : "convolutions.optimizer", optimizers_[i]);
  }
}

PolicyGradientAgent::Valued PolicyGradientAgent::values(const TensorMap& prepared,
                                                        const at::Tensor& memory) const {
  const at::NoGradGuard no_grad;
  const int64_t rows = prepared.begin()->second.size(0);
  std::vector<at::Tensor> value, after;
  for (int64_t first = 0; first == 0 || first < rows; first += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, rows - first);
    const ActorCritic::Step step =
        networks_.step(rows_of(prepared, first, count), memory.narrow(0, first, count));
    value.push_back(networks_.value(step.x));
    after.push_back(step.memory);
  }
  return {at::cat(value), at::cat(after)};
}

RolloutRows PolicyGradientAgent::evaluate(const Rollout& rollout, const TensorMap& s,
                                          double lambda) const {
  const at::NoGradGuard no_grad;
  const ObservationEncoder& encoder = networks_.encoder();
  const int64_t steps = rollout.steps(), num_envs = rollout.num_envs();
  // The memory before each step is known, so all steps form one batch.
  const at::Tensor memory = networks_.recurrent_size() > 0
                                ? flat(rollout.extra.at(kMemory))
                                : at::empty({steps * num_envs, 0}, rollout.reward.options());
  const Valued now = values(s, memory);
  const at::Tensor value = now.value.view_as(rollout.reward);
  // The memory after a step is that of the step's episode, even where the episode ends. (There,
  // last_obs is the next episode's, and its value is not used.)
  const auto value_after = [&](const TensorMap& obs, const at::Tensor& memory_after) {
    return values(encoder.prepare(obs), memory_after).value;
  };
  const at::Tensor next_value = rollout.next_value(
      value, value_after(rollout.last_obs, now.memory.narrow(0, (steps - 1) * num_envs, num_envs)),
      value_after(rollout.final_obs, now.memory.index_select(0, rollout.final_index)));
  const auto [advantage, returns] = advantages(
      rollout.reward, value, next_value, rollout.terminated, rollout.truncated, gamma_, lambda);
  return {.length = steps,
          .s = s,
          .started = flat(rollout.started),
          .memory = memory,
          .draw = flat(rollout.extra.at(kDraw)),
          .log_prob = flat(rollout.extra.at(kLogProb)),
          .value = flat(value),
          .advantage = flat(advantage),
          .returns = flat(returns)};
}

at::Tensor PolicyGradientAgent::descend(const at::Tensor& loss, const at::Tensor& skip) {
  for (Adam& optimizer : optimizers_) optimizer.zero_grad();
  loss.backward();
  const at::Tensor norm = clip_gradients(networks_.parameters(), max_gradient_norm_);
  for (Adam& optimizer : optimizers_) optimizer.step(skip);
  return norm;
}

at::Tensor PolicyGradientAgent::normalized(const at::Tensor& advantage) const {
  if (!normalizes_advantage_) return advantage;
  return (advantage - advantage.mean()) / (advantage.std() + 1e-8);
}

at::Tensor PolicyGradientAgent::explained_variance(const RolloutRows& rows) {
  return 1.0 - (rows.returns - rows.value).var() / (rows.returns.var() + 1e-8);
}

}  // namespace reverie
