#include "studies/dataset_states.h"

#include "agents/space_adapter.h"
#include "agents/training/dataset_split.h"
#include "nn/pch.h"

namespace reverie {

DatasetStates draw_dataset_states(const LoadedPolicy& loaded, const std::string& path,
                                  int64_t count, uint64_t seed) {
  DatasetStates states{
      .dataset = path.empty() ? loaded.config->dataset() : path, .obs = {}, .action = {}};
  REVERIE_CHECK(!states.dataset.empty(),
                "{}: learnt from no dataset; expected --dataset F with the states to use",
                loaded.name);
  const EnvSpec spec = SpaceAdapter::adapt(loaded.spec);
  const std::unique_ptr<Dataset> dataset = open_dataset_for(spec, states.dataset);
  Rng rng(seed);
  Batch batch =
      load_transitions(*dataset, 1.0, *loaded.config, spec, at::kCPU, {})->sample(count, {}, rng);
  states.obs = std::move(batch.obs);
  states.action = batch.action;
  return states;
}

}  // namespace reverie
