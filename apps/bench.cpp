#include "apps/command.h"
namespace reverie { int bench_command(const Arguments&) { fail_input("bench: soon"); } }
