#include "agents/trained_run.h"

#include <fmt/ranges.h>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "nn/device.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

Checkpoint check_owner(Checkpoint checkpoint, const std::filesystem::path& folder,
                       const RunConfig& config) {
  const auto expect = [&](const char* key, const std::string& expected) {
    REVERIE_CHECK(checkpoint.text(key) == expected,
                  "{}: was written by a run with {} '{}', but config.toml says '{}'",
                  folder.string(), key, checkpoint.text(key), expected);
  };
  expect("agent", config.agent);
  expect("env", config.env);
  return checkpoint;
}

TrainedRun open_checkpoint(const RunDirectory& run, const std::filesystem::path& folder,
                           const TrainedRunOptions& options) {
  TrainedRun opened;
  opened.config = load_run_config(run.config_file());
  RunConfig& config = *opened.config;
  if (!options.device.empty()) config.device = options.device;
  REVERIE_CHECK(find_agent(config.agent).learns(), "{}: agent '{}' has no checkpoint to load",
                run.path().string(), config.agent);
  const Checkpoint checkpoint = read_checkpoint(folder, config, {"model"});
  if (options.adjust) options.adjust(*config.agent_config);
  opened.trained = config.env_config->spec();
  opened.agent = config.agent_config->make(SpaceAdapter::adapt(opened.trained),
                                           open_device(config.device), config.seed_for("agent"));
  name_folder(folder, [&] {
    StateList list;
    opened.agent->state(list);
    list.load(checkpoint);
    const std::string broken = list.find_not_finite();
    REVERIE_CHECK(broken.empty(), "{} is not finite: this policy is broken", broken);
  });
  opened.step = checkpoint.integer("step");
  if (checkpoint.has_text("dataset.content")) opened.dataset = checkpoint.text("dataset.content");
  return opened;
}

constexpr int kTries = 3;

// "pixels[96x96x3], goal[2]"
std::string fields_of(const EnvSpec& spec) {
  std::string text;
  for (const Field& field : spec.observation) {
    text +=
        fmt::format("{}{}[{}]", text.empty() ? "" : ", ", field.name, fmt::join(field.shape, "x"));
  }
  return text;
}

// No gradient is wanted of them any more.
void freeze(Agent& agent) {
  StateList list;
  agent.state(list);
  for (const StateList::Entry& entry : list.tensors()) {
    if (entry.tensor.is_leaf()) entry.tensor.set_requires_grad(false);
  }
}

}  // namespace

TrainedRun open_trained_run(const RunDirectory& run, const TrainedRunOptions& options) {
  for (int tries = 1;; ++tries) {
    const CheckpointFolder chosen = run.checkpoint(options.checkpoint);
    try {
      return open_checkpoint(run, chosen.path, options);
    } catch (const Error&) {
      const bool is_best = chosen.step < 0;  // its folder has one name for ever
      const bool may_have_changed =
          is_best ? tries < kTries : run.checkpoint(options.checkpoint).step != chosen.step;
      if (!may_have_changed) throw;
    }
  }
}

void check_same_interface(const EnvSpec& trained, const EnvSpec& other, const std::string& name) {
  REVERIE_CHECK(trained.observation == other.observation && trained.action == other.action,
                "{}: its observation is ({}), the policy was trained on {} with ({}); the fields "
                "and actions must be the same",
                name, fields_of(other), trained.id, fields_of(trained));
}

void follow_prior(Agent& agent, const RunConfig& config, const EnvSpec& spec) {
  PriorRun* const run = config.agent_config->prior_run();
  if (run == nullptr || run->folder.empty()) return;
  TrainedRun prior;
  try {
    prior = open_trained_run(RunDirectory::open(run->folder, RunDirectory::Access::kRead),
                             {.device = config.device});
  } catch (const Error& error) {
    throw Error(
        fmt::format("--prior {}: expected the folder of one run: {}", run->folder, error.what()),
        error.kind());
  }
  run->step = prior.step;
  check_same_interface(SpaceAdapter::adapt(prior.trained), spec,
                       fmt::format("--prior {}: {}", run->folder, spec.id));
  REVERIE_CHECK(prior.agent->density(),
                "--prior {}: the policy of '{}', as its run makes it, has no density; "
                "expected a run of bc, iql with --extraction awr, sac, ppo, a2c or reinforce, "
                "without bins and without a memory",
                run->folder, prior.config->agent);
  freeze(*prior.agent);
  dynamic_cast<FollowsPrior&>(agent).follow(std::move(prior.agent));
}

Checkpoint read_checkpoint(const std::filesystem::path& folder, const RunConfig& config) {
  return check_owner(Checkpoint::read(folder), folder, config);
}

Checkpoint read_checkpoint(const std::filesystem::path& folder, const RunConfig& config,
                           const std::vector<std::string>& groups) {
  return check_owner(Checkpoint::read(folder, groups), folder, config);
}

void name_folder(const std::filesystem::path& folder, const std::function<void()>& load) {
  try {
    load();
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", folder.string(), error.what()), error.kind());
  }
}

}  // namespace reverie
