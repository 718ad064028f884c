#include "datasets/dataset.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/launcher/dataset_actions.h"
#include "core/progress.h"
#include "core/random.h"
#include "core/text.h"
#include "datasets/dataset_check.h"
#include "datasets/dataset_merge.h"
#include "envs/env_lane.h"
#include "envs/maze/goal_episode.h"
#include "recordings/recorded_env.h"
#include "recordings/state_replay.h"

namespace reverie {
namespace {

// The rewards of the maze2d-* that the dataset names, with its recorded options. None for other
// environments, when the goal varies, and when a reward depends on more than a state.
StateReward goal_reward(const Dataset& dataset, std::string env) {
  const auto& attributes = dataset.schema().attributes;
  if (env.empty() && attributes.contains("env")) env = attributes.at("env");
  if (!env.starts_with("maze2d-")) return {};
  const std::shared_ptr<Env> maze = dataset_environment(dataset, env)->maker()();
  const auto& physics = dynamic_cast<const maze::MazePhysics&>(maze->physics()->innermost());
  maze->reset(0, FieldRows(maze->spec().observation, 1).all());
  maze::Position goal{};
  physics.get("desired_goal", goal);
  if (!physics.has_fixed_goal() || !maze->physics()->outcome(goal, goal)) return {};
  return [maze, goal](std::span<const double> observation) {
    return maze->physics()->outcome(observation.first(2), goal)->reward;
  };
}

// The steps after which the dataset's environment truncates an episode; 0 if unknown.
int64_t episode_limit(const Dataset& dataset, const std::string& env) {
  if (env.empty() && !names_known_environment(dataset)) return 0;
  return dataset_environment(dataset, env)->maker()()->spec().max_steps;
}

// The flag must not contradict the file.
void check_env_flag(const Dataset& dataset, const std::string& env) {
  const auto& attributes = dataset.schema().attributes;
  const auto recorded = attributes.find("env");
  REVERIE_CHECK(env.empty() || recorded == attributes.end() || recorded->second == env,
                "--env {}: {} was recorded in {}", env, dataset.path(),
                printable(recorded == attributes.end() ? "" : recorded->second));
}

// Episodes of one dataset, appended to another.
void copy_episodes(Dataset& from, std::span<const int64_t> episodes, DatasetWriter& to) {
  ProgressBar progress(static_cast<int64_t>(episodes.size()),
                       {.label = "copy", .unit = "episodes"});
  int64_t copied = 0;
  for (const int64_t index : episodes) {
    to.append(from.read(index));
    progress.update(++copied);
  }
}

std::vector<int64_t> all_episodes(const Dataset& dataset) {
  std::vector<int64_t> indices(dataset.episodes().size());
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i);
  return indices;
}

int validate(const Arguments& arguments) {
  std::string path, env;
  CommandLine line("dataset validate",
                   "Checks a dataset for known faults. The exit status is 1 if there is one.");
  line.add("PATH", path, {.help = "file or folder", .required = true});
  line.add("--env", env,
           {.help = "environment whose episode limit to check, and in maze2d its rewards",
            .fallback = "the dataset's own"});
  if (!line.parse(arguments)) return 0;
  const std::unique_ptr<Dataset> dataset = open_dataset(path);
  check_env_flag(*dataset, env);
  bool faulty = false;
  for (const DatasetFinding& finding :
       check_dataset(*dataset, goal_reward(*dataset, env), episode_limit(*dataset, env))) {
    std::cout << (finding.is_fault ? "FAULT  " : "note   ") << finding.text << "\n";
    faulty |= finding.is_fault;
  }
  if (!faulty) {
    std::cout << fmt::format("{}: {} steps in {} episodes, no fault found\n", path,
                             dataset->steps(), dataset->episodes().size());
  }
  return faulty ? 1 : 0;
}

int convert(const Arguments& arguments) {
  std::string in, out, format;
  CommandLine line("dataset convert", "Writes a dataset in another layout (docs/datasets.md).");
  line.add("IN", in, {.help = "file or folder", .required = true});
  line.add("OUT", out, {.help = "file or folder to write", .required = true});
  line.add("--format", format, {.help = dataset_format_list(), .required = true});
  if (!line.parse(arguments)) return 0;
  const std::unique_ptr<Dataset> dataset = open_dataset(in);
  const std::unique_ptr<DatasetWriter> writer =
      DatasetWriter::create(out, parse_dataset_format(format), dataset->schema());
  copy_episodes(*dataset, all_episodes(*dataset), *writer);
  finish_dataset(*writer, out);
  return 0;
}

int split(const Arguments& arguments) {
  std::string in, first, second;
  double share = 0.9;
  int64_t seed = 0;
  CommandLine line("dataset split", "Splits the episodes at random into two datasets.");
  line.add("IN", in, {.help = "file or folder", .required = true});
  line.add("FIRST", first,
           {.help = "dataset to write, for example for training", .required = true});
  line.add("SECOND", second,
           {.help = "dataset to write, for example for validation", .required = true});
  line.add("--share", share,
           {.help = "share of the episodes that FIRST gets", .range = between(0, 1)});
  line.add("--seed", seed,
           {.help = "random seed; the same seed gives the same split", .range = at_least(0)});
  if (!line.parse(arguments)) return 0;
  const std::unique_ptr<Dataset> dataset = open_dataset(in);
  std::vector<int64_t> order = all_episodes(*dataset);
  Rng rng(static_cast<uint64_t>(seed));
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(rng.integers(0, static_cast<int64_t>(i)))]);
  }
  const auto cut = static_cast<size_t>(std::lround(share * static_cast<double>(order.size())));
  REVERIE_CHECK(cut > 0 && cut < order.size(),
                "--share {}: leaves one of the two without any of the {} episodes", share,
                order.size());
  std::sort(order.begin(), order.begin() + static_cast<int64_t>(cut));
  std::sort(order.begin() + static_cast<int64_t>(cut), order.end());
  const std::span<const int64_t> all = order;
  const auto create = [&](const std::string& path) {
    return DatasetWriter::create(path, dataset->format(), dataset->schema());
  };
  // Checks both before either is filled: a bad second path must not leave half of a split.
  const std::unique_ptr<DatasetWriter> writers[2] = {create(first), create(second)};
  copy_episodes(*dataset, all.first(cut), *writers[0]);
  copy_episodes(*dataset, all.subspan(cut), *writers[1]);
  finish_dataset(*writers[0], first);
  finish_dataset(*writers[1], second);
  return 0;
}

int merge(const Arguments& arguments) {
  std::vector<std::string> in;
  std::string out;
  CommandLine line("dataset merge", "Writes the episodes of several datasets into one.");
  line.add("IN", in, {.help = "files or folders with the same fields", .required = true});
  line.add("--out", out, {.help = "file or folder to write", .required = true});
  if (!line.parse(arguments)) return 0;
  std::vector<std::unique_ptr<Dataset>> datasets;
  for (const std::string& path : in) datasets.push_back(open_dataset(path));
  const DatasetSchema schema = merged_schema(datasets);
  if (datasets.front()->schema().attributes.contains("env") && !schema.attributes.contains("env")) {
    std::cerr << "note: some of the datasets name no environment, so the result names none\n";
  }
  const auto writer = DatasetWriter::create(out, datasets.front()->format(), schema);
  for (const std::unique_ptr<Dataset>& dataset : datasets) {
    copy_episodes(*dataset, all_episodes(*dataset), *writer);
  }
  finish_dataset(*writer, out);
  return 0;
}

const std::vector<Command> kActions = {
    {"info", "summarise a dataset", &dataset_info},
    {"preview", "show episodes as a video or a contact sheet", &dataset_preview},
    {"validate", "check for known faults", &validate},
    {"convert", "write a dataset in another layout", &convert},
    {"split", "split the episodes into two datasets", &split},
    {"merge", "merge datasets into one", &merge},
    {"relabel", "compute the rewards of another task or goal", &dataset_relabel},
};

}  // namespace

int dataset_command(const Arguments& arguments) {
  return run_action("dataset", kActions, arguments);
}

}  // namespace reverie
