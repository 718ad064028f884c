#include "worldmodel/planning/planner.h"

#include "core/error.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

struct PlannerEntry {
  const char* name;
  std::unique_ptr<Planner> (*make)(const PlannerOptions& options);
};

constexpr PlannerEntry kPlanners[] = {
    {"cem", &make_cem},
    {"icem", &make_icem},
    {"mppi", &make_mppi},
    {"gradient", &make_gradient_planner},
    {"categorical-cem", &make_categorical_cem},
};

constexpr double kMostSamples = 1048576;

void check_ranges(PlannerOptions options) {
  ConfigFields fields;
  options.describe(fields);
  for (const ConfigField& field : fields.all()) {
    if (!std::holds_alternative<std::string*>(field.value)) {
      ConfigFields::set(field, field.text(), field.flag());
    }
  }
}

}  // namespace

Plan Planner::plan(const PlanningProblem& problem, Rng& rng) {
  DeviceChecks checks;
  Plan plan = search(problem, rng, checks);
  checks.read();
  return plan;
}

void PlannerOptions::describe(ConfigFields& f) {
  f.add("planner", planner, "planner that searches for actions in the model", planner_names());
  f.add("horizon", horizon, "planning horizon [model steps]", between(1, 1000));
  f.add("samples", samples, "candidate plans per iteration", between(2, kMostSamples));
  f.add("iterations", iterations, "iterations of drawing and scoring candidates",
        between(1, 100000));
  f.add("elites", elites,
        "cheapest candidates, which define the next iteration's distribution; not gradient",
        between(2, kMostSamples));
  f.add("initial_std", initial_std,
        "standard deviation of the first candidates [the model's unit of action]", above(0));
  f.add("min_std", min_std,
        "cem, icem, mppi: least standard deviation of candidates [the model's unit of action]",
        at_least(0));
  f.add(
      "max_std", max_std,
      "cem, icem, mppi: greatest standard deviation of candidates; 0 = no bound [the model's unit "
      "of action]",
      at_least(0));
  f.add("momentum", momentum, "icem, categorical-cem: share of the old distribution that is kept",
        Range{.low = 0, .high = 1, .open_high = true});
  f.add("noise_beta", noise_beta, "icem: candidates' noise has the spectrum 1/f^beta; 0 = white",
        between(0, 10));
  f.add("kept_elites", kept_elites, "icem: elites that are candidates again in the next iteration",
        between(0, kMostSamples));
  f.add("sample_decay", sample_decay,
        "icem: each iteration has 1/decay of the candidates of the previous one", at_least(1));
  f.add("temperature", temperature,
        "mppi: temperature of the elites' weights [standard deviations of their costs]", above(0));
  f.add("smoothing", smoothing, "categorical-cem: added to the elites' frequencies of each choice",
        at_least(0));
  f.add("planner_learning_rate", learning_rate,
        "gradient: Adam's step size [the model's unit of action]", above(0));
}

std::vector<std::string> planner_names() {
  std::vector<std::string> names;
  for (const PlannerEntry& entry : kPlanners) names.emplace_back(entry.name);
  return names;
}

std::unique_ptr<Planner> make_planner(const PlannerOptions& options) {
  check_ranges(options);
  for (const PlannerEntry& entry : kPlanners) {
    if (options.planner != entry.name) continue;
    if (options.planner != "gradient") {
      REVERIE_CHECK(options.elites <= options.samples,
                    "--elites is {}, expected at most --samples, which is {}", options.elites,
                    options.samples);
    }
    REVERIE_CHECK(options.max_std == 0.0 || options.min_std <= options.max_std,
                  "--min-std is {}, expected at most --max-std, which is {}", options.min_std,
                  options.max_std);
    REVERIE_CHECK(options.planner != "icem" || options.kept_elites <= options.elites,
                  "--kept-elites is {}, expected at most --elites, which is {}",
                  options.kept_elites, options.elites);
    return entry.make(options);
  }
  fail_unknown_name("planner", options.planner, planner_names());
}

}  // namespace reverie
