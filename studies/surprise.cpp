#include "studies/surprise.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "worldmodel/action_code.h"

namespace reverie {
namespace {

// Frames before the event and after it; fewer where the held-out episodes are short.
constexpr int64_t kMostHalf = 10;

// || z'_t+1 - z_t+1 ||^2 for every frame with a whole history before it. pictures: [F, H, W, C],
// actions: [F - 1, k, ...]. Returns [F - history].
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

// The held-out episodes that are long enough, and the shown part of them.
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

}  // namespace

double SurpriseReport::mean(size_t version, int64_t step) const {
  return summarize(curves[version][static_cast<size_t>(step)], 0).mean;
}

double SurpriseReport::at_event(size_t version) const {
  return mean(version, shape.half - history);
}

PairedTest SurpriseReport::test(size_t version) const {
  const auto event = static_cast<size_t>(shape.half - history);
  return paired_t_test(curves[version][event], curves[0][event]);
}

Chart SurpriseReport::chart(uint64_t seed) const {
  Chart chart(fmt::format("surprise, {} held-out episodes", episodes),
              "model steps after the event");
  for (size_t v = 0; v < kVersions.size(); ++v) {
    std::vector<Point> points;
    std::vector<Chart::Interval> band;
    for (int64_t t = 0; t < steps(); ++t) {
      const Summary summary = summarize(curves[v][static_cast<size_t>(t)], seed);
      points.push_back({static_cast<double>(offset(t)), summary.mean});
      band.push_back({summary.ci95_low, summary.ci95_high});
    }
    chart.add_line(kVersions[v], std::move(points), std::move(band));
  }
  return chart;
}

SurpriseReport measure_surprise(const WorldModelRun& run, const SurpriseOptions& options) {
  Rng rng(options.seed);
  auto [episodes, shape] = choose_episodes(run);
  ViolationFilm film(run, shape, options.color);
  SurpriseReport out{.shape = shape, .history = run.model->history(), .color = film.color()};
  for (auto& curve : out.curves) curve.resize(static_cast<size_t>(out.steps()));
  episodes = shuffled(std::move(episodes), rng);
  episodes.resize(std::min(episodes.size(), static_cast<size_t>(options.episodes)));
  std::vector<Stretch> stretches;
  for (const int64_t i : episodes) stretches.push_back(film.cut(i));
  const std::vector<ViolationFilm::Body> destinations = film.destinations(stretches, rng);
  for (size_t i = 0; i < stretches.size(); ++i) {
    if (options.on_progress) {
      options.on_progress(static_cast<int64_t>(i) + 1, static_cast<int64_t>(stretches.size()));
    }
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
  REVERIE_CHECK(out.episodes >= 2,
                "{}: in {} of {} stretches the episode ended after the teleport; expected two that "
                "go on; raise --episodes",
                run.data.dataset->path(), out.ended, stretches.size());
  out.redrawn /= static_cast<double>(out.episodes);
  return out;
}

}  // namespace reverie
