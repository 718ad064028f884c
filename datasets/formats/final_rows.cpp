#include "datasets/formats/final_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

namespace reverie {
namespace {

void repeat_last_row(std::vector<std::byte>& rows, const Field& field) {
  const std::vector<std::byte> last(rows.end() - static_cast<int64_t>(field.bytes()), rows.end());
  rows.insert(rows.end(), last.begin(), last.end());
}

void drop_last_row(std::vector<std::byte>& rows, const Field& field) {
  rows.resize(rows.size() - field.bytes());
}

template <typename T>
void fill_nan(std::span<std::byte> row) {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  for (size_t at = 0; at < row.size(); at += sizeof(T)) {
    std::memcpy(row.data() + at, &kNan, sizeof kNan);
  }
}

template <typename T>
bool all_nan(std::span<const std::byte> row) {
  for (size_t at = 0; at < row.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, row.data() + at, sizeof value);
    if (!std::isnan(value)) return false;
  }
  return true;
}

}  // namespace

std::optional<EpisodeData> with_final_observation(EpisodeData episode,
                                                  const DatasetSchema& schema) {
  if (episode.has_final_observation) return episode;
  const bool terminated = episode.terminated.back() != 0;
  if (!terminated && episode.length() == 1) return std::nullopt;
  if (terminated) {
    for (size_t f = 0; f < schema.observation.size(); ++f) {
      repeat_last_row(episode.observation[f], schema.observation[f]);
    }
    return episode;
  }
  episode.has_final_observation = true;
  drop_last_row(episode.action, schema.action);
  episode.reward.pop_back();
  episode.terminated.pop_back();
  episode.truncated.pop_back();
  episode.truncated.back() = 1;
  // The dropped step's row is the result of the step before.
  for (size_t f = 0; episode.has_final_info && f < schema.info.size(); ++f) {
    drop_last_row(episode.info[f], schema.info[f]);
  }
  episode.has_final_info = true;
  return episode;
}

void without_final_observation(EpisodeData& episode, const DatasetSchema& schema) {
  episode.has_final_observation = false;
  for (size_t f = 0; f < schema.observation.size(); ++f) {
    drop_last_row(episode.observation[f], schema.observation[f]);
  }
}

std::vector<std::vector<std::byte>> padded_info(const EpisodeData& episode,
                                                const DatasetSchema& schema) {
  std::vector<std::vector<std::byte>> info = episode.info;
  for (size_t f = 0; !episode.has_final_info && f < schema.info.size(); ++f) {
    const Field& field = schema.info[f];
    repeat_last_row(info[f], field);
    const auto row = std::span(info[f]).last(field.bytes());
    if (field.dtype == DType::kFloat32) fill_nan<float>(row);
    if (field.dtype == DType::kFloat64) fill_nan<double>(row);
  }
  return info;
}

void trim_info(EpisodeData& episode, const DatasetSchema& schema) {
  size_t floats = 0, unknown = 0;
  for (size_t f = 0; f < schema.info.size(); ++f) {
    const Field& field = schema.info[f];
    const auto row = std::span<const std::byte>(episode.info[f]).last(field.bytes());
    if (field.dtype == DType::kFloat32) unknown += all_nan<float>(row) ? 1 : 0;
    if (field.dtype == DType::kFloat64) unknown += all_nan<double>(row) ? 1 : 0;
    if (field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64) ++floats;
  }
  episode.has_final_info = floats == 0 || unknown < floats;
  for (size_t f = 0; !episode.has_final_info && f < schema.info.size(); ++f) {
    drop_last_row(episode.info[f], schema.info[f]);
  }
}

}  // namespace reverie
