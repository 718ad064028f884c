// The modules of the tree and what each may include: arrows never turn back.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/temporary_folder.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

struct Module {
  std::vector<std::string> modules;    // whose headers it may include, beside its own
  std::vector<std::string> interface;  // single headers of other modules
  std::vector<std::string> banned;     // beginnings of <...> includes that it may not have
};

const std::vector<std::string> kTorch = {"torch/", "ATen/", "c10/", "caffe2/"};
const std::vector<std::string> kPhysics = {"mujoco/", "box2d/"};
const std::vector<std::string> kFiles = {"hdf5", "H5"};

std::vector<std::string> all_of(const std::vector<std::vector<std::string>>& lists) {
  std::vector<std::string> out;
  for (const auto& list : lists) out.insert(out.end(), list.begin(), list.end());
  return out;
}

const std::map<std::string, Module>& modules() {
  static const std::map<std::string, Module> table = {
      {"core", {{}, {}, all_of({kTorch, kPhysics, kFiles})}},
      {"drawing", {{"core"}, {}, all_of({kTorch, kPhysics, kFiles})}},
      {"envs", {{"core", "drawing"}, {}, all_of({kTorch, kFiles})}},
      {"datasets", {{"core"}, {}, all_of({kTorch, kPhysics})}},
      {"recordings",
       {{"core", "drawing", "envs", "datasets"}, {}, all_of({kTorch, kPhysics, kFiles})}},
      {"nn", {{"core"}, {}, all_of({kPhysics, kFiles})}},
      {"replay", {{"core", "nn"}, {}, all_of({kPhysics, kFiles})}},
      {"worldmodel", {{"core", "nn", "replay"}, {}, all_of({kPhysics, kFiles})}},
      {"agents",
       {{"core", "drawing", "nn", "replay", "datasets"},
        {"envs/action_player.h",
         "envs/env.h",
         "envs/finite_mdp.h",
         "envs/vector_env.h",
         "envs/threaded_vector_env.h",
         "envs/env_lane.h",
         "envs/registry.h",
         "envs/thread_pool.h",
         "envs/wrappers/reach_goal.h",
         "envs/wrappers/training_limits.h",
         "worldmodel/world_model.h",
         "worldmodel/heads.h",
         "worldmodel/dynamics.h",
         "worldmodel/goal_space.h",
         "worldmodel/planning/cost.h",
         "worldmodel/action_code.h",
         "worldmodel/decoder.h",
         "worldmodel/planning/planner.h",
         "worldmodel/jepa/jepa_learner.h",
         "worldmodel/vae/vae.h",
         "worldmodel/vae/vae_learner.h",
         "worldmodel/mdn_rnn/mdn_rnn.h",
         "worldmodel/mdn_rnn/mdn_rnn_learner.h"},
        all_of({kPhysics, kFiles})}},
      {"runs",
       {{"core", "drawing", "envs", "datasets", "recordings", "nn", "replay", "worldmodel",
         "agents"},
        {},
        all_of({kPhysics, kFiles})}},
      {"studies",
       {{"core", "drawing", "envs", "datasets", "recordings", "nn", "replay", "worldmodel",
         "agents", "runs"},
        {},
        all_of({kPhysics, kFiles})}},
      {"apps",
       {{"core", "drawing", "envs", "datasets", "recordings", "nn", "replay", "worldmodel",
         "agents", "runs", "studies"},
        {},
        {}}},
  };
  return table;
}

// Folders at the root that hold C++ without being a module.
const std::set<std::string> kNoModules = {"tests", "bench", "build", "cmake", "examples"};

bool is_source(const fs::path& path) {
  static const std::set<std::string> endings = {".h", ".hpp", ".cuh", ".inc", ".cc", ".cpp", ".cu"};
  return endings.contains(path.extension().string());
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const std::string& beginning) { return text.starts_with(beginning); });
}

// The fault of one #include of a file in that module, "" if there is none.
std::string fault_of(const fs::path& root, const std::string& module_name, bool is_header,
                     const std::string& target) {
  const Module& module = modules().at(module_name);
  const std::string name = target.substr(1, target.size() - 2);
  if (target.front() == '<') {
    if (starts_with_any(name, module.banned)) {
      return fmt::format("{}/ may not use this library", module_name);
    }
    // <torch/torch.h> costs a file 15 s, <ATen/ATen.h> 7 s.
    if (is_header && starts_with_any(name, kTorch) && name != "ATen/core/TensorBody.h" &&
        name != "c10/core/Device.h") {
      return "headers include <ATen/core/TensorBody.h> at most; the rest belongs in a .cpp";
    }
    return "";
  }
  if (!fs::is_regular_file(root / name)) return "there is no such file below the root";
  const std::string other = name.substr(0, name.find('/'));
  if (other == module_name) return "";
  if (std::count(module.modules.begin(), module.modules.end(), other) != 0) return "";
  if (std::count(module.interface.begin(), module.interface.end(), name) != 0) return "";
  if (!modules().contains(other)) return fmt::format("{}/ is no module", other);
  return fmt::format("{}/ may not include this file of {}/", module_name, other);
}

// Every include that breaks the table, as "file:line: #include ...: why".
std::vector<std::string> violations(const fs::path& root) {
  static const std::regex include(R"(^\s*#\s*include\s*(<[^>]*>|"[^"]*"|\S+).*)");
  std::vector<std::string> found;
  for (const auto& folder : fs::directory_iterator(root)) {
    const std::string module = folder.path().filename().string();
    if (!folder.is_directory() || kNoModules.contains(module) || module.starts_with(".")) continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      const std::string file = fs::relative(entry.path(), root).string();
      if (!modules().contains(module)) {
        found.push_back(
            fmt::format("{}: the folder {}/ is not in this test's table", file, module));
        continue;
      }
      const bool is_header = entry.path().extension() == ".h" && entry.path().stem() != "pch";
      std::ifstream in(entry.path());
      std::smatch match;
      int number = 0;
      for (std::string line; std::getline(in, line);) {
        ++number;
        if (!std::regex_match(line, match, include)) continue;
        const std::string target = match[1];
        if (target.starts_with("FT_")) continue;  // FreeType's own way
        const std::string fault = target.front() == '<' || target.front() == '"'
                                      ? fault_of(root, module, is_header, target)
                                      : "an include by macro cannot be checked";
        if (!fault.empty()) {
          found.push_back(fmt::format("{}:{}: #include {}: {}", file, number, target, fault));
        }
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

TEST(Layering, IncludesFollowTheTableOfModules) {
  for (const std::string& violation : violations(REVERIE_SOURCE_DIR)) ADD_FAILURE() << violation;
}

// Types of the same name in two headers. Nothing warns, and the linker keeps one of their inline
// functions for both (the one-definition rule).
std::vector<std::string> types_defined_twice(const fs::path& root) {
  std::map<std::string, std::string> seen;  // qualified name -> header
  std::vector<std::string> twice;
  const std::regex space("^namespace ([\\w:]+) \\{"),
      type("^(?:struct|class) (?:alignas\\(\\d+\\) )?(\\w+)(?: final)?(?: :[^;]*)?\\s*\\{?$");
  for (const auto& [module, rules] : modules()) {
    if (!fs::is_directory(root / module)) continue;
    std::vector<fs::path> headers;
    for (const auto& entry : fs::recursive_directory_iterator(root / module)) {
      if (entry.path().extension() == ".h") headers.push_back(entry.path());
    }
    std::sort(headers.begin(), headers.end());
    for (const fs::path& header : headers) {
      std::ifstream file(header);
      std::string line, scope;
      for (std::smatch found; std::getline(file, line);) {
        if (std::regex_search(line, found, space)) scope = found[1];
        if (!std::regex_search(line, found, type)) continue;
        const std::string name = scope + "::" + found[1].str();
        const std::string here = header.lexically_relative(root).generic_string();
        const auto [known, is_new] = seen.emplace(name, here);
        if (!is_new && known->second != here) {
          twice.push_back(fmt::format("{} is defined in {} and in {}", name, known->second, here));
        }
      }
    }
  }
  return twice;
}

TEST(Layering, ATypeIsDefinedInOneHeader) {
  for (const std::string& name : types_defined_twice(REVERIE_SOURCE_DIR)) ADD_FAILURE() << name;
  const test::TemporaryFolder root;
  fs::create_directories(root / "core");
  fs::create_directories(root / "envs");
  std::ofstream(root / "core/a.h") << "namespace reverie {\nstruct Plan {\n};\nclass Known;\n}\n";
  std::ofstream(root / "core/b.h")
      << "namespace reverie {\nclass Known final : public Plan {\n};\n}\n";
  std::ofstream(root / "envs/c.h") << "namespace reverie::maze {\nclass Plan {\n};\n}\n";
  EXPECT_THAT(types_defined_twice(root.path()), testing::IsEmpty());
  std::ofstream(root / "envs/d.h")
      << "namespace reverie {\nclass alignas(64) Plan : public Known {\n};\n}\n";
  EXPECT_THAT(types_defined_twice(root.path()),
              testing::ElementsAre("reverie::Plan is defined in core/a.h and in envs/d.h"));
}

TEST(Layering, SeesTheTree) {
  for (const char* module :
       {"core", "envs", "nn", "replay", "datasets", "agents", "runs", "apps"}) {
    EXPECT_TRUE(fs::is_directory(fs::path(REVERIE_SOURCE_DIR) / module)) << module;
  }
}

TEST(Layering, FindsPlantedViolations) {
  const test::TemporaryFolder root;
  const auto plant = [&](const std::string& name, const std::string& text) {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  };
  plant("core/error.h", "#include <string>\n#include <fmt/format.h>\n");
  plant("envs/env.h", "#include \"core/error.h\"\n");
  plant("envs/maze2d/maze.h", "#include \"envs/env.h\"\n#include <mujoco/mujoco.h>\n");
  plant("agents/agent.h", "#include \"envs/env.h\"\n#include <ATen/core/TensorBody.h>\n");
  plant("agents/agent.cpp", "#include <ATen/ATen.h>\n");
  plant("tests/any.cpp", "#include \"core/none.h\"\n");
  EXPECT_THAT(violations(root.path()), testing::IsEmpty());

  plant("core/a.cpp", "#include \"envs/env.h\"\n");
  plant("core/b.cpp", "#include <torch/torch.h>\n");
  plant("core/c.h", "\n  # include <mujoco/mujoco.h>  // comment\n");
  plant("envs/d.cpp", "#include <c10/core/Device.h>\n");
  plant("envs/e.cpp", "#include \"core/none.h\"\n");
  plant("agents/f.cpp", "#include \"envs/maze2d/maze.h\"\n");
  plant("agents/g.h", "#include <torch/torch.h>\n");
  plant("core/h.cpp", "#include SOME_MACRO\n");
  plant("planning/i.cpp", "int i;\n");
  plant("envs/j.cpp", "#include \"../core/error.h\"\n");
  EXPECT_THAT(
      violations(root.path()),
      testing::ElementsAre(
          testing::StartsWith("agents/f.cpp:1: #include \"envs/maze2d/maze.h\": agents/ may not"),
          testing::StartsWith("agents/g.h:1: #include <torch/torch.h>: headers include"),
          testing::StartsWith("core/a.cpp:1: #include \"envs/env.h\": core/ may not include"),
          testing::StartsWith("core/b.cpp:1: #include <torch/torch.h>: core/ may not use"),
          testing::StartsWith("core/c.h:2: #include <mujoco/mujoco.h>: core/ may not use"),
          testing::StartsWith("core/h.cpp:1: #include SOME_MACRO: an include by macro"),
          testing::StartsWith("envs/d.cpp:1: #include <c10/core/Device.h>: envs/ may not use"),
          testing::StartsWith("envs/e.cpp:1: #include \"core/none.h\": there is no such file"),
          testing::StartsWith("envs/j.cpp:1: #include \"../core/error.h\": there is no such file"),
          testing::StartsWith("planning/i.cpp: the folder planning/ is not in this test's table")));
}

}  // namespace
}  // namespace reverie
