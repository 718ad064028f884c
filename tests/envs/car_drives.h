#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "tests/envs/episode_fixture.h"
#include "tests/envs/golden.h"

namespace reverie::car_racing {

// A recorded drive of the reference. Regenerate with tests/golden/car_racing.py.
struct Drive {
  std::string name, id;
  TestEnv::Options options;
  uint64_t seed = 0;
  size_t steps = 0, frames = 0;
  std::vector<float> action;    // continuous
  std::vector<int64_t> choice;  // discrete
  std::vector<float> body, joint;
  std::vector<double> omega, reward;
  std::vector<int32_t> tiles, frame_step;
  std::vector<uint8_t> frame;
};

inline std::vector<Drive> read_drives() {
  using golden::read_array;
  std::ifstream in(REVERIE_GOLDEN_DIR "/car_racing_drives.bin", std::ios::binary);
  std::vector<Drive> drives;
  for (std::string line; std::getline(in, line);) {
    Drive d;
    const std::vector<std::string> head = golden::split_head(line);
    d.name = head.at(0);
    d.id = head.at(1);
    d.options = golden::parse_options(head.at(2));
    d.seed = std::stoull(head.at(3));
    d.steps = std::stoul(head.at(4));
    d.frames = std::stoul(head.at(5));
    if (d.id == "car-racing-discrete") {
      read_array(in, d.choice, d.steps);
    } else {
      read_array(in, d.action, 3 * d.steps);
    }
    read_array(in, d.body, 6 * (d.steps + 1));
    read_array(in, d.omega, 4 * (d.steps + 1));
    read_array(in, d.joint, 4 * (d.steps + 1));
    read_array(in, d.tiles, d.steps + 1);
    read_array(in, d.reward, d.steps);
    read_array(in, d.frame_step, d.frames);
    read_array(in, d.frame, d.frames * 96 * 96 * 3);
    drives.push_back(std::move(d));
  }
  return drives;
}

// The drive's action of step t.
inline StepResult take(TestEnv& env, const Drive& drive, size_t t) {
  if (!drive.choice.empty()) return env.step(std::vector<int64_t>{drive.choice[t]});
  return env.step(golden::row(drive.action, t, 3));
}

// The environment with its state as the observation; its default is pixels.
class StateEnv : public TestEnv {
 public:
  explicit StateEnv(std::string_view id, Options options = {})
      : TestEnv(id, (options.emplace_back("observation", "state"), options)) {}
};

}  // namespace reverie::car_racing
