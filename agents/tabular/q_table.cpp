#include "agents/tabular/q_table.h"

#include <algorithm>

#include "nn/pch.h"

namespace reverie {

FiniteSpaces::FiniteSpaces(const EnvSpec& spec, at::Device device, std::string_view agent) {
  const auto* discrete = std::get_if<DiscreteSpace>(&spec.action);
  REVERIE_CHECK(discrete != nullptr,
                "{} has continuous actions; {} needs discrete ones, such as {}", spec.id, agent,
                "gridmaze-umaze's");
  actions = discrete->n;
  for (const Field& each : spec.observation) {
    const bool numbers_states = each.dtype == DType::kInt64 && each.shape.empty() &&
                                each.low == std::vector<float>{0.0F} && each.high.size() == 1;
    if (!numbers_states) continue;
    REVERIE_CHECK(field.empty(), "{}: both '{}' and '{}' number states; {} reads one of them",
                  spec.id, field, each.name, agent);
    field = each.name;
    states = static_cast<int64_t>(each.high.front()) + 1;
  }
  REVERIE_CHECK(!field.empty(),
                "{}: its observation does not number the states; {} needs one int64 number in "
                "[0, S - 1], as `cell` of gridmaze-umaze (not with --observation pixels)",
                spec.id, agent);
  REVERIE_CHECK(device.is_cpu(), "{}: --device {}: {} keeps its table on the CPU; leave it out",
                spec.id, device.str(), agent);
}

QTable::QTable(const FiniteSpaces& spaces, double initial_value)
    : table_(at::full({spaces.states, spaces.actions}, initial_value, at::kDouble)),
      values_(table_.mutable_data_ptr<double>()),
      actions_(spaces.actions) {}

double QTable::max(int64_t state) const { return (*this)(state, best(state)); }

int64_t QTable::best(int64_t state) const {
  const double* row = values_ + state * actions_;
  return std::max_element(row, row + actions_) - row;
}

std::vector<double> QTable::values() const {
  std::vector<double> values;
  for (int64_t state = 0; state < states(); ++state) values.push_back(max(state));
  return values;
}

std::vector<int64_t> QTable::best_actions() const {
  std::vector<int64_t> actions;
  for (int64_t state = 0; state < states(); ++state) actions.push_back(best(state));
  return actions;
}

int64_t QTable::epsilon_greedy(int64_t state, double epsilon, Rng& rng) const {
  if (rng.random() < epsilon) return rng.integers(0, actions_);
  const double* row = values_ + state * actions_;
  const double greatest = max(state);
  int64_t which = rng.integers(0, std::count(row, row + actions_, greatest));
  int64_t action = 0;
  while (row[action] != greatest || which-- > 0) ++action;
  return action;
}

void QTable::state(StateList& list) { list.add_weights("q", table_); }

namespace {

class TableActor final : public Actor {
 public:
  TableActor(const QTable& q, std::string field, double epsilon, uint64_t seed, bool explores)
      : q_(q), field_(std::move(field)), epsilon_(epsilon), rng_(seed), explores_(explores) {}

  Decision act(const TensorMap& obs) override {
    const at::Tensor states = obs.at(field_).contiguous();
    const auto* state = states.const_data_ptr<int64_t>();
    at::Tensor actions = at::empty({states.numel()}, at::kLong);
    auto* action = actions.mutable_data_ptr<int64_t>();
    for (int64_t i = 0; i < states.numel(); ++i) {
      action[i] = explores_ ? q_.epsilon_greedy(state[i], epsilon_, rng_) : q_.best(state[i]);
    }
    return {actions};
  }

  void state(StateList& list) override { list.add("rng", rng_); }

 private:
  const QTable& q_;
  const std::string field_;
  const double epsilon_;
  Rng rng_;
  const bool explores_;
};

}  // namespace

std::unique_ptr<Actor> greedy_actor(const QTable& q, const std::string& field) {
  return std::make_unique<TableActor>(q, field, 0.0, 0, false);
}

std::unique_ptr<Actor> epsilon_greedy_actor(const QTable& q, const std::string& field,
                                            double epsilon, uint64_t seed) {
  return std::make_unique<TableActor>(q, field, epsilon, seed, true);
}

}  // namespace reverie
