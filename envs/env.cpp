#include "envs/env.h"

namespace reverie {

void EnvConfig::set_option(std::string_view name, std::string_view text) {
  ConfigFields fields;
  describe(fields);
  fields.set(name, text);
}

}  // namespace reverie
