#include "envs/controller.h"

#include "core/error.h"

namespace reverie {

size_t observed_field(const EnvSpec& spec, std::string_view name, int64_t numbers,
                      std::string_view controller) {
  for (size_t i = 0; i < spec.observation.size(); ++i) {
    const Field& field = spec.observation[i];
    if (field.name != name) continue;
    REVERIE_CHECK(field.numel() == numbers,
                  "{}: the {} controller reads {} numbers of '{}', found {}; leave out "
                  "--frame-stack",
                  spec.id, controller, numbers, name, field.numel());
    return i;
  }
  fail_input(
      "{}: the {} controller reads '{}', which is not observed; add --observation state or "
      "--observation both",
      spec.id, controller, name);
}

}  // namespace reverie
