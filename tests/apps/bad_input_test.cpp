// Wrong input of every kind: status 2 (1 if the system fails), a message that names what was found
// and what was expected, and no files left behind.
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BadInput : public testing::Test {
 protected:
  void refuses(const Arguments& arguments, const std::vector<std::string>& messages,
               int status = 2) {
    expect_refusal(folder_.path(), arguments, messages, status);
  }

  void train_refuses(const Arguments& more, const std::vector<std::string>& messages,
                     int status = 2) {
    refuses(tiny_training("new", 200, more), messages, status);
  }

  fs::path at(const std::string& name) const { return folder_ / name; }

  TemporaryFolder folder_;
};

TEST_F(BadInput, Commands) {
  refuses({"trian"}, {"unknown command 'trian'", "did you mean 'train'?", "evaluate"});
  refuses({"--verbose"}, {"unknown command '--verbose'"});
  refuses({"list"}, {"WHAT is required", "reverie list --help"});
  refuses({"list", "env"}, {"'env'", "did you mean 'envs'?"});
  refuses({"config"}, {"--agent is required"});
  refuses({"config", "--agent", "ddgp"}, {"unknown agent 'ddgp'", "did you mean 'ddpg'?"});
  refuses({"evaluate"}, {"RUN is required"});
  refuses({"evaluate", "random", "b", "--env", "maze2d-umaze"}, {"unexpected argument 'b'"});
  refuses({"render", "random", "--env", "maze2d-umaze"}, {"--out is required"});
  refuses({"rollout", "--env", "maze2d-umaze"}, {"is required"});
  refuses({"bench", "envs", "maze2d-opan"}, {"unknown environment 'maze2d-opan'"});
  refuses({"bench", "update", "tdd3"}, {"bench update: unknown agent 'tdd3'", "ddpg, td3, sac"});
  refuses({"bench", "train", "jepa"}, {"bench train: unknown agent 'jepa'"});
  refuses({"bench", "replay", "half-cheetah"}, {"bench replay: takes no ID, found half-cheetah"});
}

TEST_F(BadInput, NamesOfTraining) {
  refuses({"train"}, {"no environment", "--env"});
  refuses({"train", "--env", "maze2d-umaze"}, {"no agent", "--agent"});
  refuses({"train", "--env", "--agent", "ddpg"}, {"--env", "value is missing"});
  refuses({"train", "--resume"}, {"--resume", "value is missing"});
  refuses({"train", "--env", "maze2d-umase", "--agent", "ddpg"},
          {"unknown environment 'maze2d-umase'", "did you mean 'maze2d-umaze'?"});
  refuses({"train", "--env", "maze2d-umaze", "--agent", "dppg"},
          {"unknown agent 'dppg'", "did you mean 'ddpg'?"});
  refuses({"train", "--env", "maze2d-umaze", "--agent", "random", "--preset", "none"},
          {"nothing to learn", "reverie evaluate random"});
  refuses({"train", "--env", "maze2d-umaze", "--agent", "ppo", "--dataset", "a.h5"},
          {"--dataset a.h5: agent 'ppo' cannot learn from a dataset",
           "dqn, ddpg, td3, td7, sac, bc, td3-bc, rebrac, iql, fb, hilp, td-jepa, gamma-model, "
           "reward-model, rnd, "
           "jepa"});
  train_refuses({"--gama", "0.9"}, {"unknown flag '--gama'", "did you mean '--gamma'?"});
  train_refuses({"--agent.minibach=8"},
                {"unknown flag '--minibach'", "did you mean '--minibatch'?"});
  train_refuses({"--preset", "none"}, {"--preset"});
}

TEST_F(BadInput, ValuesOfTraining) {
  train_refuses({"--gamma", "two"}, {"--gamma: found 'two'", "number [0, 1]"});
  train_refuses({"--gamma", "1.5"}, {"--gamma: found 1.5", "[0, 1]", "discount"});
  train_refuses({"--gamma", "nan"}, {"--gamma: found nan", "[0, 1]"});
  train_refuses({"--gamma"}, {"--gamma"});
  train_refuses({"--seed", "-1"}, {"--seed: found -1"});
  train_refuses({"--seed", "1.5"}, {"--seed: found '1.5'", "integer"});
  train_refuses({"--overlap", "maybe"}, {"--overlap: found 'maybe'", "true|false"});
  train_refuses({"--device", "gpu"}, {"--device", "'gpu'", "cpu, cuda"});
  train_refuses({"--checkpoint-every", "0"}, {"--checkpoint-every: found 0", ">= 1"});
  train_refuses({"--n-step", "99999999999999999999"}, {"--n-step"});
  train_refuses({"--replay-capacity", "3"}, {"replay", "at least 6"});
  train_refuses({"--replay-capacity", "1e13"}, {"no memory", "--replay-capacity"}, 1);
}

TEST_F(BadInput, ConfigFiles) {
  const Finished config =
      run(folder_.path(), {"config", "--agent", "ddpg", "--env", "maze2d-umaze"});
  ASSERT_EQ(config.status, 0);
  const auto refuses_edit = [&](const std::string& pattern, const std::string& text,
                                const std::vector<std::string>& messages) {
    write(at("f.toml"), config.out);
    edit(at("f.toml"), pattern, text);
    refuses({"train", "--config", "f.toml", "--run", "new"}, messages);
  };
  refuses_edit("\ngamma =", "\ngama =", {"f.toml:", "agent.gama", "did you mean 'agent.gamma'?"});
  refuses_edit("gamma = [0-9.]+", "gamma = \"high\"", {"f.toml:", "agent.gamma", "'high'"});
  refuses_edit("gamma = [0-9.]+", "gamma = 7.0", {"f.toml:", "agent.gamma", "7", "[0, 1]"});
  refuses_edit("num_envs = [0-9]+", "num_envs = 2.5", {"f.toml:", "num_envs", "integer"});
  refuses_edit("overlap = true", "overlap = 1", {"f.toml:", "overlap", "true|false"});
  refuses_edit("\\[training\\]", "[trainin]", {"f.toml:", "trainin", "did you mean 'training'?"});
  refuses_edit("gamma = [0-9.]+", "gamma = ", {"f.toml:"});
  refuses_edit("\"maze2d-umaze\"", "\"maze3d-umaze\"",
               {"unknown environment 'maze3d-umaze'", "did you mean 'maze2d-umaze'?"});
  refuses_edit("env = \"maze2d-umaze\"", "env = 3", {"f.toml:", "env"});
  refuses({"train", "--config", "none.toml"}, {"none.toml", "no such file"});
  refuses({"train", "--config", "."}, {"config file"});
  refuses({"train", "--config", "f.toml", "--preset", "f.toml"}, {"--config", "--preset"});
  write(at("f.toml"), std::string("\xff\xfe\0gamma", 8));
  refuses({"train", "--config", "f.toml"}, {"f.toml:"});
}

TEST_F(BadInput, EnvironmentFlags) {
  const auto env_refuses = [&](const std::string& env, const Arguments& more,
                               const std::vector<std::string>& messages) {
    Arguments arguments = {"evaluate", "random", "--env", env, "--episodes", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    refuses(arguments, messages);
  };
  env_refuses("car-racing", {"--set", "road_frictoin=1"},
              {"car-racing", "did you mean 'road_friction'?"});
  env_refuses("car-racing", {"--set", "road_friction=9"}, {"road_friction", "[0.2, 2]"});
  env_refuses("car-racing", {"--set", "road_color=red"}, {"road_color", "#ff8800"});
  env_refuses("car-racing", {"--vary", "zoom", "--set", "zoom=1"}, {"zoom", "both"});
  env_refuses("car-racing", {"--lap-rule", "never"}, {"lap-rule", "gymnasium, fixed"});
  env_refuses("car-racing", {"--image-size", "0x64"}, {"--image-size", "0x64"});
  env_refuses("car-racing", {"--image-size", "64x9000"}, {"--image-size", "8192"});
  env_refuses("car-racing", {"--crop", "90x90+50+0"}, {"--crop", "96x96"});
  env_refuses("car-racing", {"--frame-skip", "0"}, {"--frame-skip: found 0"});
  env_refuses("car-racing", {"--frame-skip", "2", "--action-repeat", "2"},
              {"--frame-skip 2", "--action-repeat 2"});
  env_refuses("half-cheetah", {"--grey", "true"}, {"grey", "pixels"});
  env_refuses("half-cheetah", {"--set", "gravity=-1"}, {"gravity", "[4, 16]"});
  env_refuses("car-racing-discrete", {"--action-noise", "0.1"}, {"--action-noise", "discrete"});
  env_refuses("maze2d-umaze", {"--set", "start=-40/0"}, {"start", "maze2d-umaze"});
  refuses({"evaluate", "scripted", "--env", "half-cheetah"}, {"half-cheetah", "car-racing"});
  refuses({"evaluate", "scripted", "--env", "car-racing", "--observation", "pixels"},
          {"car-racing", "--observation state"});
  refuses({"list", "factors", "car-racer"}, {"did you mean 'car-racing'?"});
}

TEST_F(BadInput, Maps) {
  const auto refuses_map = [&](const std::string& map, const std::vector<std::string>& messages) {
    write(at("map.txt"), map);
    train_refuses({"--map", "map.txt"}, messages);
  };
  refuses_map("#####\n#...#\n#.G.#\n##.##\n", {"map.txt", "open", "line 4, column 3"});
  refuses_map("", {"map.txt", "no cell"});
  refuses_map("####\n####\n####\n", {"map.txt", "no free cell"});
  refuses_map("#####\n#.x.#\n#####\n", {"map.txt", "line 2, column 3", "'x'", "'G'"});
  refuses_map("#####\n#...\n#####\n", {"map.txt", "line 2 has 4 cells", "equally long"});
  refuses_map(std::string(2000, '#') + "\n", {"map.txt", "larger than"});
  train_refuses({"--map", "none.txt"}, {"none.txt"});
  train_refuses({"--map", "."}, {"folder"});
  train_refuses({"--map", "/dev/zero"}, {"/dev/zero", "not a regular file"});
}

TEST_F(BadInput, Folders) {
  write(at("file"), "");
  refuses(tiny_training("file/run", 200), {"file/run", "Not a directory"}, 1);
  refuses(tiny_training("file", 200), {"file", "not a folder"});
  refuses(tiny_training("/proc/run", 200), {"/proc/run"}, 1);
  fs::create_directory(at("occupied"));
  write(at("occupied/thesis.txt"), "years of work");
  refuses(tiny_training("occupied", 200), {"occupied", "not empty"});
}

TEST_F(BadInput, Evaluation) {
  const Arguments random = {"evaluate", "random", "--env", "maze2d-umaze"};
  const auto with = [](Arguments arguments, const Arguments& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  refuses(with(random, {"--episodes", "0"}), {"--episodes: found 0", "[1, 1000000]"});
  refuses(with(random, {"--episodes", "many"}),
          {"--episodes: found 'many'", "integer [1, 1000000]"});
  refuses(with(random, {"--episodes"}), {"--episodes", "value is missing"});
  refuses(with(random, {"--episode", "3"}), {"'--episode'", "did you mean '--episodes'?"});
  refuses(with(random, {"--seed", "-1"}), {"--seed"});
  refuses({"evaluate", "random"}, {"--env"});
  refuses({"evaluate", "random", "--env", "maze2d-umaze", "--budget", "20"},
          {"--budget: random does not plan to goals"});
  refuses({"render", "random", "--env", "maze2d-umaze", "--out", "a.gif", "--goal-state", "1,1"},
          {"--goal-state: random does not plan to goals"});
  refuses({"evaluate", "random", "--env", "maze2d"}, {"unknown environment 'maze2d'"});
}

TEST_F(BadInput, Videos) {
  const auto refuses_video = [&](const Arguments& more, const std::vector<std::string>& messages,
                                 int status = 2) {
    Arguments arguments = {"render", "random", "--env", "maze2d-umaze"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    refuses(arguments, messages, status);
  };
  fs::create_directory(at("folder"));
  write(at("folder/file"), "");
  refuses_video({"--out", "bad.xyz"}, {"bad.xyz", ".mp4", ".gif"});
  refuses_video({"--out", "v.mp4", "--size", "5x5"}, {"--size", "'5x5'", "640x480"});
  for (const char* size : {"640", "640x480x3", "-640x480", "99999x480"}) {
    refuses_video({"--out", "v.mp4", "--size", size}, {"--size"});
  }
  refuses_video({"--out", "v.mp4", "--episodes", "0"}, {"--episodes"});
  refuses_video({"--out", "v.mp4", "--speed", "0"}, {"--speed"});
  refuses_video({"--out", "none/v.mp4", "--size", "64x48"}, {"none/v.mp4"}, 1);
  refuses_video({"--out", "folder/file/v.gif", "--size", "64x48"}, {"folder/file/v.gif"}, 1);
  refuses_video({"--out", "folder/", "--size", "64x48"}, {"folder", "empty"});
}

// Faults of a run folder, and the commands that must report them.
TEST_F(BadInput, Runs) {
  ASSERT_EQ(run(folder_.path(), tiny_training("runs/good", 200)).status, 0);
  refuses({"evaluate", "runs/god"}, {"runs/god", "no such run", "did you mean 'runs/good'?"});
  refuses({"render", "runs/god", "--out", "v.gif"}, {"runs/god"});
  refuses({"train", "--resume", "runs/god"}, {"runs/god"});
  refuses({"evaluate", "runs"}, {"runs", "no config.toml"});
  refuses({"evaluate", "runs/good/config.toml"}, {"not a folder"});
  refuses({"evaluate", ""}, {"empty"});
  refuses({"evaluate", "runs/good", "--env", "pointmaze-umaze"},
          {"pointmaze-umaze", "desired_goal", "must be the same"});
  refuses({"train", "--run", "runs/good", "--env", "maze2d-umaze", "--agent", "ddpg", "--preset",
           "none"},
          {"runs/good", "not empty"});

  const auto refuses_damaged = [&](const std::function<void(const fs::path& run)>& damage,
                                   const std::vector<std::string>& messages) {
    fs::remove_all(at("damaged"));
    fs::copy(at("runs/good"), at("damaged"), fs::copy_options::recursive);
    damage(at("damaged"));
    refuses({"evaluate", "damaged"}, messages);
  };
  refuses_damaged([](const fs::path& run) { fs::remove(run / "config.toml"); },
                  {"damaged", "no config.toml"});
  refuses_damaged(
      [](const fs::path& run) {
        fs::remove_all(run / "checkpoints");
        fs::remove(run / "latest");
      },
      {"damaged", "no checkpoint"});
  refuses_damaged([](const fs::path& run) { fs::remove(run / "latest"); },
                  {"damaged/latest", "step_000000200"});
  refuses_damaged([](const fs::path& run) { write(run / "latest", "step_000000300\n"); },
                  {"damaged/latest", "step_000000300", "step_000000200"});
  refuses_damaged([](const fs::path& run) { write(run / "latest", "../../elsewhere\n"); },
                  {"damaged/latest", "'../../elsewhere'"});
  refuses_damaged([](const fs::path& run) { fs::remove(latest_checkpoint(run) / "state.json"); },
                  {"state.json"});
  const auto model = [](const fs::path& run) {
    return latest_checkpoint(run) / "model.safetensors";
  };
  refuses_damaged([&](const fs::path& run) { fs::remove(model(run)); }, {"model.safetensors"});
  for (const double part : {0.0, 0.001, 0.1, 0.99}) {
    refuses_damaged(
        [&](const fs::path& run) {
          const auto size = static_cast<double>(fs::file_size(model(run)));
          fs::resize_file(model(run), static_cast<uintmax_t>(part * size));
        },
        {"model.safetensors"});
  }
  refuses_damaged([&](const fs::path& run) { write(model(run), std::string(8, '\xff') + "{}"); },
                  {"model.safetensors"});
  refuses_damaged([](const fs::path& run) { edit(run / "config.toml", "\\[16, 16\\]", "[8]"); },
                  {"damaged/checkpoints/step_000000200", "actor.0.weight", "[16, 4]", "[8, 4]"});
  refuses_damaged(
      [](const fs::path& run) {
        edit(run / "config.toml", "env = \"maze2d-umaze\"", "env = \"maze2d-open\"");
      },
      {"damaged/checkpoints", "maze2d-umaze", "maze2d-open"});
  refuses_damaged(
      [](const fs::path& run) {
        edit(run / "config.toml", "\\[agent\\][^]*", "");
        edit(run / "config.toml", "\"ddpg\"", "\"random\"");
      },
      {"random", "no checkpoint"});
  const auto edit_state = [](const std::string& pattern, const std::string& text) {
    return [=](const fs::path& run) { edit(latest_checkpoint(run) / "state.json", pattern, text); };
  };
  refuses_damaged(edit_state("\"maze2d-umaze\"", "\"maze2d-open\""),
                  {"maze2d-open", "maze2d-umaze"});
  refuses_damaged(edit_state("\"ddpg\"", "\"sac\""), {"sac", "ddpg"});
  refuses_damaged(edit_state("\"agent\"", "\"agnt\""), {"'agent'"});
  refuses_damaged(edit_state("\"200\"", "\"soon\""), {"'soon'"});
  refuses_damaged(edit_state("\"200\"", "200"), {"state.json"});
  refuses_damaged(edit_state("\\}", ""), {"state.json"});
  refuses_damaged(edit_state("\"format\": \"3\"", "\"format\": \"1\""),
                  {"state.json", "format 1", "train the run again"});
  // Files that only a resume reads.
  fs::remove_all(at("damaged"));
  fs::copy(at("runs/good"), at("damaged"), fs::copy_options::recursive);
  edit_state("pcg64", "pcg32")(at("damaged"));
  refuses({"train", "--resume", "damaged", "--steps", "400"}, {"pcg32"});
}

}  // namespace
}  // namespace reverie::test
