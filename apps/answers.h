#pragma once

#include <filesystem>
#include <optional>

#include "apps/program.h"

namespace reverie {

// Answers are what `reverie-main` prints for questions that always have the same answer, such as
// `train --help`. The build keeps them in files beside the programs, because `reverie-main` itself
// takes half a second to load LibTorch (launcher/launcher.cpp).

// Replaces the files in the folder `answers` beside this program by those of all commands' help,
// the lists of agents and of world models, and each agent's `config`. Throws Error for a file that
// cannot be written.
void write_answers(const CommandTable& commands);

// The file with the answer; none if there is no such file or `program`, which wrote it, is newer.
std::optional<std::filesystem::path> find_answer(const Arguments& arguments,
                                                 const std::filesystem::path& program);

// The folder of the running program.
std::filesystem::path program_folder();

}  // namespace reverie
