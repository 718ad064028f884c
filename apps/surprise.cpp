#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include "apps/json_number.h"
#include "apps/run_flags.h"
#include "core/progress.h"
#include "core/statistics.h"
#include "drawing/chart.h"
#include "studies/violation.h"
#include "worldmodel/action_code.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

// Frames before the event and after it; fewer where the held-out episodes are short.
constexpr int64_t kMostHalf = 10;

struct SurpriseFlags : WorldModelFlags {
  int64_t episodes = 100;
  std::string color;
};

// The three versions of a stretch, in the order that they are reported in.
constexpr std::array<const char*, 3> kNames = {"reference", "teleport", "colour change"};
constexpr std::array<const char*, 3> kKeys = {"reference", "teleport", "color"};

// Surprise of every episode at every model step: [version][step][episode].
using Curves = std::array<std::vector<std::vector<double>>, 3>;

struct Measured {
  StretchShape shape;
  int64_t history = 1;   // frames that the model looks back at
  int64_t episodes = 0;  // of which there is a surprise
  int64_t ended = 0;     // left out: the environment's episode ended after the teleport
  std::string color;
  double redrawn = 0.0;  // mean difference of first frames and the recorded ones [0, 255]
  Curves curves = {};

  int64_t steps() const { return shape.frames() - history; }
  // Of a step relative to the one that leads to the event.
  int64_t offset(int64_t step) const { return step + history - shape.half; }
  size_t event() const { return static_cast<size_t>(shape.half - history); }
};

// || z'_t+1 - z_t+1 ||^2 for every frame that a whole history stands before. pictures: [F, H, W,
// C], actions: [F - 1, k, ...]. Returns [F - history].
std::vector<double> surprise(const WorldModelRun& run, const at::Tensor& pictures,
                             const at::Tensor& actions) {
  const at::NoGradGuard no_grad;
  WorldModel& model = *run.model;
  const int64_t history = model.history(), count = pictures.size(0) - history;
  std::vector<at::Tensor> seen, done;
  for (int64_t t = 0; t < count; ++t) {
    seen.push_back(pictures.narrow(0, t, history));
    done.push_back(actions.narrow(0, t, history - 1));
  }
  const LatentState state = model.encode({{"pixels", at::stack(seen)}}, at::stack(done));
  const at::Tensor next = actions.narrow(0, history - 1, count).to(state.z.device());
  const bool is_discrete = next.scalar_type() == at::kLong;
  const at::Tensor predicted =
      model.predict(state, is_discrete ? next : model.actions().to_model(next)).latest();
  const at::Tensor found = encode_pictures(run, pictures.narrow(0, history, count));
  const at::Tensor error =
      (predicted.to(at::kCPU, at::kDouble) - found.to(at::kDouble)).square().sum(-1).contiguous();
  REVERIE_CHECK(at::isfinite(error).all().item<bool>(),
                "{}: predicted latents are not finite; has training diverged?", run.loaded.name);
  const auto* values = error.const_data_ptr<double>();
  return {values, values + count};
}

// The held-out episodes that are long enough, and how much of them is shown.
std::pair<std::vector<int64_t>, StretchShape> choose_episodes(const WorldModelRun& run) {
  const std::vector<DatasetEpisode>& episodes = run.data.dataset->episodes();
  std::vector<int64_t> lengths;
  for (const int64_t i : run.data.episodes.held_out) {
    lengths.push_back(episodes[static_cast<size_t>(i)].length);
  }
  std::sort(lengths.begin(), lengths.end());
  const int64_t median = lengths[lengths.size() / 2];
  StretchShape shape{.half = 0, .block = run.block()};
  shape.half = std::max(run.model->history(), std::min(kMostHalf, median / (2 * shape.block)));
  std::vector<int64_t> long_enough;
  for (const int64_t i : run.data.episodes.held_out) {
    if (episodes[static_cast<size_t>(i)].length >= shape.steps()) long_enough.push_back(i);
  }
  REVERIE_CHECK(long_enough.size() >= 2,
                "{}: {} of {} held-out episodes have {} steps, {} model steps before and after "
                "the event; expected at least 2",
                run.data.dataset->path(), long_enough.size(), lengths.size(), shape.steps(),
                shape.half);
  return {long_enough, shape};
}

Measured measure(const WorldModelRun& run, const SurpriseFlags& flags) {
  Rng rng(static_cast<uint64_t>(flags.seed));
  auto [episodes, shape] = choose_episodes(run);
  ViolationFilm film(run, shape, flags.color);
  Measured out{.shape = shape, .history = run.model->history(), .color = film.color()};
  for (auto& curve : out.curves) curve.resize(static_cast<size_t>(out.steps()));
  episodes = shuffled(std::move(episodes), rng);
  episodes.resize(std::min(episodes.size(), static_cast<size_t>(flags.episodes)));
  std::vector<Stretch> stretches;
  for (const int64_t i : episodes) stretches.push_back(film.cut(i));
  const std::vector<ViolationFilm::Body> destinations = film.destinations(stretches, rng);
  ProgressBar progress(static_cast<int64_t>(stretches.size()), {.label = "surprise"});
  for (size_t i = 0; i < stretches.size(); ++i) {
    progress.update(static_cast<int64_t>(i) + 1);
    const std::optional<Violation> shown = film.film(stretches[i], destinations[i]);
    if (!shown) {
      ++out.ended;
      continue;
    }
    ++out.episodes;
    out.redrawn += (shown->reference[0].to(at::kDouble) - stretches[i].picture.to(at::kDouble))
                       .abs()
                       .mean()
                       .item<double>();
    const std::array<at::Tensor, 3> versions{shown->reference, shown->teleport, shown->color};
    for (size_t v = 0; v < versions.size(); ++v) {
      const std::vector<double> values = surprise(run, versions[v], shown->actions);
      for (size_t t = 0; t < values.size(); ++t) out.curves[v][t].push_back(values[t]);
    }
  }
  progress.finish();
  REVERIE_CHECK(out.episodes >= 2,
                "{}: in {} of {} stretches the environment's episode ended after the teleport; "
                "expected two that go on; more --episodes help",
                run.data.dataset->path(), out.ended, stretches.size());
  out.redrawn /= static_cast<double>(out.episodes);
  return out;
}

Json test_json(const PairedTest& test) {
  return {{"difference", test.mean_difference},
          {"t", json_number(test.t)},
          {"p", test.p},
          {"effect_size", json_number(test.effect_size)}};
}

double mean(const std::vector<double>& values) { return summarize(values, 0).mean; }

Json report(const WorldModelRun& run, const Measured& measured, const SurpriseFlags& flags) {
  Json event = Json::object(), curves = Json::object(), offsets = Json::array();
  const auto& calm = measured.curves[0][measured.event()];
  for (size_t v = 0; v < kKeys.size(); ++v) {
    const auto& values = measured.curves[v][measured.event()];
    event[kKeys[v]] = {{"surprise", mean(values)}};
    if (v > 0) event[kKeys[v]].update(test_json(paired_t_test(values, calm)));
    curves[kKeys[v]] = Json::array();
    for (const auto& step : measured.curves[v]) curves[kKeys[v]].push_back(mean(step));
  }
  for (int64_t t = 0; t < measured.steps(); ++t) offsets.push_back(measured.offset(t));
  return {{"run", run.loaded.name},
          {"step", run.loaded.step},
          {"dataset", run.data.dataset->path()},
          {"seed", flags.seed},
          {"episodes", measured.episodes},
          {"left_out", measured.ended},
          {"action_block", measured.shape.block},
          {"history", measured.history},
          {"color", measured.color},
          {"redrawn_difference", measured.redrawn},
          {"event", event},
          {"model_steps", offsets},
          {"curves", curves}};
}

void print_table(const Json& out, const Measured& measured) {
  std::cout << fmt::format(
      "{} on {}, checkpoint of step {}\n{} held-out episodes, {} model steps of {} actions each "
      "before and after the event\n\n  {:<16} {:>10} {:>10} {:>8} {:>10} {:>12}\n",
      out["run"].get<std::string>(), out["dataset"].get<std::string>(), out["step"].get<int64_t>(),
      measured.episodes, measured.shape.half, measured.shape.block, "at the event", "surprise",
      "difference", "t", "p", "effect size");
  for (size_t v = 0; v < kNames.size(); ++v) {
    const Json& row = out["event"][kKeys[v]];
    const auto cell = [&](const char* key, const char* format) {
      const bool is_there = row.contains(key) && !row[key].is_null();
      return is_there ? fmt::format(fmt::runtime(format), row[key].get<double>())
                      : std::string("-");
    };
    std::cout << fmt::format("  {:<16} {:>10} {:>10} {:>8} {:>10} {:>12}\n", kNames[v],
                             cell("surprise", "{:.4g}"), cell("difference", "{:.4g}"),
                             cell("t", "{:.2f}"), cell("p", "{:.2g}"),
                             cell("effect_size", "{:.2f}"));
  }
  std::cout << fmt::format(
      "\n  colour change: {}; paired two-sided t-tests against the reference\n", measured.color);
  if (measured.ended > 0) {
    std::cout << fmt::format("  left out: {} episodes that ended after the teleport\n",
                             measured.ended);
  }
  if (measured.redrawn > 1.0) {
    std::cout << fmt::format(
        "  the simulator draws other pictures than were recorded: they differ by {:.1f} of 255 on "
        "average\n",
        measured.redrawn);
  }
}

void draw(const std::string& path, const Measured& measured, uint64_t seed) {
  Chart chart(fmt::format("surprise, {} held-out episodes", measured.episodes),
              "model steps after the event");
  for (size_t v = 0; v < kNames.size(); ++v) {
    std::vector<Point> points;
    std::vector<Chart::Interval> band;
    for (int64_t t = 0; t < measured.steps(); ++t) {
      const Summary summary = summarize(measured.curves[v][static_cast<size_t>(t)], seed);
      points.push_back({static_cast<double>(measured.offset(t)), summary.mean});
      band.push_back({summary.ci95_low, summary.ci95_high});
    }
    chart.add_line(kNames[v], std::move(points), std::move(band));
  }
  write_charts(path, {chart}, 1, 720, 460);
}

}  // namespace

int surprise_command(const Arguments& arguments) {
  SurpriseFlags flags;
  CommandLine line("surprise",
                   "Violation of expectation: replays held-out episodes in the simulator as they\n"
                   "were, with the body teleported in the middle, and with an abrupt change of\n"
                   "colour; surprise is how far the model's predicted latents are off.");
  flags.add_to(line);
  line.add("--episodes", flags.episodes,
           {.help = "held-out episodes", .range = between(2, 100000)});
  line.add("--color", flags.color,
           {.help = "colour that changes, NAME=#rrggbb (reverie list factors ENV)",
            .fallback = "the body's"});
  if (!line.parse(arguments)) return 0;
  flags.check();

  const WorldModelRun run = open_world_model_run(flags.run, flags.dataset, flags.device);
  const Measured measured = measure(run, flags);
  const Json out = report(run, measured, flags);
  // A run folder's name need not be UTF-8.
  flags.json ? void(std::cout << out.dump(2, ' ', false, Json::error_handler_t::replace) << "\n")
             : print_table(out, measured);
  if (!flags.plot.empty()) {
    draw(flags.plot, measured, static_cast<uint64_t>(flags.seed));
    std::cerr << fmt::format("wrote {}\n", flags.plot);
  }
  return 0;
}

}  // namespace reverie
