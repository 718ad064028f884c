#pragma once

// Updates of an agent beside those of PyTorch, written by the scripts of tests/golden.

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "agents/agent.h"
#include "nn/safetensors.h"
#include "nn/state_list.h"
#include "tests/checkpoints.h"
#include "tests/tensors.h"

namespace reverie::test {

// The records "NAME.batch.k.*", "NAME.losses" [updates, metrics], "NAME.k.WEIGHTS" and
// "NAME.probe.*" of tests/golden/FILE.safetensors. From pictures "batch.k.*" and the first weights
// of convolutions, "start.convolutions.*", are the same for all learners of a file.
class GoldenUpdates {
 public:
  // Of weights and losses of order 1, after ten updates in float32. From pictures, sums are longer:
  // PyTorch itself differs by 1.4e-5 between two processors.
  static constexpr double kTolerance = 2e-5;
  double tolerance() const { return pictures_ ? 5e-5 : kTolerance; }

  GoldenUpdates(const std::string& file, std::string name, bool pictures = false)
      : file_(golden(file)), name_(std::move(name)), pictures_(pictures) {}

  TensorMap weights(int64_t updates) const {
    const std::string prefix = fmt::format("{}.{}.", name_, updates);
    TensorMap map;
    for (const auto& [name, tensor] : file_.tensors) {
      if (name.starts_with(prefix)) map.add(name.substr(prefix.size()), tensor);
    }
    return map;
  }

  // The agent reports no temporal-difference errors.
  void expect_no_errors() { reports_errors_ = false; }

  // Weights of the agent that are not compared.
  void ignore(std::set<std::string> names) { ignored_ = std::move(names); }

  // Gives the agent the weights before the first update.
  void begin(Agent& agent) const {
    const TensorMap tensors = tensors_of(agent);
    for (const auto& [name, values] : weights(0)) tensors.at(name).detach().copy_(values);
    for (const auto& [name, tensor] : tensors) {
      const size_t at = name.find("convolutions.pixels");
      if (at == std::string::npos) continue;
      tensor.detach().copy_(file_.tensor("start." + name.substr(at)));
    }
  }

  const at::Tensor& get(const std::string& what) const {
    return file_.tensor(fmt::format("{}.{}", name_, what));
  }

  Batch batch(int64_t update, bool weighted = true) const {
    const auto part = [&](const char* name) {
      const std::string record = fmt::format("batch.{}.{}", update, name);
      return pictures_ ? file_.tensor(record) : get(record);
    };
    const std::string field = pictures_ ? "pixels" : "observation";
    const std::string future = fmt::format("batch.{}.future_obs", update);
    const bool has_future = has(fmt::format("{}.{}", name_, future));
    const bool has_next = has(fmt::format("{}.batch.{}.next_action", name_, update));
    return {.obs = {{field, part("obs")}},
            .next_obs = {{field, part("next_obs")}},
            .action = part("action"),
            .reward = part("reward"),
            .discount = part("discount"),
            .index = at::arange(part("reward").size(0)),
            .weight = weighted ? part("weight") : at::Tensor(),
            .next_action = has_next ? part("next_action") : at::Tensor(),
            .has_next_action = has_next ? part("has_next_action") : at::Tensor(),
            .future_obs = has_future ? TensorMap{{field, get(future)}} : TensorMap()};
  }

  // Makes the updates up to `updates`, and compares each one's metrics with the columns of
  // "losses", in the order of the names; then the weights.
  void compare(TransitionAgent& agent, int64_t updates, const std::vector<std::string>& names) {
    for (; done_ < updates;) {
      ++done_;
      const Learned learned = agent.update(batch(done_));
      const at::Tensor expected = get("losses")[done_ - 1];
      for (size_t i = 0; i < names.size(); ++i) {
        const at::Tensor value = expected[static_cast<int64_t>(i)];
        if (!learned.metrics.contains(names[i])) {  // a delayed actor's, before its first update
          EXPECT_EQ(value.item<float>(), 0.0F) << names[i] << " of update " << done_;
          continue;
        }
        EXPECT_LT(max_difference(learned.metrics.at(names[i]), value),
                  tolerance() * std::max(1.0, std::abs(value.item<double>())))
            << names[i] << " of update " << done_;
        EXPECT_FALSE(learned.metrics.at(names[i]).requires_grad()) << names[i];
      }
      ASSERT_EQ(learned.td_error.defined(), reports_errors_);
      if (!reports_errors_) continue;
      ASSERT_EQ(learned.td_error.sizes(), at::IntArrayRef({8}));
      EXPECT_FALSE(learned.td_error.requires_grad());
      if (const std::string error = fmt::format("{}.td_error.{}", name_, done_); has(error)) {
        EXPECT_LT(max_difference(learned.td_error, file_.tensor(error)), tolerance());
      }
    }
    const TensorMap now = group_of(take_checkpoint(agent), "model");
    const TensorMap expected = weights(updates);
    ASSERT_EQ(now.size(), expected.size() + ignored_.size());
    for (const auto& [name, tensor] : expected) {
      EXPECT_LT(max_difference(now.at(name), tensor), tolerance())
          << name << " after update " << updates;
    }
  }

 private:
  bool has(const std::string& name) const {
    for (const auto& entry : file_.tensors) {
      if (entry.first == name) return true;
    }
    return false;
  }

  SafetensorsFile file_;
  std::string name_;
  bool pictures_;
  bool reports_errors_ = true;
  std::set<std::string> ignored_;
  int64_t done_ = 0;
};

}  // namespace reverie::test
