#include <algorithm>

#include "agents/random/random_agent.h"
#include "agents/space_adapter.h"
#include "apps/bench_plan.h"
#include "apps/bench_replay.h"
#include "apps/bench_report.h"
#include "apps/bench_train.h"
#include "apps/bench_update.h"
#include "apps/command.h"
#include "envs/async_vector_env.h"
#include "envs/registry.h"
#include "envs/threaded_vector_env.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Rows of random actions, drawn before the clock starts.
std::vector<std::vector<std::byte>> draw_actions(const EnvSpec& spec, int64_t num_envs) {
  SpaceAdapter adapter(spec, num_envs);
  const std::unique_ptr<Actor> actor = make_random_actor(adapter.spec(), 0);
  const TensorMap obs{{"any", at::zeros({num_envs, 1})}};
  std::vector<std::vector<std::byte>> actions;
  for (int i = 0; i < 16; ++i) {
    const ConstFieldView rows = adapter.actions(actor->act(obs).action);
    actions.emplace_back(rows.data,
                         rows.data + rows.field->bytes() * static_cast<size_t>(num_envs));
  }
  return actions;
}

// With the command line's options, each "name=value".
EnvMaker configured(const EnvEntry& entry, const BenchFlags& flags) {
  const std::unique_ptr<EnvConfig> config = entry.config();
  for (const std::string& option : flags.options) {
    const size_t equals = option.find('=');
    REVERIE_CHECK(equals != std::string::npos,
                  "--option: found '{}', expected name=value, for example physics=box2d", option);
    config->set_option(option.substr(0, equals), option.substr(equals + 1));
  }
  return config->maker();
}

// The id and the changed options: "car-racing physics=box2d".
std::string result_name(const EnvEntry& entry, const BenchFlags& flags) {
  std::string name = entry.id;
  for (const std::string& option : flags.options) name += " " + option;
  return name;
}

// Steps a second through the asynchronous interface, `batch` results at a time.
Measurement async_steps(const EnvMaker& make, const BenchFlags& flags, int threads) {
  return [&flags, make, threads](double seconds) -> std::optional<double> {
    if (flags.async_batch == 0) return std::nullopt;
    AsyncVectorEnv env(
        make, {.num_envs = flags.num_envs, .threads = threads, .batch = flags.async_batch});
    const Field action = action_field(env.spec().action);
    const auto actions = draw_actions(env.spec(), flags.async_batch);
    size_t next = 0;
    env.reset(0);
    const auto step = [&] {
      const AsyncStep results = env.recv();
      env.send({&action, actions[next++ % actions.size()].data(), flags.async_batch},
               results.env_id);
    };
    return calls_per_second(step, seconds) * static_cast<double>(flags.async_batch);
  };
}

// Steps of the vector environment, synchronous ones and with --async the others too: observations,
// rewards and resets included.
std::vector<BenchResult> bench_envs(const BenchFlags& flags) {
  std::vector<BenchResult> results;
  for (const EnvEntry& entry : env_registry()) {
    const bool named = std::find(flags.ids.begin(), flags.ids.end(), entry.id) != flags.ids.end();
    if (flags.ids.empty() ? !entry.benchmark : !named) continue;
    const EnvMaker make = configured(entry, flags);
    for (const int64_t count : flags.threads) {
      const auto threads = static_cast<int>(count);
      ThreadedVectorEnv env(make, flags.num_envs, threads);
      env.reset(0);
      const Field action = action_field(env.spec().action);
      const auto actions = draw_actions(env.spec(), flags.num_envs);
      size_t next = 0;
      const Measurement ours = [&](double seconds) {
        const auto step = [&] {
          env.step({&action, actions[next++ % actions.size()].data(), flags.num_envs});
        };
        return calls_per_second(step, seconds) * static_cast<double>(flags.num_envs);
      };
      const Measurement limit = [&](double seconds) -> std::optional<double> {
        if (!entry.bare_step_rate) return std::nullopt;
        return entry.bare_step_rate(threads, seconds);
      };
      const Measurement envpool = [&](double seconds) -> std::optional<double> {
        if (!flags.peers) return std::nullopt;
        return run_peer(fmt::format("envpool_steps.py {} --threads {} --num-envs {} --seconds {}",
                                    entry.id, threads, flags.num_envs, seconds),
                        "steps_per_second");
      };
      const Measurement gymnasium = [&](double seconds) -> std::optional<double> {
        if (!flags.peers || threads > 1) return std::nullopt;  // it has one
        return run_peer(fmt::format("gymnasium_steps.py {} --seconds {}", entry.id, seconds),
                        "steps_per_second");
      };
      const auto measured = measure_in_turns(
          {ours, limit, envpool, gymnasium, async_steps(make, flags, threads)}, flags.seconds);
      results.push_back({.name = result_name(entry, flags),
                         .value = *measured[0],
                         .unit = "steps/s",
                         .threads = threads,
                         .limit = measured[1],
                         .peers = {{"envpool", measured[2]}, {"gymnasium", measured[3]}}});
      if (!measured[4]) continue;
      results.push_back(
          {.name = fmt::format("{}, {} at a time", result_name(entry, flags), flags.async_batch),
           .value = *measured[4],
           .unit = "steps/s",
           .threads = threads,
           .limit = measured[1]});
    }
  }
  return results;
}

// One environment that draws pixels of 64 x 64 on the canvas, including physics, rewards and
// resets.
std::vector<BenchResult> bench_pixels(const BenchFlags& flags) {
  std::vector<std::string> ids = flags.ids;
  if (ids.empty()) {
    ids = {"car-racing",   "maze2d-umaze", "maze2d-large",
           "half-cheetah", "cheetah-run",  "antmaze-umaze"};
  }
  std::vector<BenchResult> results;
  for (const std::string& id : ids) {
    const std::unique_ptr<EnvConfig> config = find_env(id).config();
    config->set_option("observation", "pixels");
    config->set_option("image_size", "64x64");
    ThreadedVectorEnv env(config->maker(), 1, 1);
    env.reset(0);
    const Field action = action_field(env.spec().action);
    const auto actions = draw_actions(env.spec(), 1);
    size_t next = 0;
    const double rate = calls_per_second(
        [&] {
          env.step({&action, actions[next++ % actions.size()].data(), 1});
        },
        flags.seconds);
    results.push_back({.name = id + "-64x64", .value = rate, .unit = "observations/s"});
  }
  return results;
}

// New episodes per second, each including a new track.
std::vector<BenchResult> bench_resets(const BenchFlags& flags) {
  std::vector<BenchResult> results;
  for (const EnvEntry& entry : env_registry()) {
    const bool named = std::find(flags.ids.begin(), flags.ids.end(), entry.id) != flags.ids.end();
    if (flags.ids.empty() ? !entry.benchmark : !named) continue;
    ThreadedVectorEnv env(configured(entry, flags), 1, 1);
    uint64_t seed = 0;
    const double rate = calls_per_second([&] { env.reset(seed++); }, flags.seconds);
    results.push_back({.name = result_name(entry, flags), .value = rate, .unit = "resets/s"});
  }
  return results;
}

}  // namespace

int bench_command(const Arguments& arguments) {
  BenchFlags flags;
  CommandLine line("bench",
                   "Measures speed on this machine, beside the limit that bounds it and, with\n"
                   "--peers, other implementations in the same run (bench/peers/setup).");
  line.add("WHAT", flags.what,
           {.help = "what to measure: envs, pixels, resets, replay, update, train or plan",
            .required = true});
  line.add("ID", flags.ids,
           {.help = "environments; with update and train agents",
            .fallback = "one or two of each family"});
  line.add("--threads", flags.threads,
           {.help = "thread counts to measure", .range = between(1, 1024)});
  line.add("--num-envs", flags.num_envs,
           {.help = "environments stepped together", .range = between(1, 65536)});
  line.add("--seconds", flags.seconds,
           {.help = "seconds for each measurement", .range = between(0.05, 3600)});
  line.add(
      "--option", flags.options,
      {.help = "with envs and resets: an environment option as name=value", .fallback = "none"});
  line.add("--async", flags.async_batch,
           {.help = "with envs: also measure the asynchronous interface, with this many results at "
                    "a time; 0 = off",
            .range = between(0, 65536)});
  line.add("--peers", flags.peers, {.help = "also measure other implementations (bench/peers)"});
  line.add("--json", flags.json, {.help = "print one JSON object on stdout and nothing else"});
  if (!line.parse(arguments)) return 0;
  const auto measures = [&](std::initializer_list<std::string_view> which) {
    return std::find(which.begin(), which.end(), flags.what) != which.end();
  };
  if (measures({"envs", "pixels", "resets"})) {
    for (const std::string& id : flags.ids) find_env(id);
  }
  REVERIE_CHECK(!measures({"replay", "plan"}) || flags.ids.empty(),
                "bench {}: takes no ID, found {}", flags.what, flags.ids.front());

  if (flags.what == "envs") {
    print_results(bench_envs(flags), flags.json);
  } else if (flags.what == "pixels") {
    print_results(bench_pixels(flags), flags.json);
  } else if (flags.what == "resets") {
    print_results(bench_resets(flags), flags.json);
  } else if (flags.what == "update") {
    print_results(bench_update(flags), flags.json);
  } else if (flags.what == "train") {
    print_results(bench_train(flags), flags.json);
  } else if (flags.what == "replay") {
    print_results(bench_replay(flags), flags.json);
  } else if (flags.what == "plan") {
    print_results(bench_plan(flags), flags.json);
  } else {
    fail_unknown_name("bench", flags.what,
                      {"envs", "pixels", "resets", "replay", "update", "train", "plan"});
  }
  return 0;
}

}  // namespace reverie
