#pragma once

#include <string>
#include <vector>

namespace reverie {

struct CommandSummary {
  std::string name;
  std::string summary;  // one line
};

// Every command of the program, in the order of its help.
const std::vector<CommandSummary>& command_summaries();

// Whether these arguments of the program ask for the help of the program itself.
bool asks_for_overview(const std::vector<std::string>& arguments);

// What `reverie --help` prints.
void print_overview();

}  // namespace reverie
