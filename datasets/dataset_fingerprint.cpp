#include "datasets/dataset_fingerprint.h"

#include <algorithm>

#include "core/hash.h"

namespace reverie {
namespace {

void add_field(Fnv1a& hash, const Field& field) {
  hash.add(static_cast<int64_t>(field.name.size()));  // so that names cannot merge
  hash.add(field.name);
  hash.add(static_cast<int64_t>(field.dtype));
  hash.add(static_cast<int64_t>(field.shape.size()));
  for (const int64_t size : field.shape) hash.add(size);
}

}  // namespace

uint64_t dataset_fingerprint(Dataset& dataset, int64_t budget) {
  Fnv1a hash;
  const DatasetSchema& schema = dataset.schema();
  for (const auto* fields : {&schema.observation, &schema.info}) {
    hash.add(static_cast<int64_t>(fields->size()));
    for (const Field& field : *fields) add_field(hash, field);
  }
  add_field(hash, schema.action);
  const std::vector<DatasetEpisode>& episodes = dataset.episodes();
  for (const DatasetEpisode& episode : episodes) {
    hash.add(episode.length);
    hash.add((episode.terminated ? 1 : 0) + (episode.truncated ? 2 : 0));
  }
  const int64_t step_bytes = static_cast<int64_t>(schema.action.bytes() + sizeof(float) + 2);
  const int64_t bytes = dataset.steps() * step_bytes;
  const int64_t stride = std::max<int64_t>((bytes + budget - 1) / std::max<int64_t>(budget, 1), 1);
  for (size_t e = 0; e < episodes.size(); e += static_cast<size_t>(stride)) {
    const EpisodeData episode = dataset.read_steps(static_cast<int64_t>(e));
    hash.add(episode.action);
    hash.add(std::as_bytes(std::span(episode.reward)));
    hash.add(std::as_bytes(std::span(episode.terminated)));
    hash.add(std::as_bytes(std::span(episode.truncated)));
  }
  return hash.value();
}

}  // namespace reverie
