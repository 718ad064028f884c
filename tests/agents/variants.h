#pragma once

// Agents of the registry with some of their options: "ppo/memory=lstm/sequence_length=4". A word
// without a value asks for another task: "td3/pictures", "a2c/discrete".

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "agents/registry.h"

namespace reverie::test {

inline std::string agent_of(const std::string& variant) {
  return variant.substr(0, variant.find('/'));
}

inline bool asks_for(const std::string& variant, const std::string& word) {
  return variant.ends_with("/" + word);
}

inline std::vector<std::pair<std::string, std::string>> options_of(const std::string& variant) {
  std::vector<std::pair<std::string, std::string>> options;
  for (size_t at = variant.find('/'); at < variant.size();) {
    const size_t end = std::min(variant.find('/', at + 1), variant.size());
    const std::string option = variant.substr(at + 1, end - at - 1);
    at = end;
    const size_t equals = option.find('=');
    if (equals == std::string::npos) continue;
    options.emplace_back(option.substr(0, equals), option.substr(equals + 1));
  }
  return options;
}

inline std::unique_ptr<AgentConfig> config_of(const std::string& variant) {
  auto config = find_agent(agent_of(variant)).config();
  ConfigFields fields;
  config->describe(fields);
  // The pictures of the tests are small.
  for (const auto& [name, value] : {std::pair{"vae_layout", "mirror"}, {"vae_channels", "4,8"}}) {
    if (fields.find(name) != nullptr) fields.set(name, value);
  }
  for (const auto& [name, value] : options_of(variant)) fields.set(name, value);
  return config;
}

// Agents that remember: what they save and carry over differs from that of the others.
inline std::vector<std::string> with_recurrent_ones(std::vector<std::string> names) {
  for (const char* name : {"ppo/memory=lstm", "ppo/memory=gru/distribution=beta",
                           "a2c/memory=gru/shared_sizes=5", "reinforce/memory=lstm"}) {
    names.emplace_back(name);
  }
  return names;
}

// Agents of vectors that also learn from pictures.
inline std::vector<std::string> with_picture_ones(std::vector<std::string> names) {
  for (const char* name :
       {"ddpg/pictures", "td3/pictures", "sac/pictures", "td7/pictures", "bc/pictures",
        "bc/bottleneck=0.1/pictures", "iql/pictures", "iql/extraction=ddpg/pictures"}) {
    names.emplace_back(name);
  }
  return names;
}

inline std::string variant_test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

}  // namespace reverie::test
