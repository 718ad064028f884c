#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agents/agent.h"

namespace reverie {

// One policy of a mixture, as the command line names it.
struct PolicyShare {
  std::string name;    // a run folder or an untrained agent
  double share = 1.0;  // of the episodes, relative to the other policies
};

// Parses NAME or NAME:SHARE. A number after the last colon is a share, unless a folder with the
// whole name exists.
// Throws Error(kInput) for a share that is not finite or not above 0, and for an empty name.
PolicyShare parse_policy_share(const std::string& text);

// Plays each episode with one of several policies, drawn with probabilities in proportion to their
// shares. Every policy receives every episode and every observation, as if it played them all.
class PolicyMixture final : public Actor {
 public:
  // One share per policy, at least one. The same seed gives the same choices: the policy of episode
  // e in row i does not depend on other rows.
  PolicyMixture(std::vector<std::unique_ptr<Actor>> policies, std::span<const double> shares,
                uint64_t seed);

  Decision act(const TensorMap& obs) override;
  void on_episode_start(const at::Tensor& env_mask) override;

  // The index of the policy that plays the current episode of a row.
  int64_t playing(size_t row) const { return playing_.at(row); }

 private:
  int64_t draw(size_t row, int64_t episode) const;

  std::vector<std::unique_ptr<Actor>> policies_;
  std::vector<double> cumulative_;  // [policies] up to 1
  uint64_t seed_;
  std::vector<int64_t> episodes_;  // [N] begun
  std::vector<int64_t> playing_;   // [N]
};

}  // namespace reverie
