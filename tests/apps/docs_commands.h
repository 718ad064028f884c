#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/apps/program.h"

namespace reverie::test {

// A command of the program on a page of the documentation.
struct DocsCommand {
  int line = 0;              // where it begins, from 1
  std::string printed = {};  // "evaluate runs/$name": the words behind the program
  Arguments arguments = {};  // {"evaluate", "runs/a"}: with the values of loops' variables
};

// The words of a line as a shell divides them: quotes are removed, a comment is left out, and the
// operators && and ; are words of their own.
std::vector<std::string> shell_words(std::string_view line);

// The commands of a page, in order: those of its code (fenced or indented by four spaces), where
// lines continue behind a backslash or && and `for` loops are played in full, and those in its
// text, between backquotes. There a command has four words or more, for `reverie train --dataset`
// only names one, and so does an enumeration with commas. Other syntax of shells is not understood:
// what uses it beside the program's name comes as one command, which the program refuses.
std::vector<DocsCommand> commands_on(const std::string& page);

// The files that a page prints, by name: indented blocks that begin with a line `// NAME: ...`.
std::map<std::string, std::string> files_on(const std::string& page);

}  // namespace reverie::test
