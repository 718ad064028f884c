#include "runs/learnt_reward.h"

#include "nn/pch.h"

namespace reverie {
namespace {

LoadedPolicy load(const std::string& run) {
  LoadOptions options;
  options.without_goals = true;
  return load_policy(run, options);
}

const RewardAgent* reward_agent(const LoadedPolicy& loaded) {
  const auto* agent = dynamic_cast<const RewardAgent*>(loaded.agent.get());
  REVERIE_CHECK(agent != nullptr, "--reward-run {}: is of '{}', expected a run of reward-model",
                loaded.name, loaded.config->agent);
  return agent;
}

}  // namespace

LearntReward::LearntReward(const std::string& run)
    : loaded_(load(run)), agent_(reward_agent(loaded_)), scale_(loaded_.spec.action) {}

void LearntReward::relabel(const DatasetSchema& schema, EpisodeData& episode) const {
  const int64_t steps = episode.length();
  std::vector<FieldView> views;
  for (const Field& field : loaded_.spec.observation) {
    const std::optional<DatasetColumn> column = schema.find(field.name);
    REVERIE_CHECK(column && column->field->shape == field.shape,
                  "--reward-run {}: reads the field '{}' [{}], which the dataset does not hold",
                  loaded_.name, field.name, fmt::join(field.shape, ", "));
    views.push_back({column->field, column->of(episode).data(), steps});
  }
  const Field expected = action_field(loaded_.spec.action);
  REVERIE_CHECK(schema.action.shape == expected.shape,
                "--reward-run {}: reads actions [{}], and the dataset holds [{}]", loaded_.name,
                fmt::join(expected.shape, ", "), fmt::join(schema.action.shape, ", "));
  const Field unit = action_field(scale_.unit_space());
  std::vector<std::byte> actions(unit.bytes() * static_cast<size_t>(steps));
  const FieldView scaled{&unit, actions.data(), steps};
  scale_.to_unit({&schema.action, episode.action.data(), steps}, scaled);
  const at::Tensor rewards = agent_->rewards(borrow_tensors(views), borrow_tensor(scaled));
  const auto* values = rewards.const_data_ptr<float>();
  std::copy(values, values + steps, episode.reward.begin());
}

}  // namespace reverie
