#include <charconv>
#include <cmath>
#include <iostream>

#include "apps/launcher/dataset_actions.h"
#include "core/field_numbers.h"
#include "core/progress.h"
#include "envs/maze/goal_episode.h"
#include "recordings/gymnasium.h"
#include "recordings/recorded_env.h"
#include "recordings/state_replay.h"

namespace reverie {
namespace {

constexpr const char* kFinalGoal = "final";

struct RelabelFlags {
  std::string in, out, env, reward, reward_run, goal, format;
};

// "1.5,-2" as numbers.
std::vector<double> parse_goal(const std::string& text) {
  std::vector<double> goal;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    const auto [stop, error] = std::from_chars(at, end, goal.emplace_back());
    REVERIE_CHECK(error == std::errc() && (stop == end || *stop == ','),
                  "--goal: found '{}', expected numbers such as 1.5,2, or {}", text, kFinalGoal);
    if (stop == end) return goal;
    at = stop + 1;
  }
}

// Gives an episode the rewards of another task or goal.
class Relabeller {
 public:
  Relabeller(const Dataset& dataset, Env& env, const std::string& goal)
      : schema_(dataset.schema()), replay_(dataset, env), to_final_(goal == kFinalGoal) {
    if (goal.empty() || to_final_) return;
    goal_ = parse_goal(goal);
    if (goal_.size() == 2) maze::check_goal_place(env, "--goal " + goal, goal_[0], goal_[1]);
  }

  void relabel(EpisodeData& episode) {
    replay_.begin(episode);
    if (to_final_) {
      replay_.go_to(episode.length());
      goal_ = replay_.part("qpos");
      goal_.resize(replay_.part("desired_goal").size());
      replay_.begin(episode);
    }
    if (!goal_.empty()) {
      replay_.set_goal(goal_);
      rename_goal(episode);
    }
    for (int64_t t = 0; t < episode.length(); ++t) {
      float& reward = episode.reward[static_cast<size_t>(t)];
      before_ += static_cast<double>(reward);
      const double value = replay_.reward(t);
      REVERIE_CHECK(std::isfinite(value), "step {} of an episode: the reward is {}", t, value);
      reward = static_cast<float>(value);
      after_ += static_cast<double>(reward);
    }
  }

  double sum_before() const { return before_; }  // of all rewards so far
  double sum_after() const { return after_; }

 private:
  // Attributes that describe the pursued goal must agree with the rewards.
  void rename_goal(EpisodeData& episode) const {
    const auto fill = [&](const std::vector<Field>& fields, auto& columns) {
      for (size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].name != "desired_goal" && fields[i].name != "goal") continue;
        if (fields[i].numel() != static_cast<int64_t>(goal_.size())) continue;
        const auto rows = static_cast<int64_t>(columns[i].size() / fields[i].bytes());
        write_numbers({&fields[i], columns[i].data(), rows}, goal_);
      }
    };
    fill(schema_.observation, episode.observation);
    fill(schema_.info, episode.info);
  }

  const DatasetSchema& schema_;
  StateReplay replay_;
  bool to_final_;
  std::vector<double> goal_;  // empty: as recorded
  double before_ = 0.0, after_ = 0.0;
};

DatasetSchema relabelled_schema(const Dataset& dataset, const RelabelFlags& flags,
                                const EnvSpec& spec, EnvConfig& config) {
  DatasetSchema schema = dataset.schema();
  schema.attributes["env"] = spec.id;
  schema.attributes["env_source"] = spec.source;
  schema.attributes["config"] = portable_options(config);
  schema.attributes.erase("env_spec");
  const std::string gymnasium = gymnasium_env_spec(spec, config);
  if (flags.goal.empty() && flags.reward.empty() && !gymnasium.empty())
    schema.attributes["env_spec"] = gymnasium;
  std::string& text = schema.attributes["relabelled"];
  text = "rewards of " + spec.id;
  if (!flags.reward.empty()) text += ", " + flags.reward;
  if (!flags.goal.empty()) text += " for the goal " + flags.goal;
  return schema;
}

}  // namespace

int dataset_relabel(const Arguments& arguments) {
  RelabelFlags flags;
  CommandLine line(
      "dataset relabel",
      "Computes the rewards of another task of the same simulator, of a formula, or of "
      "another goal,\nfrom the recorded states. Episodes keep their ends.");
  line.add("IN", flags.in, {.help = "file or folder", .required = true});
  line.add("OUT", flags.out, {.help = "file or folder to write", .required = true});
  line.add("--env", flags.env,
           {.help = "environment whose rewards to compute", .fallback = "its own"});
  line.add("--reward", flags.reward,
           {.help = "a named reward or a formula (reverie list rewards ENV)",
            .fallback = "the environment's own"});
  line.add("--reward-run", flags.reward_run,
           {.help = "a run of reward-model, whose rewards to give (without the flags beside it)"});
  line.add("--goal", flags.goal,
           {.help = "goal X,Y [m], or final: the position where each episode ended",
            .fallback = "as recorded"});
  line.add("--format", flags.format, {.help = "layout of OUT", .fallback = "that of IN"});
  if (!line.parse(arguments)) return 0;
  REVERIE_CHECK(!flags.env.empty() || !flags.reward.empty() || !flags.goal.empty(),
                "dataset relabel: give one or more of --env ID, --reward and --goal, or "
                "--reward-run");
  const std::unique_ptr<Dataset> dataset = open_dataset(flags.in);
  const DatasetFormat format =
      flags.format.empty() ? dataset->format() : parse_dataset_format(flags.format);
  const std::unique_ptr<EnvConfig> config = dataset_environment(*dataset, flags.env);
  // Rewards of an environment are its own, whatever formula the data was collected with.
  if (!flags.reward.empty() || !flags.env.empty()) config->set_option("reward", flags.reward);
  const std::unique_ptr<Env> env = config->maker()();
  Relabeller relabeller(*dataset, *env, flags.goal);
  const auto writer = DatasetWriter::create(
      flags.out, format, relabelled_schema(*dataset, flags, env->spec(), *config));
  ProgressBar progress(dataset->steps(), {.label = "relabel"});
  for (size_t e = 0; e < dataset->episodes().size(); ++e) {
    EpisodeData episode = dataset->read(static_cast<int64_t>(e));
    relabeller.relabel(episode);
    writer->append(episode);
    progress.update(writer->steps());
  }
  progress.finish();
  finish_dataset(*writer, flags.out);
  const auto episodes = static_cast<double>(writer->episodes());
  std::cerr << fmt::format("mean return {:.4g}, before {:.4g}\n", relabeller.sum_after() / episodes,
                           relabeller.sum_before() / episodes);
  return 0;
}

}  // namespace reverie
