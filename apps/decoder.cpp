#include <iostream>

#include "agents/space_adapter.h"
#include "agents/training/decoder_training.h"
#include "agents/training/experience.h"
#include "agents/training/latent_pictures.h"
#include "agents/training/picture_sheet.h"
#include "agents/training/world_model_agent.h"
#include "agents/training/world_model_trainer.h"
#include "apps/command.h"
#include "core/progress.h"
#include "core/run_directory.h"
#include "drawing/canvas.h"
#include "drawing/video.h"
#include "nn/pch.h"
#include "runs/world_model_run.h"
#include "worldmodel/action_code.h"

namespace reverie {
namespace {

constexpr int64_t kSheetSteps = 8;   // the most model steps on a sheet
constexpr int kPictureHeight = 320;  // [px] in the video
constexpr int kFilmGap = 8;          // [px]
constexpr int kHeader = 44;          // [px]
constexpr double kText = 15.0;
constexpr double kFramesPerSecond = 8.0;
constexpr int64_t kHeldFrames = 4;  // an episode begins and ends with
constexpr Color kBackground{24, 28, 36};
constexpr Color kFilmLabel{235, 238, 244};
constexpr Color kFaint{190, 198, 210};

struct DecoderFlags {
  std::string run, dataset, out, video;
  int64_t updates = DecoderTrainingOptions().updates;
  int64_t steps = 20;
  int64_t episodes = 6;
  int64_t seed = 0;
};

// The training dataset, or --dataset.
std::unique_ptr<Experience> read_data(const DecoderFlags& flags, RunConfig& config,
                                      const EnvSpec& spec) {
  auto* training = dynamic_cast<WorldModelTraining*>(config.training.get());
  REVERIE_CHECK(training != nullptr, "{}: agent '{}' learns no world model", flags.run,
                config.agent);
  if (!flags.dataset.empty()) training->data.path = flags.dataset;
  REVERIE_CHECK(!training->data.path.empty(),
                "{}: the run gathered its own experience and names no dataset; give one with the "
                "same pictures and actions by --dataset (`reverie collect` records one)",
                flags.run);
  std::cerr << fmt::format("reading {}\n", training->data.path);
  return read_experience(config, *training, SpaceAdapter::adapt(spec));
}

std::unique_ptr<DecoderLearner> train(const DecoderFlags& flags, const LoadedPolicy& loaded,
                                      WorldModel& model, const Experience& experience) {
  auto learner = std::make_unique<DecoderLearner>(
      model, experience.training(), loaded.spec.field("pixels"),
      DecoderTrainingOptions{.updates = flags.updates, .seed = loaded.config->seed_for("decoder")});
  ProgressBar progress(flags.updates, {.label = "decoder", .unit = "updates"});
  learner->take_statistics();
  while (learner->updates() < flags.updates) {
    learner->update();
    progress.update(learner->updates(), {{"loss", learner->loss()}});
  }
  progress.finish();
  learner->decoder().save_file(decoder_file(flags.run), loaded.step);
  std::cerr << fmt::format("wrote {} (mean squared error of held-out pixels {:.2e})\n",
                           decoder_file(flags.run).string(),
                           decoder_error(model, learner->decoder(), experience.held_out(),
                                         loaded.config->seed_for("held-out")));
  return learner;
}

// Episodes one after another: as recorded on the left, as the model imagines them on the right.
void write_video(const DecoderFlags& flags, const std::string& title, const OpenLoop& rollouts,
                 double seconds_per_step) {
  const int64_t episodes = rollouts.seen.size(0), frames = rollouts.seen.size(1);
  const ImageSize picture = size_at_height(rollouts.seen[0][0], kPictureHeight);
  Canvas canvas(2 * picture.width + 3 * kFilmGap, kHeader + picture.height + kFilmGap);
  VideoWriter video(flags.video, canvas.width(), canvas.height(), kFramesPerSecond);
  const int right = 2 * kFilmGap + picture.width;
  for (int64_t episode = 0; episode < episodes; ++episode) {
    for (int64_t t = 0; t < frames; ++t) {
      canvas.clear(kBackground);
      canvas.text(kFilmGap, 1.2 * kText, fmt::format("{}   episode {}", title, episode + 1), kText,
                  kFilmLabel);
      canvas.text(kFilmGap, 2.5 * kText, "seen", kText, kFaint);
      canvas.text(right, 2.5 * kText,
                  fmt::format("imagined   +{} steps, {:.2f} s", t,
                              static_cast<double>(t) * seconds_per_step),
                  kText, kFaint);
      draw_picture(canvas, kFilmGap, kHeader, picture, rollouts.seen[episode][t]);
      draw_picture(canvas, right, kHeader, picture, rollouts.imagined[episode][t]);
      const bool is_held = t == 0 || t + 1 == frames;
      for (int64_t i = 0; i < (is_held ? kHeldFrames : 1); ++i) video.write(canvas.image());
    }
  }
  video.close();
}

void draw_everything(const DecoderFlags& flags, const LoadedPolicy& loaded, WorldModel& model,
                     const Decoder& decoder, const ReplayBuffer& held_out) {
  const auto seed = static_cast<uint64_t>(flags.seed);
  const std::string title =
      fmt::format("{}   {}   step {}", loaded.spec.id, loaded.config->agent, loaded.step);
  const std::string sheet =
      flags.out.empty() ? (std::filesystem::path(flags.run) / "videos" / "decoder.png").string()
                        : flags.out;
  write_decoder_sheet(sheet, title, model, decoder, held_out, std::min(flags.steps, kSheetSteps),
                      seed);
  std::cerr << fmt::format("wrote {}\n", sheet);
  if (flags.video.empty()) return;
  const int64_t longest = longest_rollout(model, held_out);
  REVERIE_CHECK(longest > 0, "--video {}: no held-out episode is as long as a block of {} actions",
                flags.video, model.actions().block());
  Rng rng(seed);
  const OpenLoop rollouts = imagine_episodes(model, decoder, held_out, flags.episodes,
                                             std::min(flags.steps, longest), rng);
  write_video(flags, title, rollouts,
              loaded.spec.dt * static_cast<double>(model.actions().block()));
  std::cerr << fmt::format("wrote {}\n", flags.video);
}

}  // namespace

int decoder_command(const Arguments& arguments) {
  DecoderFlags flags;
  LoadOptions options;
  options.without_goals = true;
  CommandLine line("decoder",
                   "Trains a decoder of a run's latents on the run's training episodes, writes it "
                   "to\nRUN/decoder.safetensors for `reverie render`, and draws held-out frames "
                   "beside\ntheir reconstructions and the model's predictions.");
  line.add("RUN", flags.run, {.help = "run folder of a world model", .required = true});
  line.add("--updates", flags.updates,
           {.help = "gradient updates; 0 = use the decoder that the run already has",
            .range = between(0, 1e7)});
  line.add("--dataset", flags.dataset,
           {.help = "dataset to learn from and to draw", .fallback = "the run's"});
  line.add("--out", flags.out,
           {.help = "picture of the sheet to write, .png", .fallback = "RUN/videos/decoder.png"});
  line.add(
      "--video", flags.video,
      {.help = "also film imagined episodes beside recorded ones: video.mp4, .gif or folder/"});
  line.add(
      "--imagine", flags.steps,
      {.help = fmt::format("most model steps to imagine; the sheet shows at most {}", kSheetSteps),
       .range = between(1, 10000)});
  line.add("--episodes", flags.episodes,
           {.help = "episodes in the video", .range = between(1, 1000)});
  line.add("--seed", flags.seed,
           {.help = "random seed of the episodes that are drawn", .range = at_least(0)});
  line.add("--device", options.device,
           {.help = "device of the networks: cpu or cuda", .fallback = "the run's"});
  if (!line.parse(arguments)) return 0;

  if (!flags.out.empty()) check_png_path(flags.out);
  if (!flags.video.empty()) check_video_path(flags.video);
  const RunDirectory directory = RunDirectory::open(
      flags.run, flags.updates > 0 ? RunDirectory::Access::kWrite : RunDirectory::Access::kRead);
  LoadedPolicy loaded = load_policy(flags.run, options);
  WorldModelAgent& agent = world_model_agent(loaded);
  const Field& pixels = loaded.spec.field("pixels");
  std::unique_ptr<Decoder> there;
  if (flags.updates == 0) {
    there = load_decoder(flags.run, agent.model(), pixels, loaded.step);
  }
  const std::unique_ptr<Experience> experience = read_data(flags, *loaded.config, loaded.spec);
  std::unique_ptr<DecoderLearner> learner;
  if (there == nullptr) learner = train(flags, loaded, agent.model(), *experience);
  draw_everything(flags, loaded, agent.model(), there ? *there : learner->decoder(),
                  experience->held_out());
  return 0;
}

}  // namespace reverie
