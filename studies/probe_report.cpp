#include "studies/probe_report.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "core/random.h"
#include "studies/probe.h"

namespace reverie {
namespace {

constexpr int64_t kHeldOutShare = 4;     // one held-out frame for this many training frames
constexpr int64_t kValidationShare = 6;  // of the training episodes, to stop the MLP early
constexpr int64_t kMostDots = 1000;      // of each probe in a chart

struct Samples {
  FrameSample training, validation, held_out;
};

Samples gather(const WorldModelRun& run, const std::vector<StateNumber>& numbers,
               const ProbeOptions& options) {
  Rng rng(mix_seed({options.seed, 1}));
  const std::vector<int64_t> order = shuffled(run.data.episodes.training, rng);
  REVERIE_CHECK(order.size() >= 2, "{}: {} training episode, probes need at least 2",
                run.data.dataset->path(), order.size());
  const auto validation = static_cast<std::ptrdiff_t>(
      std::max<size_t>(1, order.size() / static_cast<size_t>(kValidationShare)));
  const int64_t all = options.samples + options.validation_samples() + options.held_out_samples();
  int64_t before = 0;
  const auto sample = [&](const std::vector<int64_t>& episodes, int64_t count) {
    FrameSample out = sample_frames(run, episodes, numbers, count, rng, [&](int64_t frames) {
      if (options.on_progress) options.on_progress(before + frames, all);
    });
    before += count;
    return out;
  };
  Samples out;
  out.validation =
      sample({order.begin(), order.begin() + validation}, options.validation_samples());
  out.training = sample({order.begin() + validation, order.end()}, options.samples);
  out.held_out = sample(shuffled(run.data.episodes.held_out, rng), options.held_out_samples());
  return out;
}

// Keeps the targets that a probe can be fitted to and scored on, and names the others.
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

void examine(const Samples& samples, const std::vector<StateNumber>& numbers, uint64_t seed,
             ProbeReport& report) {
  const std::vector<int64_t> columns = usable(samples, numbers, report.left_out);
  if (columns.empty()) return;
  const at::Tensor index = copy_to_tensor(std::span<const int64_t>(columns));
  const auto data = [&](const FrameSample& sample) -> ProbeData {
    return {sample.latents, sample.targets.index_select(1, index)};
  };
  const ProbeData training = data(samples.training), held_out = data(samples.held_out);
  const auto linear = fit_linear_probe(training);
  const auto mlp = fit_mlp_probe(training, data(samples.validation), seed);
  const ProbeScores straight = linear->score(held_out), curved = mlp->score(held_out);
  report.truth = held_out.targets;
  report.linear = linear->predict(held_out.latents);
  report.mlp = mlp->predict(held_out.latents);
  for (size_t k = 0; k < columns.size(); ++k) {
    report.findings.push_back({.number = numbers[static_cast<size_t>(columns[k])],
                               .linear_mse = straight.mse[k],
                               .linear_r = straight.r[k],
                               .mlp_mse = curved.mse[k],
                               .mlp_r = curved.r[k]});
  }
}

ProbeFinding mean_of_part(const std::vector<ProbeFinding>& findings, const std::string& part) {
  ProbeFinding mean;
  mean.number.part = mean.number.name = part;
  for (double ProbeFinding::*score : {&ProbeFinding::linear_mse, &ProbeFinding::linear_r,
                                      &ProbeFinding::mlp_mse, &ProbeFinding::mlp_r}) {
    double sum = 0.0;
    int64_t count = 0;
    for (const ProbeFinding& finding : findings) {
      if (finding.number.part != part || std::isnan(finding.*score)) continue;
      sum += finding.*score;
      ++count;
    }
    mean.*score = sum / static_cast<double>(count);
  }
  return mean;
}

Chart draw(const ProbeFinding& finding, const at::Tensor& truth, const at::Tensor& linear,
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

}  // namespace

int64_t ProbeOptions::validation_samples() const {
  return std::max<int64_t>(2, samples / kValidationShare);
}

int64_t ProbeOptions::held_out_samples() const {
  return std::max<int64_t>(2, samples / kHeldOutShare);
}

std::vector<ProbeFinding> ProbeReport::means() const {
  std::vector<ProbeFinding> out;
  for (const ProbeFinding& finding : findings) {
    const std::string& part = finding.number.part;
    if (out.empty() || out.back().number.part != part) out.push_back(mean_of_part(findings, part));
  }
  return out;
}

std::vector<Chart> ProbeReport::charts(size_t most) const {
  std::vector<Chart> out;
  for (size_t k = 0; k < std::min(most, findings.size()); ++k) {
    const auto column = static_cast<int64_t>(k);
    out.push_back(draw(findings[k], truth.select(1, column), linear.select(1, column),
                       mlp.select(1, column)));
  }
  return out;
}

ProbeReport probe_world_model(const WorldModelRun& run, const ProbeOptions& options) {
  ProbeReport report;
  const std::vector<StateNumber> numbers = state_numbers(*run.data.dataset, report.left_out);
  const Samples samples = gather(run, numbers, options);
  examine(samples, numbers, mix_seed({options.seed, 2}), report);
  const auto counts = [](const FrameSample& sample) -> ProbeReport::Counts {
    return {sample.latents.size(0), sample.episodes};
  };
  report.training = counts(samples.training);
  report.validation = counts(samples.validation);
  report.held_out = counts(samples.held_out);
  report.latent_size = samples.held_out.latents.size(1);
  for (const auto& [name, value] : samples.held_out.statistics()) {
    report.latents.emplace_back(name, value.item<double>());
  }
  return report;
}

}  // namespace reverie
