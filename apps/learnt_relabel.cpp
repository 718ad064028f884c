#include <iostream>

#include "agents/space_adapter.h"
#include "agents/training/dataset_split.h"
#include "apps/command.h"
#include "apps/dataset_files.h"
#include "core/progress.h"
#include "runs/learnt_reward.h"

namespace reverie {

// `reverie dataset relabel` with --reward-run; the launcher does the rest of `reverie dataset`.
int learnt_relabel_command(const Arguments& arguments) {
  REVERIE_CHECK(!arguments.empty() && arguments[0] == "relabel",
                "--reward-run: is a flag of `reverie dataset relabel`");
  std::string in, out, run, format_name;
  CommandLine line("dataset relabel",
                   "Gives the steps of a dataset the rewards of a reward model.");
  line.add("IN", in, {.help = "file or folder", .required = true});
  line.add("OUT", out, {.help = "file or folder to write", .required = true});
  line.add("--reward-run", run, {.help = "run of reward-model", .required = true});
  line.add("--format", format_name, {.help = "layout of OUT", .fallback = "that of IN"});
  if (!line.parse({arguments.begin() + 1, arguments.end()})) return 0;
  const LearntReward reward(run);
  const std::unique_ptr<Dataset> dataset =
      open_dataset_for(SpaceAdapter::adapt(reward.loaded().spec), in);
  const DatasetFormat format =
      format_name.empty() ? dataset->format() : parse_dataset_format(format_name);
  DatasetSchema schema = dataset->schema();
  schema.attributes["relabelled"] =
      fmt::format("rewards of {}, a reward model of step {}", run, reward.loaded().step);
  schema.attributes.erase("env_spec");  // its rewards are others
  const auto writer = DatasetWriter::create(out, format, schema);
  ProgressBar progress(dataset->steps(), {.label = "relabel"});
  double sum = 0.0;
  for (size_t e = 0; e < dataset->episodes().size(); ++e) {
    EpisodeData episode = dataset->read(static_cast<int64_t>(e));
    reward.relabel(dataset->schema(), episode);
    for (const float value : episode.reward) sum += static_cast<double>(value);
    writer->append(episode);
    progress.update(writer->steps());
  }
  progress.finish();
  finish_dataset(*writer, out);
  std::cerr << fmt::format("mean reward {:.4g}\n", sum / static_cast<double>(writer->steps()));
  return 0;
}

}  // namespace reverie
