#include "tests/apps/docs_commands.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

namespace reverie::test {
namespace {

constexpr std::string_view kIndent = "    ";

struct PageLine {
  int number = 0;
  std::string text;  // without the indentation of a block
  bool is_code = false;
};

std::vector<PageLine> lines_of(const std::string& page) {
  std::vector<PageLine> lines;
  std::istringstream in(page);
  bool fenced = false;
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    const bool is_fence = text.starts_with("```");
    if (is_fence) fenced = !fenced;
    const bool indented = !fenced && text.starts_with(kIndent);
    if (indented) text.erase(0, kIndent.size());
    lines.push_back({number, is_fence ? "" : text, fenced || indented});
  }
  return lines;
}

// One simple command of a shell, or a part of a loop.
struct ShellStatement {
  int line = 0;
  std::vector<std::string> words;
};

// The statements of all code.
std::vector<ShellStatement> statements_of(const std::vector<PageLine>& lines) {
  std::vector<ShellStatement> statements;
  bool continues = false;  // the last statement, behind a backslash
  for (const PageLine& line : lines) {
    if (!line.is_code) {
      continues = false;
      continue;
    }
    const std::vector<std::string> words = shell_words(line.text);
    if (!continues) statements.push_back({line.number, {}});
    for (const std::string& word : words) {
      if (word == "&&" || word == ";") {
        statements.push_back({line.number, {}});
      } else if (word != "\\" && !(word == "do" && statements.back().words.empty())) {
        statements.back().words.push_back(word);
      }
    }
    continues = !words.empty() && words.back() == "\\";
  }
  std::erase_if(statements, [](const ShellStatement& each) { return each.words.empty(); });
  return statements;
}

bool is_program(const std::string& word) { return word == "reverie" || word == "./reverie"; }

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

using ShellVariables = std::map<std::string, std::string>;

std::string with_values(std::string word, const ShellVariables& variables) {
  for (const auto& [name, value] : variables) {
    const std::string reference = "$" + name;
    for (size_t at = 0; (at = word.find(reference, at)) != std::string::npos; at += value.size()) {
      word.replace(at, reference.size(), value);
    }
  }
  return word;
}

// Plays statements[begin, end) and adds what runs the program.
void play(const std::vector<ShellStatement>& statements, size_t begin, size_t end,
          const ShellVariables& variables, std::vector<DocsCommand>& commands) {
  for (size_t i = begin; i < end; ++i) {
    const std::vector<std::string>& words = statements[i].words;
    if (words[0] == "for" && words.size() > 3 && words[2] == "in") {
      size_t done = i + 1;
      for (int open = 1; done < end; ++done) {
        const std::string& word = statements[done].words[0];
        open += (word == "for" ? 1 : 0) - (word == "done" ? 1 : 0);
        if (open == 0) break;
      }
      for (size_t value = 3; value < words.size(); ++value) {
        ShellVariables inner = variables;
        inner[words[1]] = words[value];
        play(statements, i + 1, done, inner, commands);
      }
      i = done;
      continue;
    }
    const auto program = std::find_if(words.begin(), words.end(), is_program);
    if (program == words.end()) continue;
    // Words before the program are syntax that nobody has taught this reader.
    const auto first = program == words.begin() ? words.begin() + 1 : words.begin();
    DocsCommand command{.line = statements[i].line, .printed = joined({first, words.end()})};
    std::transform(first, words.end(), std::back_inserter(command.arguments),
                   [&](const std::string& word) { return with_values(word, variables); });
    commands.push_back(std::move(command));
  }
}

// The commands between backquotes.
std::vector<DocsCommand> commands_in_text(const std::vector<PageLine>& lines) {
  std::vector<DocsCommand> commands;
  bool quoted = false;
  DocsCommand span;
  std::string text;
  const auto finish = [&] {
    const std::vector<std::string> words = shell_words(text);
    if (words.size() > 3 && is_program(words[0]) && text.find(", ") == std::string::npos) {
      span.arguments = {words.begin() + 1, words.end()};
      span.printed = joined(span.arguments);
      commands.push_back(span);
    }
  };
  for (const PageLine& line : lines) {
    if (line.is_code || line.text.empty()) quoted = false;  // a span ends with its paragraph
    if (line.is_code) continue;
    for (const char c : line.text + "\n") {
      if (c == '`') {
        if (quoted) finish();
        quoted = !quoted;
        span = {.line = line.number};
        text.clear();
      } else if (quoted) {
        text += c == '\n' ? ' ' : c;
      }
    }
  }
  return commands;
}

}  // namespace

std::vector<std::string> shell_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  const auto finish = [&] {
    if (in_word) words.push_back(std::exchange(word, ""));
    in_word = false;
  };
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      finish();
    } else if (c == ';') {
      finish();
      words.emplace_back(";");
    } else if (c == '#' && !in_word) {
      break;
    } else {
      word += c;
      in_word = true;
    }
  }
  finish();
  return words;
}

std::vector<DocsCommand> commands_on(const std::string& page) {
  const std::vector<PageLine> lines = lines_of(page);
  const std::vector<ShellStatement> statements = statements_of(lines);
  std::vector<DocsCommand> commands;
  play(statements, 0, statements.size(), {}, commands);
  for (const DocsCommand& command : commands_in_text(lines)) {
    const auto next = std::find_if(commands.begin(), commands.end(), [&](const DocsCommand& each) {
      return each.line > command.line;
    });
    commands.insert(next, command);
  }
  return commands;
}

std::map<std::string, std::string> files_on(const std::string& page) {
  std::map<std::string, std::string> files;
  std::string* file = nullptr;
  for (const PageLine& line : lines_of(page)) {
    const size_t colon = line.text.find(": ");
    if (!line.is_code) {
      file = nullptr;
    } else if (file == nullptr && line.text.starts_with("// ") && colon != std::string::npos) {
      file = &files[line.text.substr(3, colon - 3)];
    }
    if (file != nullptr) *file += line.text + "\n";
  }
  return files;
}

}  // namespace reverie::test
