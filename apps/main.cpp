// The program `reverie-main`: all commands that need LibTorch. `reverie` starts it
// (launcher/launcher.cpp).

#include "agents/world_models/dream_env.h"
#include "apps/answers.h"
#include "apps/program.h"

namespace {

const reverie::CommandTable kCommands = {
    {"train", &reverie::train_command},       {"evaluate", &reverie::evaluate_command},
    {"render", &reverie::render_command},     {"decoder", &reverie::decoder_command},
    {"collect", &reverie::collect_command},   {"probe", &reverie::probe_command},
    {"surprise", &reverie::surprise_command}, {"study", &reverie::study_command},
    {"plot", &reverie::plot_command},         {"report", &reverie::report_command},
    {"list", &reverie::list_command},         {"config", &reverie::config_command},
    {"bench", &reverie::bench_command},
};

int run(const reverie::Arguments& arguments) {
  if (arguments == reverie::Arguments{"--write-answers"}) {  // at the end of the build
    reverie::write_answers(kCommands);
    return 0;
  }
  if (!arguments.empty() && arguments[0] == "dataset") {  // the launcher does the rest of it
    return reverie::learnt_relabel_command({arguments.begin() + 1, arguments.end()});
  }
  return reverie::run_command(kCommands, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  reverie::add_learnt_worlds();
  return reverie::run_program(argc, argv, run, &reverie::explain_torch_failure);
}
