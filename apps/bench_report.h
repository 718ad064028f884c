#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/progress.h"

namespace reverie {

// One measured number, with its upper bound and other libraries' numbers.
struct BenchResult {
  std::string name;
  double value = 0.0;
  std::string unit;  // "steps/s"
  int threads = 1;
  std::optional<double> limit = {};                         // in the same unit
  std::map<std::string, std::optional<double>> peers = {};  // in the same unit; none: not measured
  bool lower_is_better = false;                             // a time, not a rate

  // How many times better it is than `other`, in the same unit.
  double ratio_to(double other) const { return lower_is_better ? other / value : value / other; }
};

// The user's selection of measurements.
struct BenchFlags {
  std::string what;
  std::vector<std::string> ids;
  std::vector<std::string> options;  // environment options: "name=value"
  std::vector<int64_t> threads = {1, 2};
  int64_t num_envs = 64;
  int64_t async_batch =
      0;  // results that the asynchronous interface gives at once; 0 = not measured
  double seconds = 5.0;
  bool peers = false;
  bool json = false;
};

// The entries of a table whose `agent` the user has named; all where nothing is named. Throws
// Error(kInput) for an agent that the table does not have.
template <typename Entry>
std::vector<Entry> named_agents(const std::vector<Entry>& table, const BenchFlags& flags) {
  if (flags.ids.empty()) return table;
  const auto& ids = flags.ids;
  std::vector<Entry> named;
  std::vector<std::string> known;
  for (const Entry& entry : table) {
    known.push_back(entry.agent);
    if (std::find(ids.begin(), ids.end(), entry.agent) != ids.end()) named.push_back(entry);
  }
  for (const std::string& id : ids) {
    if (std::find(known.begin(), known.end(), id) == known.end()) {
      fail_unknown_name("agent", id, known, "bench " + flags.what);
    }
  }
  return named;
}

// A measurement that can be repeated for a given time [s]; empty when it is not available.
using Measurement = std::function<std::optional<double>(double seconds)>;

// Measures in turns A B C A B C ..., so that all see the same state of the machine, and returns the
// median of each.
std::vector<std::optional<double>> measure_in_turns(const std::vector<Measurement>& measurements,
                                                    double seconds, int rounds = 5);

// Runs `function` until `seconds` have passed (after a short warm-up) and returns calls a second.
double calls_per_second(const std::function<void()>& function, double seconds);

// A field of the JSON object that a script under bench/peers prints, run with the peers' own
// Python. Empty when it prints null. Throws Error(kInput) when the peers are not installed (it says
// how) and Error(kRun) when the script fails.
std::optional<double> run_peer(const std::string& script_and_arguments, const std::string& field);

// Likewise for a field that is a list of numbers.
std::vector<double> run_peer_list(const std::string& script_and_arguments,
                                  const std::string& field);

// The greatest rate of float32 matrix products on this machine [GFLOP/s], at a size where memory is
// not the limit.
double gemm_peak(double seconds);

// Prints a table, or with `json` the object of the command line's contract.
void print_results(const std::vector<BenchResult>& results, bool json);

}  // namespace reverie
