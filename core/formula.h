#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace reverie {

// A formula over named numbers, as a user writes it: "exp(-(x - 2)^2) * (speed > 1 ? 1 : 0)".
//
// It knows + - * / ^, comparisons, && and ||, CONDITION ? A : B, the functions of muParser (sin,
// cos, tan, exp, ln, log10, sqrt, abs, sign, min, max, ...), clip(x, low, high) and the constant
// _pi. Values are double. Not thread-safe; different instances may run on different threads.
class Formula {
 public:
  // what: opens the messages of errors, for example "--reward". Throws Error(kInput) for text that
  // is not one formula, and for unknown names; the message lists the known ones.
  Formula(const std::string& what, const std::string& text, std::vector<std::string> names);
  Formula(Formula&&) noexcept;
  Formula& operator=(Formula&&) noexcept;
  ~Formula();

  // values: of the names, in their order. Not a number or infinite where the formula is.
  double operator()(std::span<const double> values);

  // Whether the formula contains the name at that place.
  bool uses(size_t name) const;

 private:
  struct Parser;  // hides the library
  std::unique_ptr<Parser> parser_;
};

}  // namespace reverie
