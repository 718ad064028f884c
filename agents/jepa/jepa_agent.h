#pragma once

#include <memory>
#include <string>

#include "agents/agent.h"
#include "agents/planning/planning_policy.h"
#include "worldmodel/jepa/jepa_learner.h"

namespace reverie {

// A JEPA that SIGReg keeps from collapse; it learns from pictures and plans to goals in its
// latents: LeWorldModel (Maes et al. 2026, arXiv:2603.19312), exact as `--architecture lewm`.
struct JepaConfig : AgentConfig {
  JepaOptions model;
  JepaTrainingOptions training;
  PlanningOptions planning;
  std::string weights;  // initial weights, a safetensors file; "" = random

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;

  // Throws Error(kInput) for environments without pictures, and for weights that do not fit, naming
  // every missing, unexpected and mis-shaped tensor.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry jepa_entry();

}  // namespace reverie
