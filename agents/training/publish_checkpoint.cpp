#include "agents/training/publish_checkpoint.h"

namespace reverie {

void publish_checkpoint(TrainingSession& session, Checkpoint& checkpoint, int64_t step) {
  checkpoint.set("env", session.config.env);
  checkpoint.set("agent", session.config.agent);
  session.log.sync();
  auto staging = session.directory.new_checkpoint(step);
  checkpoint.write(staging.path());
  staging.publish(session.config.training.keep_checkpoints);
}

}  // namespace reverie
