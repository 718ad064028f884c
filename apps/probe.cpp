#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>

#include "apps/run_flags.h"
#include "core/json.h"
#include "core/progress.h"
#include "studies/probe_report.h"

namespace reverie {
namespace {

constexpr size_t kMostCharts = 6;

struct ProbeFlags : WorldModelFlags {
  int64_t samples = 20000;
};

Json scores(const ProbeFinding& finding) {
  return Json::Object{
      {"linear", Json::Object{{"mse", finding.linear_mse}, {"r", finding.linear_r}}},
      {"mlp", Json::Object{{"mse", finding.mlp_mse}, {"r", finding.mlp_r}}}};
}

Json::Object scores(const std::vector<ProbeFinding>& findings) {
  Json::Object out;
  for (const ProbeFinding& finding : findings) {
    out.emplace_back(finding.number.name, scores(finding));
  }
  return out;
}

void print_json(const WorldModelRun& run, const ProbeReport& report, int64_t seed) {
  const auto counts = [](const ProbeReport::Counts& part) {
    return Json::Object{{"frames", part.frames}, {"episodes", part.episodes}};
  };
  Json::Object latents = {{"size", report.latent_size}};
  latents.insert(latents.end(), report.latents.begin(), report.latents.end());
  const Json out = Json::Object{{"run", run.loaded.name},
                                {"step", run.loaded.step},
                                {"dataset", run.data.dataset->path()},
                                {"seed", seed},
                                {"training", counts(report.training)},
                                {"validation", counts(report.validation)},
                                {"held_out", counts(report.held_out)},
                                {"targets", scores(report.findings)},
                                {"means", scores(report.means())},
                                {"left_out", report.left_out},
                                {"latents", latents}};
  std::cout << out.dump(2) << "\n";
}

void print_table(const WorldModelRun& run, const ProbeReport& report) {
  std::cout << fmt::format(
      "{} on {}, checkpoint of step {}\nprobes fitted to {} frames of {} training episodes, scored "
      "on {} frames of {} held-out ones\n\n  {:<28} {:>10} {:>10} {:>10} {:>10}\n",
      run.loaded.name, run.data.dataset->path(), run.loaded.step, report.training.frames,
      report.training.episodes, report.held_out.frames, report.held_out.episodes, "", "linear MSE",
      "r", "MLP MSE", "r");
  const auto cell = [](double value) {
    return std::isfinite(value) ? fmt::format("{:.4f}", value) : std::string("-");
  };
  const auto row = [&](const ProbeFinding& finding, const char* what) {
    std::cout << fmt::format("  {:<28} {:>10} {:>10} {:>10} {:>10}\n", finding.number.name + what,
                             cell(finding.linear_mse), cell(finding.linear_r),
                             cell(finding.mlp_mse), cell(finding.mlp_r));
  };
  for (const ProbeFinding& finding : report.findings) row(finding, "");
  std::cout << "\n";
  for (const ProbeFinding& mean : report.means()) row(mean, ", mean");
  for (const std::string& note : report.left_out) std::cout << "  left out: " << note << "\n";
  const auto latents = [&](std::string_view name) {
    const auto found = std::find_if(report.latents.begin(), report.latents.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    return found == report.latents.end() ? NAN : found->second;
  };
  std::cout << fmt::format(
      "\n  latents of the held-out frames: {} numbers, effective rank {:.2f}, variances {:.3g} to "
      "{:.3g}, straightness {}\n",
      report.latent_size, latents("effective_rank"), latents("least_variance"),
      latents("greatest_variance"), cell(latents("straightness")));
}

}  // namespace

int probe_command(const Arguments& arguments) {
  ProbeFlags flags;
  CommandLine line(
      "probe",
      "Measures how well a world model's latents encode the simulator's state. Fits linear\nand "
      "MLP probes to frames of training episodes and scores them on frames of held-out\nepisodes. "
      "The MSE is relative to the variance, r is Pearson's correlation.");
  flags.add_to(line);
  line.add("--samples", flags.samples, {.help = "training frames", .range = between(2, 1e7)});
  if (!line.parse(arguments)) return 0;
  flags.check();

  const WorldModelRun run = open_world_model_run(flags.run, flags.dataset, flags.device);
  std::optional<ProgressBar> progress;
  const auto show = [&](int64_t frames, int64_t all) {
    if (!progress) progress.emplace(all, ProgressOptions{.label = "encode", .unit = "frames"});
    progress->update(frames);
  };
  const ProbeReport report = probe_world_model(
      run,
      {.samples = flags.samples, .seed = static_cast<uint64_t>(flags.seed), .on_progress = show});
  progress->finish();
  flags.json ? print_json(run, report, flags.seed) : print_table(run, report);
  if (!flags.plot.empty()) {
    REVERIE_CHECK(!report.findings.empty(),
                  "--plot {}: there is nothing to draw; all of the state is constant or not finite",
                  flags.plot);
    write_charts(flags.plot, report.charts(kMostCharts), 3, 420, 340);
    std::cerr << fmt::format("wrote {}\n", flags.plot);
  }
  return 0;
}

}  // namespace reverie
