#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "runs/load_policy.h"
#include "studies/maze_squares.h"

namespace reverie {

struct OccupancyOptions {
  LoadOptions load = {};     // checkpoint, environment options
  std::string dataset = {};  // whose states the prediction weights; "" = the run's
  int64_t episodes = 3;      // >= 1
  int64_t states = 20000;    // of the dataset, >= 1
  int64_t per_side = 4;      // squares along the side of a cell, >= 1
  uint64_t seed = 0;         // of the episodes and the choice of states
};

// One episode in a maze of K squares (MazeSquares): how good the policy thinks its states are,
// where it thinks it will be, and where it was.
struct OccupancyMap {
  maze::Position start{}, goal{};
  bool success = false;
  int64_t length = 0;                // [steps]
  double time_to_goal = NAN;         // [steps] as the maze counts it; NaN unless it was reached
  std::vector<double> values;        // [K] of a body at rest in the middle of each square
  std::vector<double> visited;       // [K] discounted visits, sum 1
  std::vector<double> predicted;     // [K] likewise; empty unless the agent predicts occupancy
  std::vector<maze::Position> path;  // [length + 1]

  // The share of both distributions that is the same, sum of min(visited, predicted), [0, 1].
  double overlap() const;
};

struct OccupancyStudy {
  double gamma = 0.0;  // discount per step
  std::vector<OccupancyMap> maps;
  MazeSquares squares;
  std::unique_ptr<Env> env;  // owns the maze

  // A row for each episode: values with its path, visits, and the prediction. Throws Error as
  // write_png() does.
  void draw(const std::string& path) const;
};

// Plays episodes of a maze and compares them with what the agent's values and, for one that learnt
// occupancies, its prediction from the first state say: a TaskAgent's weights states of the dataset
// by their occupancy relative to it, that of FutureStates draws `states` of them (and is of the
// data's policy after the first action). Throws Error(kInput) as load_policy() and
// draw_dataset_states() do, for an agent whose values cannot be asked for, and for no maze.
OccupancyStudy study_occupancy(const std::string& run, const OccupancyOptions& options);

}  // namespace reverie
