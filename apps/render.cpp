#include <cmath>
#include <iostream>

#include "agents/pch.h"
#include "apps/command.h"
#include "apps/overlay.h"
#include "apps/run_loading.h"
#include "core/progress.h"
#include "core/random.h"
#include "core/video.h"
#include "envs/canvas.h"

namespace reverie {
namespace {

constexpr double kMaxFramesPerSecond = 50.0;

// One environment with the memory that its observations and tensors need.
class Stage {
 public:
  explicit Stage(const EnvMaker& make) : env_(make()), action_(action_field(env_->spec().action)) {
    for (const Field& field : env_->spec().observation) {
      memory_.emplace_back(field.bytes());
      views_.push_back({&field, memory_.back().data(), 1});
    }
  }

  Env& env() { return *env_; }
  void reset(uint64_t seed) { env_->reset(seed, views_); }
  at::Tensor act(Policy& policy) {
    return policy.act(borrow_tensors(views_), ActMode::kEvaluate).contiguous();
  }
  StepResult step(const at::Tensor& action) { return env_->step(view_of(action_, action), views_); }

 private:
  std::unique_ptr<Env> env_;
  Field action_;
  std::vector<std::vector<std::byte>> memory_;
  std::vector<FieldView> views_;
};

struct RenderFlags {
  std::string run, out, size = "640x480";
  int64_t episodes = 1;
  int64_t seed = 0;
  double speed = 1.0;
  bool no_overlay = false;
};

// Films one episode; the video's clock runs `speed` times as fast as the simulated one.
double film_episode(Stage& stage, LoadedPolicy& loaded, const RenderFlags& flags, uint64_t seed,
                    Canvas& canvas, VideoWriter& video, double frames_per_second) {
  const EnvSpec& spec = loaded.spec;
  const double seconds_per_frame = flags.speed / frames_per_second;
  const Field* box = std::get_if<Field>(&spec.action);
  stage.reset(seed);
  loaded.policy->on_episode_start(at::ones({1}, at::kBool));
  Overlay overlay{.title = fmt::format("{}   {}", spec.id, loaded.config->agent)};
  if (box != nullptr && !box->low.empty() && !box->high.empty()) {
    overlay.low = *std::min_element(box->low.begin(), box->low.end());
    overlay.high = *std::max_element(box->high.begin(), box->high.end());
  }
  at::Tensor action;
  at::Tensor shown;  // the action as the overlay takes it
  double next_frame = 0.0;
  const auto film = [&](bool last) {
    for (; next_frame <= overlay.time + 1e-9 || last; next_frame += seconds_per_frame) {
      stage.env().draw(canvas, View::kFilm);
      if (!flags.no_overlay) draw_overlay(canvas, overlay);
      video.write(canvas.image());
      if (last) break;
    }
  };
  film(false);
  for (bool ended = false; !ended;) {
    action = stage.act(*loaded.policy);
    const StepResult step = stage.step(action);
    ended = step.terminated || step.truncated;
    overlay.time += spec.dt;
    overlay.episode_return += step.reward;
    if (box != nullptr) {
      shown = action.to(at::kFloat);
      overlay.action = {shown.const_data_ptr<float>(), static_cast<size_t>(shown.numel())};
    }
    film(ended);
  }
  return overlay.episode_return;
}

}  // namespace

int render_command(const Arguments& arguments) {
  RenderFlags flags;
  LoadOptions options;
  CommandLine line("render",
                   "Films the latest policy of a run with our own 2-D canvas: no display and no\n"
                   "OpenGL is needed.");
  line.app().add_option("RUN", flags.run, "run folder, or `random` or `scripted` with --env")->required();
  line.app()
      .add_option("--out", flags.out, "video.mp4, video.gif, or a new folder/ for PNG frames")
      ->required();
  line.app().add_option("--episodes", flags.episodes, "episodes")->check(CLI::Range(1, 10000));
  line.app().add_option("--size", flags.size, "WIDTHxHEIGHT of the video (default 640x480)");
  line.app()
      .add_option("--seed", flags.seed, "of the first episode's start")
      ->check(CLI::NonNegativeNumber);
  line.app()
      .add_option("--speed", flags.speed, "simulated seconds per second of video (default 1)")
      ->check(CLI::Range(0.01, 1000.0));
  line.app().add_option("--env", options.env, "another environment with the same fields");
  line.app().add_option("--device", options.device, "cpu or cuda; the run's when not given");
  line.app().add_flag("--no-overlay", flags.no_overlay, "the picture alone");
  add_environment_flags(line, arguments);
  if (!line.parse(arguments)) return 0;

  const auto [width, height] = parse_size(flags.size);
  options.flags = &line;
  options.seed = static_cast<uint64_t>(flags.seed);
  LoadedPolicy loaded = load_policy(flags.run, options);
  Stage stage(loaded.make_env);
  Canvas canvas(width, height);
  const double frames_per_second = std::min(flags.speed / loaded.spec.dt, kMaxFramesPerSecond);
  VideoWriter video(flags.out, width, height, frames_per_second);
  ProgressBar progress(flags.episodes, {.label = "render"});
  for (int64_t episode = 0; episode < flags.episodes; ++episode) {
    const uint64_t seed = mix_seed({options.seed, static_cast<uint64_t>(episode)});
    const double sum = film_episode(stage, loaded, flags, seed, canvas, video, frames_per_second);
    progress.update(episode + 1, {{"return", sum}});
  }
  video.close();
  progress.finish();
  std::cerr << fmt::format("wrote {}\n", flags.out);
  return 0;
}

}  // namespace reverie
