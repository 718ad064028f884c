#include "studies/occupancy.h"

#include <algorithm>
#include <cmath>

#include "agents/gamma_model/gamma_model.h"
#include "drawing/video.h"
#include "nn/pch.h"
#include "runs/observation_rows.h"
#include "studies/dataset_states.h"

namespace reverie {
namespace {

constexpr int kPanel = 360;  // [px]

// An environment of a maze with memory for its observation.
class MazeProbe {
 public:
  explicit MazeProbe(Env& env) : env_(env), rows_(env.spec().observation, 1) {}

  maze::Position part(const char* name) const {
    std::vector<double> values = all(name);
    return {values[0], values[1]};
  }

  // The observations of the body at rest in each place, the rest of it as at the start of the
  // episode.
  TensorMap at_rest(const std::vector<maze::Position>& places) {
    PhysicsState& physics = *env_.physics();
    std::vector<double> qpos = all("qpos");
    physics.set("qvel", std::vector<double>(all("qvel").size(), 0.0));
    ObservationRows observed(env_.spec());
    for (const maze::Position& place : places) {
      std::copy(place.begin(), place.end(), qpos.begin());
      physics.set("qpos", qpos);
      physics.observe(rows_.all());
      observed.add(rows_.all());
    }
    return observed.joined();
  }

  FieldViews observation() const { return rows_.all(); }

 private:
  std::vector<double> all(const std::string& name) const {
    for (const PhysicsState::Part& part : env_.physics()->parts()) {
      if (part.name != name) continue;
      std::vector<double> values(part.size);
      env_.physics()->get(name, values);
      return values;
    }
    fail_input("{}: has no part '{}'", env_.spec().id, name);
  }

  Env& env_;
  FieldRows rows_;
};

std::vector<double> doubles(const at::Tensor& values) {
  const at::Tensor numbers = values.to(at::kDouble).contiguous();
  const double* begin = numbers.const_data_ptr<double>();
  return {begin, begin + numbers.numel()};
}

void normalize(std::vector<double>& weights) {
  double sum = 0.0;
  for (const double weight : weights) sum += weight;
  if (sum <= 0.0) return;
  for (double& weight : weights) weight /= sum;
}

// Plays one episode, and returns the observation that it began with.
TensorMap play(const LoadedPolicy& loaded, Env& env, uint64_t seed, double gamma,
               const MazeSquares& squares, OccupancyMap& map) {
  MazeProbe probe(env);
  SpaceAdapter adapter(env.spec(), 1);
  const std::unique_ptr<Actor> actor = loaded.make_actor(1, seed);
  actor->on_episode_start(at::ones({1}, at::kBool));
  env.reset(seed, probe.observation());
  ObservationRows first(env.spec());
  first.add(probe.observation());
  map.start = probe.part("qpos");
  map.goal = probe.part("desired_goal");
  map.path = {map.start};
  map.visited.assign(squares.middles().size(), 0.0);
  double weight = 1.0;
  for (StepResult result; !result.terminated && !result.truncated; weight *= gamma) {
    const TensorMap obs = borrow_tensors(adapter.observations(probe.observation()));
    result = env.step(adapter.actions(actor->act(obs).action), probe.observation());
    map.path.push_back(probe.part("qpos"));
    const int64_t square = squares.find(map.path.back());
    if (square >= 0) map.visited[static_cast<size_t>(square)] += weight;
    ++map.length;
  }
  normalize(map.visited);
  for (const auto& [name, value] : env.metrics()) {
    if (name == "success") map.success = value == 1.0;
    if (name == "time_to_goal") map.time_to_goal = value;
  }
  return first.joined();
}

// The field that begins with the body's position. Throws Error when there is none.
const Field& place_field(const EnvSpec& spec) {
  const Field* found = nullptr;
  for (const Field& field : spec.observation) {
    if (field.name == "achieved_goal") return field;
    if (field.name == "observation") found = &field;
  }
  REVERIE_CHECK(found != nullptr && found->stacked == 1 && found->numel() >= 2,
                "{}: a prediction over the maze needs states that show where the body is; expected "
                "the field achieved_goal, or observation without a stack of frames",
                spec.id);
  return *found;
}

// Where the states of a dataset are [N, 2].
at::Tensor positions(const EnvSpec& spec, const TensorMap& obs) {
  return obs.at(place_field(spec).name).to(at::kDouble).slice(1, 0, 2).contiguous();
}

// A distribution over squares of weights at places [N, 2].
std::vector<double> distribution(const MazeSquares& squares, const at::Tensor& places,
                                 const std::vector<double>& weights) {
  std::vector<double> shares(squares.middles().size(), 0.0);
  const std::vector<double> xy = doubles(places);
  for (size_t i = 0; i < weights.size(); ++i) {
    const int64_t square = squares.find({xy[2 * i], xy[2 * i + 1]});
    if (square >= 0) shares[static_cast<size_t>(square)] += std::max(weights[i], 0.0);
  }
  normalize(shares);
  return shares;
}

// By the density relative to states of a dataset.
std::vector<double> predict(const TaskAgent& agent, const EnvSpec& spec, const TensorMap& start,
                            const DatasetStates& states, const MazeSquares& squares) {
  return distribution(squares, positions(spec, states.obs),
                      doubles(agent.occupancy(start, states.obs)));
}

// By draws of future states.
std::vector<double> predict(const FutureStates& model, const LoadedPolicy& loaded,
                            const TensorMap& start, const OccupancyOptions& options,
                            const MazeSquares& squares) {
  const std::unique_ptr<Actor> actor = loaded.make_actor(1, options.seed);
  const at::Tensor action = actor->act(start).action;
  const at::Tensor x = model.draw_future(start, action, options.states, options.seed)[0];  // [M, D]
  const Field& shown = place_field(loaded.spec);
  int64_t place = 0;  // of the position among the joined floating-point numbers
  for (const Field& field : loaded.spec.observation) {
    if (field.name == shown.name) break;
    if (field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64) place += field.numel();
  }
  return distribution(squares, x.to(at::kDouble).slice(1, place, place + 2).contiguous(),
                      std::vector<double>(static_cast<size_t>(x.size(0)), 1.0));
}

// Goals that the environment shows belong to its episode, not to the dataset's.
void show_goal(DatasetStates& states, const maze::Position& goal) {
  for (auto& [name, values] : states.obs) {
    if (name == "desired_goal") {
      values = at::tensor({goal[0], goal[1]}).to(values.options()).expand_as(values);
    }
  }
}

}  // namespace

double OccupancyMap::overlap() const {
  double sum = 0.0;
  for (size_t i = 0; i < predicted.size(); ++i) sum += std::min(predicted[i], visited[i]);
  return sum;
}

OccupancyStudy study_occupancy(const std::string& run, const OccupancyOptions& options) {
  const LoadedPolicy loaded = load_policy(run, options.load);
  const auto* const valued = dynamic_cast<const ValuesStates*>(loaded.agent.get());
  REVERIE_CHECK(valued != nullptr,
                "{}: the values of '{}' cannot be asked for; expected a run of fb, hilp, td-jepa, "
                "gamma-model, iql, td3, td3-bc or rebrac",
                run, loaded.config->agent);
  const auto* const tasks = dynamic_cast<const TaskAgent*>(loaded.agent.get());
  REVERIE_CHECK(tasks != nullptr || options.dataset.empty(),
                "--dataset: only a prediction of fb, hilp or td-jepa weights states of a dataset, "
                "and {} is of '{}'; leave it out",
                run, loaded.config->agent);
  std::unique_ptr<Env> env = loaded.make_env();
  MazeSquares squares(MazeSquares::maze_of(*env), options.per_side);
  OccupancyStudy study{.gamma = dynamic_cast<TransitionAgent&>(*loaded.agent).request().spec.gamma,
                       .maps = {},
                       .squares = squares,
                       .env = std::move(env)};
  const auto* const futures = dynamic_cast<const FutureStates*>(loaded.agent.get());
  std::optional<DatasetStates> states;
  if (tasks != nullptr) {
    states = draw_dataset_states(loaded, options.dataset, options.states, options.seed);
  }
  for (int64_t i = 0; i < options.episodes; ++i) {
    const uint64_t seed = loaded.episode_seed(options.seed, i);
    OccupancyMap map;
    const TensorMap start = play(loaded, *study.env, seed, study.gamma, squares, map);
    MazeProbe probe(*study.env);
    study.env->reset(seed, probe.observation());
    map.values = doubles(valued->values(probe.at_rest(squares.middles())));
    if (states) {
      show_goal(*states, map.goal);
      map.predicted = predict(*tasks, loaded.spec, start, *states, squares);
    } else if (futures != nullptr) {
      map.predicted = predict(*futures, loaded, start, options, squares);
    }
    study.maps.push_back(std::move(map));
  }
  return study;
}

void OccupancyStudy::draw(const std::string& path) const {
  check_png_path(path);
  const bool predicts = !maps.front().predicted.empty();
  Canvas canvas(kPanel * (predicts ? 3 : 2), kPanel * static_cast<int>(maps.size()));
  canvas.clear({255, 255, 255});
  const auto panel = [&](size_t row, int column, MazeSquares::Picture picture) {
    picture.goal = maps[row].goal;
    picture.start = maps[row].start;
    const Box box{static_cast<double>(kPanel * column),
                  static_cast<double>(kPanel) * static_cast<double>(row), kPanel, kPanel};
    squares.draw(canvas, box, picture);
  };
  // Occupancies fall off by orders of magnitude: their square roots are drawn.
  const auto roots = [](std::vector<double> values) {
    for (double& value : values) value = std::sqrt(value);
    return values;
  };
  for (size_t i = 0; i < maps.size(); ++i) {
    const OccupancyMap& map = maps[i];
    panel(i, 0,
          {.title = map.success ? fmt::format("values; reached in {} steps", map.time_to_goal)
                                : fmt::format("values; missed in {} steps", map.length),
           .values = map.values,
           .path = map.path});
    panel(i, 1,
          {.title = fmt::format("visits, discounted by {}", gamma), .values = roots(map.visited)});
    if (!predicts) continue;
    panel(i, 2,
          {.title = fmt::format("predicted; {:.0f} % the same", 100.0 * map.overlap()),
           .values = roots(map.predicted)});
  }
  write_png(path, canvas.image());
}

}  // namespace reverie
