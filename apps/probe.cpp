#include "studies/probe.h"

#include <cmath>
#include <iostream>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include "apps/json_number.h"
#include "apps/run_flags.h"
#include "core/progress.h"
#include "drawing/chart.h"
#include "studies/frame_sample.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kHeldOutShare = 4;     // one held-out frame for so many training frames
constexpr int64_t kValidationShare = 6;  // of the training episodes, to stop the MLP early
constexpr size_t kMostCharts = 6;
constexpr int64_t kMostDots = 1000;

struct ProbeFlags : WorldModelFlags {
  int64_t samples = 20000;
};

struct Samples {
  FrameSample training, validation, held_out;
};

// What can be probed, and what one probe makes of it.
struct Finding {
  StateNumber number;
  double linear_mse = 0.0, linear_r = 0.0, mlp_mse = 0.0, mlp_r = 0.0;
};

struct Report {
  std::vector<Finding> findings;
  std::vector<std::string> left_out;
  std::vector<Chart> charts;
};

Samples gather(const WorldModelRun& run, const std::vector<StateNumber>& numbers,
               const ProbeFlags& flags) {
  Rng rng(mix_seed({static_cast<uint64_t>(flags.seed), 1}));
  const std::vector<int64_t> order = shuffled(run.data.episodes.training, rng);
  REVERIE_CHECK(order.size() >= 2,
                "{}: {} episode that the run learnt from, probes need at least 2",
                run.data.dataset->path(), order.size());
  const auto validation = static_cast<std::ptrdiff_t>(
      std::max<size_t>(1, order.size() / static_cast<size_t>(kValidationShare)));
  const int64_t few = std::max<int64_t>(2, flags.samples / kValidationShare);
  const int64_t held_out = std::max<int64_t>(2, flags.samples / kHeldOutShare);
  ProgressBar progress(flags.samples + few + held_out, {.label = "encode"});
  int64_t before = 0;
  const auto sample = [&](const std::vector<int64_t>& episodes, int64_t count) {
    FrameSample out = sample_frames(run, episodes, numbers, count, rng,
                                    [&](int64_t frames) { progress.update(before + frames); });
    before += count;
    return out;
  };
  Samples out;
  out.validation = sample({order.begin(), order.begin() + validation}, few);
  out.training = sample({order.begin() + validation, order.end()}, flags.samples);
  out.held_out = sample(shuffled(run.data.episodes.held_out, rng), held_out);
  progress.finish();
  return out;
}

// Keeps the targets that a probe can be fitted to and held against, and says what the others are.
std::vector<int64_t> usable(const Samples& samples, const std::vector<StateNumber>& numbers,
                            std::vector<std::string>& left_out) {
  const at::Tensor all =
      at::cat({samples.training.targets, samples.validation.targets, samples.held_out.targets});
  const auto is_constant = [](const at::Tensor& column) {
    return at::equal(column, column.narrow(0, 0, 1).expand_as(column));
  };
  std::vector<int64_t> out;
  for (size_t k = 0; k < numbers.size(); ++k) {
    const auto column = static_cast<int64_t>(k);
    if (!at::isfinite(all.select(1, column)).all().item<bool>()) {
      left_out.push_back(numbers[k].name + ": not finite");
    } else if (is_constant(samples.training.targets.select(1, column))) {
      left_out.push_back(numbers[k].name + ": constant");
    } else if (is_constant(samples.held_out.targets.select(1, column))) {
      left_out.push_back(numbers[k].name + ": constant in the held-out episodes");
    } else {
      out.push_back(column);
    }
  }
  return out;
}

Chart draw(const Finding& finding, const at::Tensor& truth, const at::Tensor& linear,
           const at::Tensor& mlp) {
  Chart chart(
      fmt::format("{}   r {:.3f} / {:.3f}", finding.number.name, finding.linear_r, finding.mlp_r),
      "true", "predicted");
  const int64_t stride = (truth.size(0) - 1) / kMostDots + 1;
  std::vector<Point> line, curve;
  for (int64_t i = 0; i < truth.size(0); i += stride) {
    const double x = truth[i].item<double>();
    line.push_back({x, linear[i].item<double>()});
    curve.push_back({x, mlp[i].item<double>()});
  }
  const double low = truth.min().item<double>(), high = truth.max().item<double>();
  chart.add_points("linear", std::move(line));
  chart.add_points("MLP", std::move(curve));
  chart.add_line("", {{low, low}, {high, high}});
  return chart;
}

Report examine(const Samples& samples, const std::vector<StateNumber>& numbers, uint64_t seed,
               std::vector<std::string> left_out) {
  Report report{.findings = {}, .left_out = std::move(left_out), .charts = {}};
  const std::vector<int64_t> columns = usable(samples, numbers, report.left_out);
  if (columns.empty()) return report;
  const at::Tensor index = copy_to_tensor(std::span<const int64_t>(columns));
  const auto data = [&](const FrameSample& sample) -> ProbeData {
    return {sample.latents, sample.targets.index_select(1, index)};
  };
  const ProbeData training = data(samples.training), held_out = data(samples.held_out);
  const auto linear = fit_linear_probe(training);
  const auto mlp = fit_mlp_probe(training, data(samples.validation), seed);
  const ProbeScores straight = linear->score(held_out), curved = mlp->score(held_out);
  const at::Tensor by_linear = linear->predict(held_out.latents);
  const at::Tensor by_mlp = mlp->predict(held_out.latents);
  for (size_t k = 0; k < columns.size(); ++k) {
    report.findings.push_back({.number = numbers[static_cast<size_t>(columns[k])],
                               .linear_mse = straight.mse[k],
                               .linear_r = straight.r[k],
                               .mlp_mse = curved.mse[k],
                               .mlp_r = curved.r[k]});
    if (report.charts.size() >= kMostCharts) continue;
    const auto column = static_cast<int64_t>(k);
    report.charts.push_back(draw(report.findings.back(), held_out.targets.select(1, column),
                                 by_linear.select(1, column), by_mlp.select(1, column)));
  }
  return report;
}

// Means over the numbers of a part; a correlation that is not defined is left out.
Finding mean_of_part(const std::vector<Finding>& findings, const std::string& part) {
  Finding mean;
  mean.number.name = part + ", mean";
  for (double Finding::*score :
       {&Finding::linear_mse, &Finding::linear_r, &Finding::mlp_mse, &Finding::mlp_r}) {
    double sum = 0.0;
    int64_t count = 0;
    for (const Finding& finding : findings) {
      if (finding.number.part != part || std::isnan(finding.*score)) continue;
      sum += finding.*score;
      ++count;
    }
    mean.*score = sum / static_cast<double>(count);
  }
  return mean;
}

// The parts of the findings, in their order.
std::vector<std::string> parts_of(const std::vector<Finding>& findings) {
  std::vector<std::string> parts;
  for (const Finding& finding : findings) {
    if (parts.empty() || parts.back() != finding.number.part) parts.push_back(finding.number.part);
  }
  return parts;
}

Json scores(const Finding& finding) {
  return {
      {"linear", {{"mse", json_number(finding.linear_mse)}, {"r", json_number(finding.linear_r)}}},
      {"mlp", {{"mse", json_number(finding.mlp_mse)}, {"r", json_number(finding.mlp_r)}}}};
}

void print_json(const WorldModelRun& run, const Samples& samples, const Report& report,
                const ProbeFlags& flags) {
  const auto counts = [](const FrameSample& sample) -> Json {
    return {{"frames", sample.latents.size(0)}, {"episodes", sample.episodes}};
  };
  Json targets = Json::object(), means = Json::object(), latents = Json::object();
  for (const Finding& finding : report.findings) targets[finding.number.name] = scores(finding);
  for (const std::string& part : parts_of(report.findings)) {
    means[part] = scores(mean_of_part(report.findings, part));
  }
  latents["size"] = samples.held_out.latents.size(1);
  for (const auto& [name, value] : samples.held_out.statistics()) {
    latents[name] = json_number(value.item<double>());
  }
  const Json out = {{"run", run.loaded.name},
                    {"step", run.loaded.step},
                    {"dataset", run.data.dataset->path()},
                    {"seed", flags.seed},
                    {"training", counts(samples.training)},
                    {"validation", counts(samples.validation)},
                    {"held_out", counts(samples.held_out)},
                    {"targets", targets},
                    {"means", means},
                    {"left_out", report.left_out},
                    {"latents", latents}};
  // A run folder's name need not be UTF-8.
  std::cout << out.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

void print_table(const WorldModelRun& run, const Samples& samples, const Report& report) {
  std::cout << fmt::format(
      "{} on {}, checkpoint of step {}\nprobes fitted to {} frames of {} training episodes, scored "
      "on {} frames of {} held-out ones\n\n  {:<28} {:>10} {:>10} {:>10} {:>10}\n",
      run.loaded.name, run.data.dataset->path(), run.loaded.step, samples.training.latents.size(0),
      samples.training.episodes, samples.held_out.latents.size(0), samples.held_out.episodes, "",
      "linear MSE", "r", "MLP MSE", "r");
  const auto cell = [](double value) {
    return std::isfinite(value) ? fmt::format("{:.4f}", value) : std::string("-");
  };
  const auto row = [&](const Finding& finding) {
    std::cout << fmt::format("  {:<28} {:>10} {:>10} {:>10} {:>10}\n", finding.number.name,
                             cell(finding.linear_mse), cell(finding.linear_r),
                             cell(finding.mlp_mse), cell(finding.mlp_r));
  };
  for (const Finding& finding : report.findings) row(finding);
  std::cout << "\n";
  for (const std::string& part : parts_of(report.findings)) {
    row(mean_of_part(report.findings, part));
  }
  for (const std::string& note : report.left_out) std::cout << "  left out: " << note << "\n";
  const TensorMap statistics = samples.held_out.statistics();
  const auto value = [&](const char* name) { return statistics.at(name).item<double>(); };
  std::cout << fmt::format(
      "\n  latents of the held-out frames: {} numbers, effective rank {:.2f}, variances {:.3g} to "
      "{:.3g}, straightness {}\n",
      samples.held_out.latents.size(1), value("effective_rank"), value("least_variance"),
      value("greatest_variance"), cell(value("straightness")));
}

}  // namespace

int probe_command(const Arguments& arguments) {
  ProbeFlags flags;
  CommandLine line("probe",
                   "Reads the simulator's state out of a world model's latents: linear and MLP\n"
                   "probes fitted to frames of episodes that the model learnt from, scored on\n"
                   "frames of those that were held out. MSE in variances, r is Pearson's.");
  flags.add_to(line);
  line.add("--samples", flags.samples, {.help = "training frames", .range = between(2, 1e7)});
  if (!line.parse(arguments)) return 0;
  flags.check();

  const WorldModelRun run = open_world_model_run(flags.run, flags.dataset, flags.device);
  std::vector<std::string> left_out;
  const std::vector<StateNumber> numbers = state_numbers(*run.data.dataset, left_out);
  const Samples samples = gather(run, numbers, flags);
  const Report report =
      examine(samples, numbers, mix_seed({static_cast<uint64_t>(flags.seed), 2}), left_out);
  flags.json ? print_json(run, samples, report, flags) : print_table(run, samples, report);
  if (!flags.plot.empty()) {
    REVERIE_CHECK(!report.charts.empty(),
                  "--plot {}: all of the state is constant or not finite, there is nothing to draw",
                  flags.plot);
    write_charts(flags.plot, report.charts, 3, 420, 340);
    std::cerr << fmt::format("wrote {}\n", flags.plot);
  }
  return 0;
}

}  // namespace reverie
