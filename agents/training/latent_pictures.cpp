#include "agents/training/latent_pictures.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "agents/training/decoder_training.h"
#include "agents/training/picture_sheet.h"
#include "nn/pch.h"
#include "worldmodel/action_code.h"

namespace reverie {
namespace {

constexpr int64_t kReconstructions = 9;
constexpr int64_t kRollouts = 4;
constexpr int64_t kQueries = 6;
constexpr int64_t kNeighbours = 8;
constexpr int64_t kFrames = 512;  // frames searched for neighbours

// Converts actions of blocks [B, T k, ...] for Dynamics::predict(), step by step: [B, T, ...].
at::Tensor model_actions(const WorldModel& model, const at::Tensor& actions, int64_t steps) {
  std::vector<int64_t> shape = actions.sizes().vec();
  shape[1] = steps;
  shape.insert(shape.begin() + 2, model.actions().block());
  const at::Tensor blocks = actions.view(shape);
  return model.actions().limits().choices > 0 ? blocks : model.actions().to_model(blocks);
}

// The episode of each slot, an index into `episodes`: [N] int64.
at::Tensor episodes_of(const at::Tensor& slots, const ReplayBuffer& replay) {
  const std::vector<StoredEpisode> episodes = replay.episodes();
  const int64_t lane = replay.capacity() / replay.lanes();  // slots of each; they wrap around
  const at::Tensor here = slots.cpu();
  std::vector<int64_t> out;
  for (int64_t i = 0; i < here.numel(); ++i) {
    const auto slot = here[i].item<int64_t>();
    const auto holds = [&](const StoredEpisode& episode) {
      return slot / lane == episode.first / lane &&
             (slot - episode.first + lane) % lane < episode.length;
    };
    out.push_back(std::find_if(episodes.begin(), episodes.end(), holds) - episodes.begin());
  }
  return copy_to_tensor<int64_t>(out);
}

std::vector<std::string> step_captions(int64_t steps) {
  std::vector<std::string> captions = {"start"};
  for (int64_t t = 1; t <= steps; ++t) captions.push_back(fmt::format("+{}", t));
  return captions;
}

}  // namespace

int64_t longest_rollout(const WorldModel& model, const ReplayBuffer& episodes) {
  return episodes.longest_episode() / model.actions().block();
}

OpenLoop imagine_episodes(WorldModel& model, const Decoder& decoder, const ReplayBuffer& episodes,
                          int64_t count, int64_t steps, Rng& rng) {
  const int64_t block = model.actions().block();
  const SequenceBatch batch =
      episodes.sample_sequences(count, {.length = steps * block, .observation_stride = block}, rng);
  TensorMap first;  // [B, 1, ...]
  for (const auto& [name, values] : batch.obs) first.add(name, values.narrow(1, 0, 1));
  const at::Tensor latents =
      imagine(model, model.encode(first, {}), model_actions(model, batch.action, steps));
  const at::Tensor seen = batch.obs.at("pixels").cpu();
  return {seen, decoder.pictures(latents.flatten(0, 1)).view(seen.sizes())};
}

void write_decoder_sheet(const std::filesystem::path& path, const std::string& title,
                         WorldModel& model, const Decoder& decoder, const ReplayBuffer& held_out,
                         int64_t steps, uint64_t seed) {
  Rng rng(seed);
  PictureSheet sheet(title);
  const TensorMap frames = held_out.sample(kReconstructions, {}, rng).obs;
  sheet.add_heading("held-out frames, and the decoder's reconstructions from their latents");
  sheet.add_row("seen", frames.at("pixels").cpu());
  sheet.add_row("decoded", decoder.pictures(encode_frames(model, frames)));

  steps = std::min(steps, longest_rollout(model, held_out));
  if (steps > 0) {
    const OpenLoop rollouts = imagine_episodes(model, decoder, held_out, kRollouts, steps, rng);
    sheet.add_heading(fmt::format(
        "imagined from the first frame and the actions alone, {} environment steps a frame",
        model.actions().block()));
    for (int64_t i = 0; i < kRollouts; ++i) {
      sheet.add_row("seen", rollouts.seen[i], step_captions(steps));
      sheet.add_row("imagined", rollouts.imagined[i]);
    }
  }
  sheet.write(path);
}

Neighbours nearest_neighbours(const at::Tensor& latents, const at::Tensor& episode,
                              const at::Tensor& frame, int64_t queries, int64_t count) {
  const at::Tensor distances = at::cdist(latents.narrow(0, 0, queries), latents);  // [Q, N]
  const at::Tensor same = episode.narrow(0, 0, queries).unsqueeze(1) == episode;
  Neighbours out;
  out.mean_distance = distances.mean().item<double>();
  out.is_one_episode = same.all().item<bool>();
  const at::Tensor equal = frame.unsqueeze(1) == frame;
  const at::Tensor repeated = equal.tril(-1).any(1);  // already earlier in the list
  const at::Tensor barred =
      (out.is_one_episode ? equal.narrow(0, 0, queries) : same).logical_or(repeated);
  const int64_t found = barred.logical_not().sum(1).min().item<int64_t>();
  std::tie(out.distance, out.index) =
      distances.masked_fill(barred, std::numeric_limits<float>::infinity())
          .topk(std::min(count, found), 1, /*largest=*/false);
  return out;
}

void write_neighbour_sheet(const std::filesystem::path& path, const std::string& title,
                           WorldModel& model, const ReplayBuffer& held_out, uint64_t seed) {
  Rng rng(seed);
  const Batch frames = held_out.sample(kFrames, {}, rng);
  const at::Tensor latents = encode_frames(model, frames.obs).cpu();
  const at::Tensor pixels = frames.obs.at("pixels").cpu();
  const Neighbours nearest = nearest_neighbours(latents, episodes_of(frames.index, held_out),
                                                frames.index.cpu(), kQueries, kNeighbours);
  const double scale = std::max(nearest.mean_distance, 1e-12);
  PictureSheet sheet(title);
  sheet.add_heading(fmt::format("held-out frames and their nearest in latent space, of {}",
                                nearest.is_one_episode ? "the same episode" : "other episodes"));
  for (int64_t q = 0; q < kQueries; ++q) {
    std::vector<std::string> captions = {"frame"};
    for (int64_t k = 0; k < nearest.index.size(1); ++k) {
      captions.push_back(fmt::format("{:.3f}", nearest.distance[q][k].item<double>() / scale));
    }
    const at::Tensor row = pixels.index_select(0, nearest.index[q]);
    sheet.add_row("", at::cat({pixels.narrow(0, q, 1), row}), std::move(captions));
  }
  sheet.write(path);
}

}  // namespace reverie
