#include <iostream>
#include <sstream>

#include <fmt/ranges.h>

#include "agents/registry.h"
#include "apps/answers.h"
#include "core/file.h"

namespace reverie {
namespace {

// What a command prints on standard output.
std::string output_of(const CommandTable& commands, const Arguments& arguments) {
  std::ostringstream text;
  std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
  try {
    run_command(commands, arguments);
  } catch (...) {
    std::cout.rdbuf(before);
    throw;
  }
  std::cout.rdbuf(before);
  return text.str();
}

}  // namespace

void write_answers(const CommandTable& commands) {
  std::vector<Arguments> questions = {{"list", "agents"}, {"list", "worldmodels"}};
  for (const auto& [name, command] : commands) questions.push_back({name, "--help"});
  for (const AgentEntry& agent : agent_registry()) {
    questions.push_back({"config", "--agent", agent.name});
  }
  const std::filesystem::path folder = program_folder() / "answers";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const Arguments& question : questions) {
    write_file_atomically(folder / fmt::format("{}.txt", fmt::join(question, " ")),
                          output_of(commands, question));
  }
}

}  // namespace reverie
