#include "runs/policy_mixture.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "core/random.h"
#include "nn/pch.h"

namespace reverie {

PolicyShare parse_policy_share(const std::string& text) {
  PolicyShare policy{.name = text};
  // Run names may contain a time: runs/2026-11-28_13:05.
  std::error_code ignored;
  const bool is_run = std::filesystem::is_directory(text, ignored);
  const size_t colon = is_run ? std::string::npos : text.rfind(':');
  if (colon != std::string::npos) {
    double share = 0.0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, share);
    if (error != std::errc::invalid_argument && stop == end) {
      REVERIE_CHECK(error == std::errc() && std::isfinite(share) && share > 0.0,
                    "--policy {}: found the share {}, expected a number above 0", text,
                    text.substr(colon + 1));
      policy = {.name = text.substr(0, colon), .share = share};
    }
  }
  REVERIE_CHECK(!policy.name.empty(), "--policy: found '{}', expected NAME or NAME:SHARE", text);
  return policy;
}

PolicyMixture::PolicyMixture(std::vector<std::unique_ptr<Actor>> policies,
                             std::span<const double> shares, uint64_t seed)
    : policies_(std::move(policies)), seed_(seed) {
  double sum = 0.0;
  for (const double share : shares) cumulative_.push_back(sum += share);
  for (double& share : cumulative_) share /= sum;
}

int64_t PolicyMixture::draw(size_t row, int64_t episode) const {
  const double u = Rng(mix_seed({seed_, row, static_cast<uint64_t>(episode)})).random();
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, u);
  return found - cumulative_.begin();
}

Decision PolicyMixture::act(const TensorMap& obs) {
  at::Tensor actions = policies_.front()->act(obs).action;
  const int64_t rows = actions.size(0);
  std::vector<int64_t> column(static_cast<size_t>(actions.dim()), 1);
  column.front() = rows;
  const at::Tensor playing =
      copy_to_tensor<int64_t>(std::span(playing_).first(static_cast<size_t>(rows))).view(column);
  for (size_t k = 1; k < policies_.size(); ++k) {
    actions = at::where(playing == static_cast<int64_t>(k), policies_[k]->act(obs).action, actions);
  }
  return {actions};
}

void PolicyMixture::on_episode_start(const at::Tensor& env_mask) {
  const at::Tensor mask = env_mask.contiguous();
  const auto rows = static_cast<size_t>(mask.numel());
  episodes_.resize(std::max(episodes_.size(), rows));
  playing_.resize(episodes_.size());
  const bool* started = mask.const_data_ptr<bool>();
  for (size_t i = 0; i < rows; ++i) {
    if (started[i]) playing_[i] = draw(i, episodes_[i]++);
  }
  for (const std::unique_ptr<Actor>& policy : policies_) policy->on_episode_start(env_mask);
}

}  // namespace reverie
