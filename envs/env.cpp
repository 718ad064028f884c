#include "envs/env.h"

#include "envs/threaded_vector_env.h"

namespace reverie {

void EnvConfig::set_option(std::string_view name, std::string_view text) {
  ConfigFields fields;
  describe(fields);
  fields.set(name, text);
}

EnvSpec EnvConfig::spec() const { return maker()()->spec(); }

std::unique_ptr<VectorEnv> EnvConfig::vector_env(const VectorEnvOptions& options) const {
  return std::make_unique<ThreadedVectorEnv>(maker(), options);
}

}  // namespace reverie
