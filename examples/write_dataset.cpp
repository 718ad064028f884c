// Writing episodes of your own as a dataset that `reverie train --dataset` reads.
//
//   write_dataset F.h5
#include <filesystem>
#include <iostream>

#include "core/random.h"
#include "datasets/dataset.h"
#include "envs/env_lane.h"
#include "envs/registry.h"

using namespace reverie;

namespace {

void append(std::vector<std::byte>& column, const void* data, size_t bytes) {
  const auto* begin = static_cast<const std::byte*>(data);
  column.insert(column.end(), begin, begin + bytes);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "example.h5";
  std::filesystem::remove(path);
  const std::unique_ptr<Env> env = find_env("maze2d-umaze").config()->maker()();

  // The content of each step: the fields of the environment, and who recorded it.
  DatasetSchema schema;
  schema.observation = env->spec().observation;
  schema.action = action_field(env->spec().action);
  schema.attributes = {{"env", env->spec().id}, {"policy", "a constant push"}};
  const auto writer = DatasetWriter::create(path, DatasetFormat::kD4rl, schema);

  const FieldRows obs(schema.observation, 1);
  Rng rng(1);
  for (uint64_t seed = 0; seed < 5; ++seed) {
    EpisodeData episode;
    episode.seed = static_cast<int64_t>(seed);
    episode.observation.resize(schema.observation.size());
    const auto record_observation = [&] {
      for (size_t f = 0; f < schema.observation.size(); ++f) {
        append(episode.observation[f], obs.all()[f].data, schema.observation[f].bytes());
      }
    };

    // T steps have T + 1 observations: the last one shows the result of the last action.
    env->reset(seed, obs.row(0));
    record_observation();
    const float action[2] = {static_cast<float>(rng.uniform(-1.0, 1.0)),
                             static_cast<float>(rng.uniform(-1.0, 1.0))};
    for (bool ended = false; !ended;) {
      const ConstFieldView row{&schema.action, reinterpret_cast<const std::byte*>(action), 1};
      const StepResult step = env->step(row, obs.row(0));
      append(episode.action, action, sizeof action);
      episode.reward.push_back(static_cast<float>(step.reward));
      episode.terminated.push_back(step.terminated ? 1 : 0);
      episode.truncated.push_back(step.truncated ? 1 : 0);
      record_observation();
      ended = step.terminated || step.truncated;
    }
    writer->append(episode);
  }
  writer->commit();  // the file appears now, whole
  std::cout << "wrote " << path << ": " << writer->steps() << " steps in " << writer->episodes()
            << " episodes\n";
  return 0;
}
