#include "studies/frame_sample.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "core/field_numbers.h"
#include "worldmodel/jepa/latent_statistics.h"

namespace reverie {
namespace {

constexpr int64_t kMostNumbers = 256;  // of a field; the largest body's state here has 29

bool is_float(const Field& field) {
  return field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64;
}

// Random rows of an episode, `block` apart, at most `most`.
std::vector<int64_t> path_rows(int64_t rows, int64_t block, int64_t most, Rng& rng) {
  const int64_t frames = std::min(most, (rows - 1) / block + 1);
  const int64_t span = (frames - 1) * block + 1;
  const int64_t first = rng.integers(0, rows - span + 1);
  std::vector<int64_t> out;
  for (int64_t i = 0; i < frames; ++i) out.push_back(first + i * block);
  return out;
}

// [n, K] float64.
at::Tensor read_targets(const Dataset& dataset, const EpisodeData& episode,
                        const std::vector<StateNumber>& numbers, const std::vector<int64_t>& rows) {
  at::Tensor out = at::empty(
      {static_cast<int64_t>(rows.size()), static_cast<int64_t>(numbers.size())}, at::kDouble);
  auto* to = out.mutable_data_ptr<double>();
  const DatasetSchema& schema = dataset.schema();
  size_t k = 0;
  while (k < numbers.size()) {  // one field at a time
    const StateNumber& first = numbers[k];
    const Field& field =
        first.is_info ? schema.info[first.column] : schema.observation[first.column];
    const std::vector<double> values = reverie::numbers(
        field, first.is_info ? episode.info[first.column] : episode.observation[first.column]);
    const auto size = static_cast<size_t>(field.numel());
    for (size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(rows[i]) * size),
                  size, to + i * numbers.size() + k);
    }
    k += size;
  }
  return out;
}

}  // namespace

std::vector<StateNumber> state_numbers(const Dataset& dataset, std::vector<std::string>& left_out) {
  std::vector<StateNumber> out;
  const auto add = [&](const std::vector<Field>& fields, bool is_info) {
    for (size_t i = 0; i < fields.size(); ++i) {
      const Field& field = fields[i];
      if (!is_float(field)) continue;
      const int64_t size = field.numel();
      if (size > kMostNumbers) {
        left_out.push_back(
            fmt::format("{}: {} numbers, at most {} are sampled", field.name, size, kMostNumbers));
        continue;
      }
      for (int64_t k = 0; k < size; ++k) {
        out.push_back({field.name, k, is_info, i,
                       field.shape.empty() ? field.name : fmt::format("{}[{}]", field.name, k)});
      }
    }
  };
  add(dataset.schema().info, true);
  add(dataset.schema().observation, false);
  REVERIE_CHECK(!out.empty(),
                "{}: holds no state beside its pictures; expected float fields such as infos qpos "
                "and qvel, as `reverie collect` records them",
                dataset.path());
  return out;
}

TensorMap FrameSample::statistics() const {
  TensorMap out;
  for (const auto& [name, value] : latent_statistics(latents.unsqueeze(0))) {
    if (name != "straightness") out.add(name, value);
  }
  // Three frames have one turn, so cutting into triples puts paths of any length into one batch.
  std::vector<at::Tensor> turns;
  int64_t begin = 0;
  for (const int64_t frames : paths) {
    if (frames >= 3) turns.push_back(latents.narrow(0, begin, frames).unfold(0, 3, 1));
    begin += frames;
  }
  const at::Tensor triples =
      turns.empty() ? latents.unsqueeze(0).narrow(1, 0, 1) : at::cat(turns).transpose(1, 2);
  out.add("straightness", latent_statistics(triples).at("straightness"));
  return out;
}

FrameSample sample_frames(const WorldModelRun& run, const std::vector<int64_t>& episodes,
                          const std::vector<StateNumber>& numbers, int64_t count, Rng& rng,
                          const std::function<void(int64_t)>& on_frames) {
  Dataset& dataset = *run.data.dataset;
  const auto most = std::max<int64_t>(
      kPathFrames, (count - 1) / std::max<int64_t>(1, static_cast<int64_t>(episodes.size())) + 1);
  FrameSample out;
  std::vector<at::Tensor> latents, targets;
  int64_t found = 0;
  for (const int64_t index : episodes) {
    if (found >= count) break;
    const EpisodeData episode = dataset.read(index);
    const std::vector<int64_t> rows =
        path_rows(known_rows(episode), run.block(), std::min(most, count - found), rng);
    latents.push_back(encode_pictures(run, episode_pictures(dataset, episode, rows)));
    targets.push_back(read_targets(dataset, episode, numbers, rows));
    out.paths.push_back(static_cast<int64_t>(rows.size()));
    ++out.episodes;
    found += out.paths.back();
    if (on_frames) on_frames(found);
  }
  REVERIE_CHECK(found > 0, "{}: no frame to sample", dataset.path());
  out.latents = at::cat(latents);
  out.targets = at::cat(targets);
  return out;
}

}  // namespace reverie
