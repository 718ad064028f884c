// Map files: what is read, what is refused, and how the point mazes use a map.

#include "envs/maze/maze_map.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "envs/maze2d/point_maze.h"
#include "envs/mujoco_simulation.h"
#include "tests/envs/episode_fixture.h"

namespace reverie {
namespace {

using maze::Cell;
using maze::CellIndex;
using maze::Convention;
using maze::MazeMap;
using maze2d::build_point_maze;
using testing::AllOf;
using testing::HasSubstr;

struct BadMap {
  const char* what;
  std::string text;
  std::vector<std::string> words;  // of the message
};

TEST(MazeMaps, BrokenMapsAreRefusedWithPlaceAndReason) {
  const BadMap table[] = {
      {"empty", "", {"holds no cell"}},
      {"only comments", "// a map\n\n", {"holds no cell"}},
      {"ragged", "####\n#.#\n####\n", {"line 2", "3", "4"}},
      {"unknown letter", "####\n#.x#\n####\n", {"line 2", "column 3", "'x'", "'#'"}},
      {"a tab", "####\n#\t.#\n####\n", {"line 2", "column 2", "\\x09"}},
      {"UTF-8", "####\n#é#\n####\n", {"line 2", "column 2", "\\xc3"}},
      {"a NUL", std::string("###\n#\0#\n###\n", 12), {"line 2", "column 2", "\\x00"}},
      {"open above", "#.#\n#.#\n###\n", {"line 1", "column 2", "border"}},
      {"open at the right", "// c\n####\n#...\n####\n", {"line 3", "column 4"}},
      {"open left", "###\n..#\n###\n", {"line 2", "column 1", "border"}},
      {"open below", "###\n#.#\n#.#\n", {"line 3", "column 2", "border"}},
      {"no free cell", "###\n###\n###\n", {"no free cell"}},
      {"gap", "###\n\n#.#\n###\n", {"line 3", "empty line"}},
      {"too wide", std::string(201, '#') + "\n", {"200"}},
      {"too high",
       [] {
         std::string text;
         for (int i = 0; i < 201; ++i) text += "###\n";
         return text;
       }(),
       {"200", "201"}},
  };
  for (const BadMap& bad : table) {
    try {
      MazeMap::parse(bad.text, "my.txt");
      ADD_FAILURE() << bad.what << ": was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput) << bad.what;
      EXPECT_THAT(error.what(), HasSubstr("my.txt")) << bad.what;
      for (const std::string& word : bad.words) {
        EXPECT_THAT(error.what(), HasSubstr(word)) << bad.what;
      }
    }
  }
}

TEST(MazeMaps, LettersCommentsAndLineEndingsOfEitherReference) {
  const MazeMap map =
      MazeMap::parse("// walls are # or 1\r\n#1##\r\n#O0#\r\n#.r#\r\n#cg#\r\n# G#\r\n####", "m");
  EXPECT_EQ(map.rows(), 6);
  EXPECT_EQ(map.columns(), 4);
  EXPECT_EQ(map.cells(Cell::kFree), (std::vector<CellIndex>{{1, 1}, {1, 2}, {2, 1}, {4, 1}}));
  EXPECT_EQ(map.cells(Cell::kStart), (std::vector<CellIndex>{{2, 2}}));
  EXPECT_EQ(map.cells(Cell::kBoth), (std::vector<CellIndex>{{3, 1}}));
  EXPECT_EQ(map.cells(Cell::kGoal), (std::vector<CellIndex>{{3, 2}, {4, 2}}));
}

TEST(MazeMaps, MapsThatAConventionCannotPlayAreRefused) {
  const auto refuse = [](Convention convention, const char* text, const char* word) {
    try {
      build_point_maze(convention, MazeMap::parse(text, "my.txt"));
      ADD_FAILURE() << text << " was accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("my.txt"), HasSubstr(word)));
    }
  };
  refuse(Convention::kD4rl, "#####\n#G.G#\n#####\n", "2 goals");
  refuse(Convention::kD4rl, "#####\n#r.G#\n#####\n", "line 2, column 2");
  refuse(Convention::kD4rl, "#####\n#..c#\n#####\n", "line 2, column 4");
  refuse(Convention::kRobotics, "###\n#.#\n###\n", "second");
  refuse(Convention::kRobotics, "####\n#c.#\n####\n", "second");
  refuse(Convention::kRobotics, "// a\n#####\n#.#.#\n#####\n", "line 3, column 4");
  refuse(Convention::kD4rl, "#####\n#.#G#\n#####\n", "line 2, column 4");
  refuse(Convention::kRobotics, "####\n#.##\n##.#\n####\n", "line 3, column 3");
  refuse(Convention::kRobotics, "####\n#GG#\n####\n", "start");
  refuse(Convention::kRobotics, "####\n#rr#\n####\n", "goal");
}

TEST(MazeMaps, UnmarkedPocketsAreAllowedWhereStartsAreMarked) {
  EXPECT_NO_THROW(
      build_point_maze(Convention::kRobotics, MazeMap::parse("######\n#rG#.#\n######\n", "m")));
}

TEST(MazeMaps, AUsersMapIsPlayed) {
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "users_map.txt";
  write_file_atomically(file, std::string_view("// two rooms\n######\n#..#.#\n#G...#\n######\n"));
  TestEnv env("maze2d-umaze", {{"map", file.string()}});
  EXPECT_FALSE(env->spec().reference.has_value()) << "scores are of the id's own map";
  env.reset(0);
  EXPECT_EQ(env.physics("desired_goal"), (std::vector<double>{2.0, 1.0}));
  std::filesystem::remove(file);
  EXPECT_THROW(TestEnv("maze2d-umaze", {{"map", file.string()}}), Error);
  EXPECT_THROW(TestEnv("maze2d-umaze", {{"map", testing::TempDir()}}), Error);
}

TEST(MazeMaps, AMapOfFullSizeIsPlayed) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    for (int j = 0; j < 200; ++j) {
      const bool border = i == 0 || j == 0 || i == 199 || j == 199;
      text += border || (i % 2 == 0 && j % 2 == 0) ? '#' : '.';
    }
    text += '\n';
  }
  const auto maze = build_point_maze(Convention::kRobotics, MazeMap::parse(text, "full"));
  EXPECT_EQ(maze->layout.starts.size(), 200U * 200 - 4 * 199 - 99 * 99);
  MujocoSimulation simulation(maze->model);
  simulation.step(10);
}

}  // namespace
}  // namespace reverie
