#include "replay/batch.h"

#include "nn/pch.h"

namespace reverie {

GoalStrategy parse_goal_strategy(std::string_view name) {
  if (name == "final") return GoalStrategy::kFinal;
  if (name == "future") return GoalStrategy::kFuture;
  if (name == "geometric") return GoalStrategy::kGeometric;
  if (name == "random") return GoalStrategy::kRandom;
  fail_unknown_name("goal strategy", name, {"final", "future", "geometric", "random"});
}

SequenceBatch SampleSource::sample_sequences(int64_t batch, const SampleSpec& spec, Rng&) const {
  fail_input("replay: {} sequences of {} steps were asked of a source of single transitions", batch,
             spec.length);
}

}  // namespace reverie
