#include "studies/surprise.h"

#include <array>
#include <cmath>
#include <iostream>
#include <optional>

#include "apps/run_flags.h"
#include "core/json.h"
#include "core/progress.h"

namespace reverie {
namespace {

struct SurpriseFlags : WorldModelFlags {
  int64_t episodes = 100;
  std::string color;
};

constexpr std::array<const char*, 3> kKeys = {"reference", "teleport", "color"};

void print_json(const WorldModelRun& run, const SurpriseReport& report, int64_t seed) {
  Json event, curves;
  Json::List offsets;
  for (int64_t t = 0; t < report.steps(); ++t) offsets.push_back(report.offset(t));
  for (size_t v = 0; v < kKeys.size(); ++v) {
    Json at_event = Json::Object{{"surprise", report.at_event(v)}};
    if (v > 0) {
      const PairedTest test = report.test(v);
      at_event.set("difference", test.mean_difference);
      at_event.set("t", test.t);
      at_event.set("p", test.p);
      at_event.set("effect_size", test.effect_size);
    }
    event.set(kKeys[v], at_event);
    Json::List means;
    for (int64_t t = 0; t < report.steps(); ++t) means.push_back(report.mean(v, t));
    curves.set(kKeys[v], means);
  }
  const Json out = Json::Object{{"run", run.loaded.name},
                                {"step", run.loaded.step},
                                {"dataset", run.data.dataset->path()},
                                {"seed", seed},
                                {"episodes", report.episodes},
                                {"left_out", report.ended},
                                {"action_block", report.shape.block},
                                {"history", report.history},
                                {"color", report.color},
                                {"redrawn_difference", report.redrawn},
                                {"event", event},
                                {"model_steps", offsets},
                                {"curves", curves}};
  std::cout << out.dump(2) << "\n";
}

void print_table(const WorldModelRun& run, const SurpriseReport& report) {
  std::cout << fmt::format(
      "{} on {}, checkpoint of step {}\n{} held-out episodes, {} model steps of {} actions each "
      "before and after the event\n\n  {:<16} {:>10} {:>10} {:>8} {:>10} {:>12}\n",
      run.loaded.name, run.data.dataset->path(), run.loaded.step, report.episodes,
      report.shape.half, report.shape.block, "at the event", "surprise", "difference", "t", "p",
      "effect size");
  const auto finite = [](double value, int digits) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : std::string("-");
  };
  for (size_t v = 0; v < kKeys.size(); ++v) {
    std::string difference = "-", t = "-", p = "-", effect = "-";
    if (v > 0) {
      const PairedTest test = report.test(v);
      difference = fmt::format("{:.4g}", test.mean_difference);
      t = finite(test.t, 2);
      p = fmt::format("{:.2g}", test.p);
      effect = finite(test.effect_size, 2);
    }
    std::cout << fmt::format("  {:<16} {:>10.4g} {:>10} {:>8} {:>10} {:>12}\n",
                             SurpriseReport::kVersions[v], report.at_event(v), difference, t, p,
                             effect);
  }
  std::cout << fmt::format(
      "\n  colour change: {}; paired two-sided t-tests against the reference\n", report.color);
  if (report.ended > 0) {
    std::cout << fmt::format("  left out: {} episodes that ended after the teleport\n",
                             report.ended);
  }
  if (report.redrawn > 1.0) {
    std::cout << fmt::format(
        "  the simulator's pictures differ from the recorded ones, by {:.1f} of 255 on average\n",
        report.redrawn);
  }
}

}  // namespace

int surprise_command(const Arguments& arguments) {
  SurpriseFlags flags;
  CommandLine line("surprise",
                   "Violation of expectation: replays held-out episodes in the simulator "
                   "unchanged, with\nthe body teleported in the middle, and with an abrupt change "
                   "of colour. Surprise is\nthe error of the model's predicted latents.");
  flags.add_to(line);
  line.add("--episodes", flags.episodes,
           {.help = "held-out episodes", .range = between(2, 100000)});
  line.add("--color", flags.color,
           {.help = "colour to change, NAME=#rrggbb (reverie list factors ENV)",
            .fallback = "the body's"});
  if (!line.parse(arguments)) return 0;
  flags.check();

  const WorldModelRun run = open_world_model_run(flags.run, flags.dataset, flags.device);
  const auto seed = static_cast<uint64_t>(flags.seed);
  std::optional<ProgressBar> progress;
  const auto show = [&](int64_t done, int64_t all) {
    if (!progress) progress.emplace(all, ProgressOptions{.label = "surprise"});
    progress->update(done);
  };
  const SurpriseReport report = measure_surprise(
      run, {.episodes = flags.episodes, .color = flags.color, .seed = seed, .on_progress = show});
  progress->finish();
  flags.json ? print_json(run, report, flags.seed) : print_table(run, report);
  if (!flags.plot.empty()) {
    write_charts(flags.plot, {report.chart(seed)}, 1, 720, 460);
    std::cerr << fmt::format("wrote {}\n", flags.plot);
  }
  return 0;
}

}  // namespace reverie
