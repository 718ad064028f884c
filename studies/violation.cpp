#include "studies/violation.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include "core/field_numbers.h"
#include "envs/wrappers/wrapped_config.h"
#include "recordings/recorded_env.h"

namespace reverie {
namespace {

constexpr int64_t kStatesPerEpisode = 8;  // that destinations are chosen from
constexpr int64_t kCandidates = 8;        // of which the farthest is chosen

// The environment as recorded in the dataset, showing pictures.
std::unique_ptr<EnvConfig> picture_environment(const WorldModelRun& run) {
  const Dataset& dataset = *run.data.dataset;
  const bool is_named = dataset.schema().attributes.contains("env");
  std::unique_ptr<EnvConfig> config =
      recorded_environment(dataset, is_named ? "" : run.loaded.config->env);
  if (!is_named) copy_wrappers(*run.loaded.config->env_config, *config);
  config->set_option("observation", "pixels");
  return config;
}

// Every channel becomes the more distant end of its range.
std::string far_color(const Factor& factor) {
  std::string text = factor.name + "=#";
  for (const double channel : factor.value) text += channel < 128.0 ? "ff" : "00";
  return text;
}

std::string choose_color(const EnvConfig& config, const std::string& env) {
  const std::vector<Factor> factors = config.factors();
  const Factor* chosen = nullptr;
  for (const Factor& factor : factors) {
    if (factor.kind != Factor::Kind::kColor || factor.dynamics || factor.value.size() != 3)
      continue;
    if (chosen == nullptr || factor.name == "body_color") chosen = &factor;
  }
  REVERIE_CHECK(chosen != nullptr, "{}: has no colour to change; see `reverie list factors`", env);
  return far_color(*chosen);
}

// Sets the factor, replacing any earlier setting or variation.
void repaint(EnvConfig& config, const std::string& color) {
  const size_t equals = color.find('=');
  REVERIE_CHECK(equals != std::string::npos && equals > 0, "--color {}: expected NAME=VALUE",
                color);
  const std::string name = color.substr(0, equals);
  const std::vector<Factor> factors = config.factors();
  const auto found = std::find_if(factors.begin(), factors.end(),
                                  [&](const Factor& factor) { return factor.name == name; });
  REVERIE_CHECK(found == factors.end() || !found->dynamics,
                "--color {}: changes the simulation, not only its picture", color);
  ConfigFields fields;
  config.describe(fields);
  auto& set = *std::get<std::vector<std::string>*>(fields.find("set")->value);
  auto& vary = *std::get<std::vector<std::string>*>(fields.find("vary")->value);
  std::erase_if(set, [&](const std::string& text) { return text.starts_with(name + "="); });
  std::erase(vary, name);
  set.push_back(color);
}

ViolationFilm::Body read_body(const PhysicsState& physics) {
  ViolationFilm::Body body;
  for (const PhysicsState::Part& part : physics.parts()) {
    if (part.name == kGoalPart) continue;
    body.emplace_back(part.name, std::vector<double>(part.size));
    physics.get(part.name, body.back().second);
  }
  return body;
}

void write_body(PhysicsState& physics, const ViolationFilm::Body& body) {
  for (const auto& [name, values] : body) physics.set(name, values);
}

// The numbers that give a body's position.
std::vector<double> position(const ViolationFilm::Body& body) {
  std::vector<double> all;
  for (const auto& [name, values] : body) {
    if (name == "qpos") return values;
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

// [A] each; infinite for a number that never changes, which therefore has no weight.
std::vector<double> deviations(const std::vector<ViolationFilm::Body>& bodies) {
  std::vector<double> sum(position(bodies.front()).size()), squares(sum.size());
  for (const ViolationFilm::Body& body : bodies) {
    const std::vector<double> x = position(body);
    for (size_t k = 0; k < x.size(); ++k) sum[k] += x[k];
  }
  const auto n = static_cast<double>(bodies.size());
  for (const ViolationFilm::Body& body : bodies) {
    const std::vector<double> x = position(body);
    for (size_t k = 0; k < x.size(); ++k) squares[k] += (x[k] - sum[k] / n) * (x[k] - sum[k] / n);
  }
  for (double& value : squares) value = value > 1e-18 * n ? std::sqrt(value / n) : INFINITY;
  return squares;
}

double distance(const ViolationFilm::Body& a, const ViolationFilm::Body& b,
                const std::vector<double>& deviation) {
  const std::vector<double> x = position(a), y = position(b);
  double sum = 0.0;
  for (size_t k = 0; k < x.size(); ++k) {
    sum += (x[k] - y[k]) * (x[k] - y[k]) / (deviation[k] * deviation[k]);
  }
  return sum;
}

// The recorded actions of a stretch: one block for each frame except the last.
at::Tensor block_actions(const Dataset& dataset, const Stretch& stretch, const StretchShape& shape,
                         const Field& action) {
  const std::vector<double> all = numbers(dataset.schema().action, stretch.episode.action);
  const int64_t size = dataset.schema().action.numel();
  const std::span<const double> some = std::span(all).subspan(
      static_cast<size_t>(stretch.first * size), static_cast<size_t>(shape.steps() * size));
  std::vector<int64_t> sizes{shape.frames() - 1, shape.block};
  sizes.insert(sizes.end(), action.shape.begin(), action.shape.end());
  return copy_to_tensor(some).view(sizes).to(scalar_type(action.dtype));
}

}  // namespace

ViolationFilm::ViolationFilm(const WorldModelRun& run, const StretchShape& shape,
                             const std::string& color)
    : dataset_(*run.data.dataset), shape_(shape), color_(color) {
  const std::unique_ptr<EnvConfig> config = picture_environment(run);
  env_ = config->maker()();
  replay_ = std::make_unique<StateReplay>(dataset_, *env_);
  REVERIE_CHECK(replay_->sets_states(),
                "{}: holds no states that {} can be set to; expected those of a MuJoCo "
                "environment, infos qpos and qvel as `reverie collect` records them",
                dataset_.path(), env_->spec().id);
  const Field& shown = env_->spec().field("pixels");
  const Field& wanted = run.loaded.spec.field("pixels");
  REVERIE_CHECK(shown.shape == wanted.shape,
                "{}: {} shows pictures [{}], the model was trained on [{}]", dataset_.path(),
                env_->spec().id, fmt::join(shown.shape, ", "), fmt::join(wanted.shape, ", "));
  if (color_.empty()) color_ = choose_color(*config, env_->spec().id);
  repaint(*config, color_);
  painted_env_ = config->maker()();
  painted_obs_ = FieldRows(painted_env_->spec().observation, 1);
  const std::vector<Field>& fields = env_->spec().observation;
  while (fields[pixels_].name != "pixels") ++pixels_;
}

Stretch ViolationFilm::cut(int64_t episode) {
  Stretch out{.episode = dataset_.read(episode), .index = episode, .first = 0, .picture = {}};
  REVERIE_CHECK(out.episode.length() >= shape_.steps(), "{}: episode {} has {} steps, expected {}",
                dataset_.path(), episode, out.episode.length(), shape_.steps());
  out.first = (out.episode.length() - shape_.steps()) / 2;
  out.picture = episode_pictures(dataset_, out.episode, {out.first})[0].clone();
  const auto forget = [](const std::vector<Field>& fields, auto& columns) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].name == "pixels") columns[i] = {};
    }
  };
  forget(dataset_.schema().observation, out.episode.observation);
  forget(dataset_.schema().info, out.episode.info);
  return out;
}

ViolationFilm::Body ViolationFilm::body(const Stretch& stretch, int64_t row) {
  replay_->begin(stretch.episode);
  replay_->go_to(row);
  return read_body(*env_->physics());
}

std::vector<ViolationFilm::Body> ViolationFilm::destinations(std::span<const Stretch> stretches,
                                                             Rng& rng) {
  REVERIE_CHECK(stretches.size() >= 2, "teleport: {} episodes, expected at least 2",
                stretches.size());
  std::vector<Body> pool;
  for (const Stretch& stretch : stretches) {
    for (int64_t k = 0; k < kStatesPerEpisode; ++k) {
      pool.push_back(body(stretch, rng.integers(0, stretch.episode.length())));
    }
  }
  const std::vector<double> deviation = deviations(pool);
  const auto count = static_cast<int64_t>(stretches.size());
  std::vector<Body> out;
  for (int64_t i = 0; i < count; ++i) {
    const Stretch& stretch = stretches[static_cast<size_t>(i)];
    const Body here = body(stretch, stretch.first + shape_.half * shape_.block);
    const Body* farthest = nullptr;
    for (int64_t k = 0; k < kCandidates; ++k) {
      const int64_t other = (i + 1 + rng.choice(count - 1)) % count;  // never i
      const int64_t pick = other * kStatesPerEpisode + rng.choice(kStatesPerEpisode);
      const Body& candidate = pool[static_cast<size_t>(pick)];
      if (farthest == nullptr ||
          distance(candidate, here, deviation) > distance(*farthest, here, deviation)) {
        farthest = &candidate;
      }
    }
    out.push_back(*farthest);
  }
  return out;
}

at::Tensor ViolationFilm::picture(FieldViews obs) const {
  return borrow_tensor(obs[pixels_])[0].clone();
}

// Sets one environment to the state of the other, in its own colours.
at::Tensor ViolationFilm::painted_picture() {
  const PhysicsState& from = *env_->physics();
  PhysicsState& to = *painted_env_->physics();
  for (const PhysicsState::Part& part : from.parts()) {
    std::vector<double> values(part.size);
    from.get(part.name, values);
    to.set(part.name, values);
  }
  to.observe(painted_obs_.row(0));
  return picture(painted_obs_.row(0));
}

// The frames of a stretch. If `destination` is given, the body continues from there at the middle.
// `painted` gets the same frames, in the other colour from the middle on.
std::optional<at::Tensor> ViolationFilm::play(const Stretch& stretch, const Body* destination,
                                              at::Tensor* painted) {
  replay_->begin(stretch.episode);
  replay_->go_to(stretch.first);
  if (painted != nullptr) {
    painted_env_->reset(static_cast<uint64_t>(stretch.episode.seed.value_or(0)),
                        painted_obs_.row(0));
  }
  std::vector<at::Tensor> frames, painted_frames;
  for (int64_t i = 0; i < shape_.frames(); ++i) {
    for (int64_t k = 0; i > 0 && k < shape_.block; ++k) {
      const StepResult step = replay_->take_step(stretch.first + (i - 1) * shape_.block + k);
      const bool is_last = i + 1 == shape_.frames() && k + 1 == shape_.block;
      if ((step.terminated || step.truncated) && !is_last) return std::nullopt;
    }
    if (i == shape_.half && destination != nullptr) write_body(*env_->physics(), *destination);
    env_->physics()->observe(replay_->observation());
    frames.push_back(picture(replay_->observation()));
    if (painted != nullptr) {
      painted_frames.push_back(i < shape_.half ? frames.back() : painted_picture());
    }
  }
  if (painted != nullptr) *painted = at::stack(painted_frames);
  return at::stack(frames);
}

std::optional<Violation> ViolationFilm::film(const Stretch& stretch, const Body& destination) {
  Violation out;
  const std::optional<at::Tensor> reference = play(stretch, nullptr, &out.color);
  const std::optional<at::Tensor> teleport = play(stretch, &destination, nullptr);
  if (!reference || !teleport) return std::nullopt;
  out.reference = *reference;
  out.teleport = *teleport;
  out.actions = block_actions(dataset_, stretch, shape_, action_field(env_->spec().action));
  return out;
}

}  // namespace reverie
