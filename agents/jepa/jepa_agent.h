#pragma once

#include <memory>
#include <string>

#include "agents/agent.h"
#include "agents/planning/planning_policy.h"
#include "worldmodel/jepa/jepa_learner.h"

namespace reverie {

// A JEPA kept from collapse by SIGReg, learnt from pictures, and planning to goals in its latents:
// LeWorldModel (Maes et al. 2026, arXiv:2603.19312), exact as `--architecture lewm`.
struct JepaConfig : AgentConfig {
  JepaOptions model;
  JepaTrainingOptions training;
  PlanningOptions planning;
  std::string weights;  // safetensors file to begin with; "" = random ones

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;

  // Throws Error(kInput) for environments that show no pictures, and for weights that do not fit,
  // naming every missing, unexpected and mis-shaped tensor.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry jepa_entry();

}  // namespace reverie
