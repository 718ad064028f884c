#include "core/formula.h"

#include <algorithm>

#include <muParser.h>

#include "core/error.h"

namespace reverie {
namespace {

double clip(double x, double low, double high) { return std::min(std::max(x, low), high); }

// muParser reads "x = 2" as an assignment, which nobody means in a formula.
bool assigns(const std::string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') continue;
    const bool is_equality = i + 1 < text.size() && text[i + 1] == '=';
    const bool ends_comparison =
        i > 0 && (text[i - 1] == '<' || text[i - 1] == '>' || text[i - 1] == '!');
    if (!is_equality && !ends_comparison) return true;
    if (is_equality) ++i;
  }
  return false;
}

}  // namespace

struct Formula::Parser {
  mu::Parser parser;
  std::vector<std::string> names;
  std::vector<double> values;  // bound to the names
};

Formula::Formula(const std::string& what, const std::string& text, std::vector<std::string> names)
    : parser_(std::make_unique<Parser>()) {
  Parser& p = *parser_;
  p.names = std::move(names);
  p.values.assign(p.names.size(), 1.0);
  REVERIE_CHECK(!assigns(text), "{} \"{}\": has a single '='; expected == for 'equals'", what,
                text);
  try {
    p.parser.DefineFun("clip", clip);
    p.parser.SetExpr(text);
    // Collects the names that are used, also unknown ones.
    for (const auto& [name, unused] : p.parser.GetUsedVar()) {
      if (std::find(p.names.begin(), p.names.end(), name) == p.names.end()) {
        fail_unknown_name("name", name, p.names, fmt::format("{} \"{}\"", what, text));
      }
    }
    for (size_t i = 0; i < p.names.size(); ++i) p.parser.DefineVar(p.names[i], &p.values[i]);
    p.parser.Eval();
  } catch (const mu::ParserError& error) {
    fail_input("{} \"{}\": {}", what, text, error.GetMsg());
  }
  REVERIE_CHECK(p.parser.GetNumResults() == 1, "{} \"{}\": has {} results, expected one", what,
                text, p.parser.GetNumResults());
}

Formula::Formula(Formula&&) noexcept = default;
Formula& Formula::operator=(Formula&&) noexcept = default;
Formula::~Formula() = default;

double Formula::operator()(std::span<const double> values) {
  Parser& p = *parser_;
  REVERIE_CHECK(values.size() == p.values.size(), "a formula over {} numbers got {}",
                p.values.size(), values.size());
  std::copy(values.begin(), values.end(), p.values.begin());
  try {
    return p.parser.Eval();
  } catch (const mu::ParserError& error) {
    fail_run("\"{}\": {}", p.parser.GetExpr(), error.GetMsg());
  }
}

bool Formula::uses(size_t name) const {
  return parser_->parser.GetUsedVar().contains(parser_->names.at(name));
}

}  // namespace reverie
