// Configurations: the input is the text of a TOML file, for fields of every kind. What is accepted
// is written and read back.

#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/error.h"

namespace {

struct Options {
  bool flag = true;
  int64_t count = 3;
  double rate = 0.5;
  std::string name = "a";
  std::string choice = "one";
  std::vector<int64_t> sizes = {1, 2};

  reverie::ConfigFields fields() {
    reverie::ConfigFields fields;
    fields.section("run");
    fields.add("flag", flag, "a switch");
    fields.add("count", count, "a number", reverie::between(0, 1000));
    fields.add("rate", rate, "a real number", reverie::above(0));
    fields.section("agent");
    fields.add("name", name, "a text");
    fields.add("choice", choice, "one of two", {"one", "two"});
    fields.add("sizes", sizes, "numbers", reverie::between(1, 64));
    return fields;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Options options;
  try {
    options.fields().load_toml_text(text, "input");
  } catch (const reverie::Error& error) {
    if (error.kind() != reverie::ErrorKind::kInput) std::abort();
    return 0;
  }
  const std::string written = options.fields().to_toml();
  Options again;
  again.fields().load_toml_text(written, "what was written");
  if (again.fields().to_toml() != written) std::abort();
  return 0;
}
