#include "apps/command.h"
namespace reverie {
int dataset_command(const Arguments&) { return 0; }
}
