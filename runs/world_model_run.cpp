#include "runs/world_model_run.h"

#include <algorithm>
#include <cstring>

#include <ATen/ATen.h>

#include "agents/registry.h"
#include "agents/training/decoder_training.h"
#include "agents/training/world_model_agent.h"
#include "core/run_directory.h"
#include "worldmodel/action_code.h"

namespace reverie {
namespace {

constexpr int64_t kPicturesAtOnce = 128;  // encoded together

}  // namespace

int64_t WorldModelRun::block() const { return model->actions().block(); }

namespace {

template <typename Kind>
Kind& agent_of_kind(const LoadedPolicy& loaded, const char* has, const char* such_as) {
  auto* agent = dynamic_cast<Kind*>(loaded.agent.get());
  REVERIE_CHECK(agent != nullptr, "{}: agent '{}' {}; expected a run of one that does, such as {}",
                loaded.name, loaded.config->agent, has, such_as);
  return *agent;
}

}  // namespace

HasWorldModel& world_model_of(const LoadedPolicy& loaded) {
  return agent_of_kind<HasWorldModel>(loaded, "learns no world model", "jepa or world-models");
}

WorldModelAgent& world_model_agent(const LoadedPolicy& loaded) {
  return agent_of_kind<WorldModelAgent>(loaded, "learns no world model without pictures of its own",
                                        "jepa");
}

WorldModelRun open_world_model_run(const std::string& run, const std::string& dataset,
                                   const std::string& device) {
  RunDirectory::open(run, RunDirectory::Access::kRead);  // "random" is no run here
  WorldModelRun out;
  LoadOptions options;
  options.device = device;
  options.without_goals = true;
  out.loaded = load_policy(run, options);
  out.model = &world_model_of(out.loaded).model();
  const RunConfig& config = *out.loaded.config;
  REVERIE_CHECK(
      !dataset.empty() || !config.dataset().empty(),
      "{}: gathered its own experience and names no dataset; give --dataset F with pictures of {}",
      run, out.loaded.spec.id);
  out.data =
      open_split_pictures(config, out.loaded.spec, dataset.empty() ? config.dataset() : dataset,
                          dataset.empty() ? out.loaded.dataset : "");
  return out;
}

at::Tensor episode_pictures(const Dataset& dataset, const EpisodeData& episode,
                            const std::vector<int64_t>& rows) {
  const std::optional<DatasetColumn> pixels = dataset.schema().find("pixels");
  REVERIE_CHECK(pixels, "{}: holds no pixels", dataset.path());
  const std::vector<std::byte>& column = pixels->of(episode);
  const size_t bytes = pixels->field->bytes();
  std::vector<int64_t> shape{static_cast<int64_t>(rows.size())};
  shape.insert(shape.end(), pixels->field->shape.begin(), pixels->field->shape.end());
  at::Tensor out = at::empty(shape, at::kByte);
  auto* to = out.mutable_data_ptr<uint8_t>();
  for (const int64_t row : rows) {
    REVERIE_CHECK(row >= 0 && (static_cast<size_t>(row) + 1) * bytes <= column.size(),
                  "{}: row {} of an episode of {} steps", dataset.path(), row, episode.length());
    std::memcpy(to, column.data() + static_cast<size_t>(row) * bytes, bytes);
    to += bytes;
  }
  return out;
}

int64_t known_rows(const EpisodeData& episode) {
  return episode.length() + (episode.has_final_observation && episode.has_final_info ? 1 : 0);
}

at::Tensor encode_pictures(const WorldModelRun& run, const at::Tensor& pictures) {
  std::vector<at::Tensor> latents;
  for (const at::Tensor& part : pictures.split(kPicturesAtOnce)) {
    const at::Tensor found = encode_frames(*run.model, {{"pixels", part}});
    latents.push_back(found.to(at::kCPU, at::kFloat));
  }
  return at::cat(latents);
}

std::vector<int64_t> shuffled(std::vector<int64_t> episodes, Rng& rng) {
  const auto count = static_cast<int64_t>(episodes.size());
  std::vector<int64_t> out;
  out.reserve(episodes.size());
  for (const int64_t i : rng.choice(count, count)) out.push_back(episodes[static_cast<size_t>(i)]);
  return out;
}

}  // namespace reverie
