#include <cmath>
#include <iostream>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "apps/command.h"
#include "apps/run_flags.h"
#include "core/progress.h"
#include "core/random.h"
#include "drawing/canvas.h"
#include "drawing/overlay.h"
#include "drawing/video.h"
#include "envs/mujoco_renderer.h"
#include "nn/pch.h"
#include "runs/load_policy.h"
#include "studies/imagination.h"

namespace reverie {
namespace {

constexpr double kMaxFramesPerSecond = 50.0;

// One environment with the memory for its observations and tensors.
class SingleEnv {
 public:
  explicit SingleEnv(const EnvMaker& make) : env_(make()), adapter_(env_->spec(), 1) {
    for (const Field& field : env_->spec().observation) {
      memory_.emplace_back(field.bytes());
      views_.push_back({&field, memory_.back().data(), 1});
    }
  }

  Env& env() { return *env_; }
  void reset(uint64_t seed) { env_->reset(seed, views_); }

  // As a policy sees it.
  TensorMap observation() { return borrow_tensors(adapter_.observations(views_)); }

  StepResult step(const at::Tensor& decided) {
    action_ = adapter_.actions(decided);
    return env_->step(action_, views_);
  }

  // The last action, in the environment's units. Box actions only.
  at::Tensor action() const { return copy_as_double(action_).to(at::kFloat); }

 private:
  std::unique_ptr<Env> env_;
  SpaceAdapter adapter_;
  ConstFieldView action_;
  std::vector<std::vector<std::byte>> memory_;
  std::vector<FieldView> views_;
};

struct RenderFlags {
  std::string run;
  OutFlags out;
  ImageSize size = {640, 480};
  int64_t episodes = 1;
  int64_t seed = 0;
  double speed = 1.0;
  bool no_overlay = false;
  std::string renderer = "canvas";
  std::string gl;  // "" = not given: auto
};

// The source of the pictures: the environment's own drawing, or MuJoCo's renderer.
class Painter {
 public:
  Painter(Env& env, const RenderFlags& flags, int width, int height)
      : env_(env),
        pixels_(static_cast<size_t>(width) * static_cast<size_t>(height) * 3),
        canvas_(width, height, pixels_) {
    if (flags.renderer == "mujoco") {
      const GlBackend backend = parse_gl_backend(flags.gl.empty() ? "auto" : flags.gl);
      mujoco_ = make_mujoco_renderer(env, width, height, backend);
    }
  }

  // The environment's current state.
  const Canvas& paint() {
    if (mujoco_ != nullptr) {
      render_env(*mujoco_, env_, pixels_);
    } else {
      env_.draw(canvas_, View::kFilm);
    }
    return canvas_;
  }

  std::string description() const {
    return mujoco_ == nullptr ? "canvas" : fmt::format("MuJoCo, {}", mujoco_->backend());
  }

 private:
  Env& env_;
  std::vector<uint8_t> pixels_;  // [H, W, 3]
  Canvas canvas_;
  std::unique_ptr<MujocoRenderer> mujoco_;
};

// A video in progress: the scene and, if there is one, the policy's imagination beside it. Its
// progress counts frames; an episode that ends early skips the rest.
class Film {
 public:
  // strip: the height of the overlay above the scene [px], 0 = none.
  Film(const EnvSpec& spec, const RenderFlags& flags, Painter& painter, Imagination* imagination,
       int strip)
      : painter_(painter),
        imagination_(imagination),
        whole_(flags.size.width, flags.size.height),
        strip_(strip),
        frames_per_second_(std::min(flags.speed / spec.dt, kMaxFramesPerSecond)),
        seconds_per_frame_(flags.speed / frames_per_second_),
        episode_frames_(static_cast<int64_t>(static_cast<double>(spec.max_steps) * spec.dt /
                                             seconds_per_frame_)),
        video_(flags.out.path, whole_.width(), whole_.height(), frames_per_second_),
        progress_(flags.episodes * episode_frames_, {.label = "render", .unit = "frames"}) {}

  double seconds_per_frame() const { return seconds_per_frame_; }  // simulated

  // The policy has seen this and may have made a plan.
  void look(const TensorMap& obs) {
    if (imagination_ != nullptr) imagination_->look(obs);
  }

  void add_frame(const Overlay& overlay) {
    const Canvas& scene = painter_.paint();
    whole_.draw_image(0, strip_, scene.image());
    if (strip_ > 0) draw_overlay(whole_, {scene.width(), whole_.height()}, overlay);
    if (imagination_ != nullptr) imagination_->draw(whole_, scene.width());
    video_.write(whole_.image());
    progress_.update(++frames_);
  }

  void end_episode(int64_t episodes, double episode_return) {
    if (episode_frames_ > 0) frames_ = episodes * episode_frames_;
    progress_.update(frames_, {{"return", episode_return}});
  }

  void close() {
    video_.close();
    progress_.finish();
  }

 private:
  Painter& painter_;
  Imagination* imagination_;  // may be null
  Canvas whole_;
  int strip_;
  double frames_per_second_;
  double seconds_per_frame_;
  int64_t episode_frames_;  // 0: limit unknown
  int64_t frames_ = 0;
  VideoWriter video_;
  ProgressBar progress_;
};

// Films one episode; the video's clock runs `speed` times as fast as the simulated one.
double film_episode(SingleEnv& env, const LoadedPolicy& loaded, Actor& actor, uint64_t seed,
                    Film& movie) {
  const EnvSpec& spec = loaded.spec;
  const Field* box = std::get_if<Field>(&spec.action);
  env.reset(seed);
  actor.on_episode_start(at::ones({1}, at::kBool));
  Overlay overlay{.title = fmt::format("{}   {}", spec.id, loaded.config->agent)};
  if (box != nullptr && !box->low.empty() && !box->high.empty()) {
    overlay.low = *std::min_element(box->low.begin(), box->low.end());
    overlay.high = *std::max_element(box->high.begin(), box->high.end());
  }
  at::Tensor shown;  // the action in the overlay's form
  double next_frame = 0.0;
  const auto film = [&](bool last) {
    for (; next_frame <= overlay.time + 1e-9 || last; next_frame += movie.seconds_per_frame()) {
      movie.add_frame(overlay);
      if (last) break;
    }
  };
  movie.look(env.observation());
  film(false);
  for (bool ended = false; !ended;) {
    const StepResult step = env.step(actor.act(env.observation()).action);
    ended = step.terminated || step.truncated;
    overlay.time += spec.dt;
    overlay.episode_return += step.reward;
    if (box != nullptr) {
      shown = env.action();
      overlay.action = {shown.const_data_ptr<float>(), static_cast<size_t>(shown.numel())};
    }
    movie.look(env.observation());
    film(ended);
  }
  return overlay.episode_return;
}

}  // namespace

int render_command(const Arguments& arguments) {
  RenderFlags flags;
  LoadOptions options;
  CommandLine line("render",
                   "Films the policy of a run. No display is needed: a 2-D canvas draws "
                   "every\nenvironment, and MuJoCo's OpenGL renderer those of MuJoCo.");
  line.add("RUN", flags.run,
           {.help = fmt::format("run folder, or one of {} with --env", untrained_agents()),
            .required = true});
  flags.out.add_to(line,
                   "file to write: video.mp4, video.gif, a new folder/ for PNG frames, or "
                   "picture.png of the start of an episode");
  line.add("--episodes", flags.episodes, {.help = "episodes", .range = between(1, 10000)});
  line.add("--size", flags.size, {.help = "size of the video [px]"});
  line.add("--seed", flags.seed,
           {.help = "random seed of the first episode", .range = at_least(0)});
  line.add("--speed", flags.speed,
           {.help = "simulated seconds per second of video", .range = between(0.01, 1000)});
  line.add("--env", options.env,
           {.help = "another environment with the same observation and actions",
            .fallback = "the run's"});
  line.add("--device", options.device,
           {.help = "device of the networks: cpu or cuda", .fallback = "the run's"});
  line.add("--checkpoint", options.checkpoint, {.help = kCheckpointHelp});
  line.add("--no-overlay", flags.no_overlay,
           {.help = "leave out the title, time, return and actions"});
  line.add("--renderer", flags.renderer,
           {.help = "renderer that draws the pictures", .choices = {"canvas", "mujoco"}});
  line.add(
      "--gl", flags.gl,
      {.help = "OpenGL backend of --renderer mujoco; auto: $MUJOCO_GL, otherwise EGL, then OSMesa",
       .choices = {"auto", "egl", "osmesa"},
       .fallback = "auto"});
  add_goal_flags(line, options.goals);
  add_environment_flags(line, arguments);
  if (!line.parse(with_random_goals(arguments))) return 0;

  const auto [width, height] = flags.size;
  REVERIE_CHECK(flags.gl.empty() || flags.renderer == "mujoco",
                "--gl {}: found --renderer {}, which needs no OpenGL; expected --renderer mujoco",
                flags.gl, flags.renderer);
  flags.out.check(flags.size);
  options.adjust = adjust_by_flags(line);
  options.seed = static_cast<uint64_t>(flags.seed);
  options.goal_count = flags.episodes;
  LoadedPolicy loaded = load_policy(flags.run, options);
  SingleEnv env(loaded.make_env);
  const std::unique_ptr<Actor> actor = loaded.make_actor(1, options.seed);
  const std::unique_ptr<Imagination> imagination = Imagination::of(loaded, *actor);
  const int panel =
      imagination == nullptr || flags.out.is_picture() ? 0 : Imagination::panel_width(width);
  const ImageSize scene{width - panel, height};
  const int strip = flags.no_overlay || flags.out.is_picture() ? 0 : overlay_height(scene);
  Painter painter(env.env(), flags, scene.width, scene.height - strip);
  if (flags.out.is_picture()) {
    env.reset(loaded.episode_seed(options.seed, 0));
    write_png(flags.out.path, painter.paint().image());
    std::cerr << fmt::format("wrote {} ({})\n", flags.out.path, painter.description());
    return 0;
  }
  Film movie(loaded.spec, flags, painter, imagination.get(), strip);
  for (int64_t episode = 0; episode < flags.episodes; ++episode) {
    const uint64_t seed = loaded.episode_seed(options.seed, episode);
    movie.end_episode(episode + 1, film_episode(env, loaded, *actor, seed, movie));
  }
  movie.close();
  std::cerr << fmt::format("wrote {} ({})\n", flags.out.path, painter.description());
  return 0;
}

}  // namespace reverie
