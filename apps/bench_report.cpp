#include "apps/bench_report.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

#include "core/interrupt.h"
#include "core/json.h"
#include "core/machine.h"
#include "core/progress.h"
#include "nn/pch.h"

namespace reverie {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  REVERIE_CHECK_RUN(pipe != nullptr, "cannot run: {}", command);
  std::string text;
  std::array<char, 4096> buffer;
  while (const size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    text.append(buffer.data(), n);
  }
  return text;
}

// The result of `read` on a field of the object that a peer prints; `read` returns nothing for a
// value of the wrong kind.
template <typename Read>
auto peer_says(const std::string& script_and_arguments, const std::string& field,
               const Read& read) {
  const std::string folder = REVERIE_SOURCE_DIR "/bench/peers";
  std::string home = output_of("'" + folder + "/setup' --print-dir");
  while (!home.empty() && home.back() == '\n') home.pop_back();
  REVERIE_CHECK(std::ifstream(home + "/complete").good(),
                "--peers: the other implementations are not installed; run bench/peers/setup (6 "
                "GB, takes minutes)");
  const std::string command =
      fmt::format("'{}/bin/python' '{}'/{}", home, folder, script_and_arguments);
  const std::string text = output_of(command);
  try {
    const Json out = Json::parse(text, "its output");
    const Json* value = out.find(field);
    REVERIE_CHECK(value != nullptr, "it has no '{}'", field);
    const auto result = read(*value);
    REVERIE_CHECK(result, "'{}' is of the wrong kind", field);
    return *result;
  } catch (const Error& error) {
    fail_run("peer failed: {}\n  its errors are above; it printed: {}\n  ({})", command, text,
             error.what());
  }
}

}  // namespace

std::vector<std::optional<double>> measure_in_turns(const std::vector<Measurement>& measurements,
                                                    double seconds, int rounds) {
  std::vector<std::vector<double>> values(measurements.size());
  ProgressBar progress(rounds * static_cast<int64_t>(measurements.size()),
                       {.label = "bench", .unit = "measurements"});
  int64_t done = 0;
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < measurements.size(); ++i) {
      if (const auto value = measurements[i](seconds / rounds)) values[i].push_back(*value);
      progress.update(++done);
    }
  }
  std::vector<std::optional<double>> medians;
  for (const std::vector<double>& v : values) {
    medians.push_back(v.empty() ? std::nullopt : std::optional(median(v)));
  }
  return medians;
}

double calls_per_second(const std::function<void()>& function, double seconds) {
  for (int i = 0; i < 3; ++i) function();
  int64_t calls = 0;
  int64_t block = 1;
  const Clock::time_point begin = Clock::now();
  double elapsed = 0.0;
  while (elapsed < seconds) {
    throw_if_interrupted();
    for (int64_t i = 0; i < block; ++i) function();
    calls += block;
    elapsed = seconds_since(begin);
    if (elapsed < 0.02 * seconds) block *= 2;  // look at the clock about fifty times
  }
  return static_cast<double>(calls) / elapsed;
}

std::optional<double> run_peer(const std::string& script_and_arguments, const std::string& field) {
  using Value = std::optional<double>;
  return peer_says(script_and_arguments, field, [](const Json& value) -> std::optional<Value> {
    if (value.is_null()) return Value();
    if (const Value number = value.number()) return number;
    return std::nullopt;
  });
}

std::vector<double> run_peer_list(const std::string& script_and_arguments,
                                  const std::string& field) {
  using Values = std::vector<double>;
  return peer_says(script_and_arguments, field, [](const Json& value) -> std::optional<Values> {
    if (value.list() == nullptr) return std::nullopt;
    Values numbers;
    for (const Json& element : *value.list()) {
      if (!element.number()) return std::nullopt;
      numbers.push_back(*element.number());
    }
    return numbers;
  });
}

double gemm_peak(double seconds) {
  constexpr int64_t kSide = 2048;
  const at::Tensor a = at::randn({kSide, kSide});
  const at::Tensor b = at::randn({kSide, kSide});
  const double rate = calls_per_second([&] { at::mm(a, b); }, seconds);
  return rate * 2.0 * kSide * kSide * kSide / 1e9;
}

void print_results(const std::vector<BenchResult>& results, bool json) {
  const Machine machine = this_machine();
  if (json) {
    Json::List rows;
    for (const BenchResult& result : results) {
      const auto ratio =
          result.limit ? std::optional(result.ratio_to(*result.limit)) : std::nullopt;
      rows.push_back(Json::Object{{"name", result.name},
                                  {"value", result.value},
                                  {"unit", result.unit},
                                  {"lower_is_better", result.lower_is_better},
                                  {"threads", result.threads},
                                  {"limit", result.limit},
                                  {"ratio_to_limit", ratio},
                                  {"peers", result.peers}});
    }
    const Json out = Json::Object{{"machine", Json::Object{{"processor", machine.processor},
                                                           {"cores", machine.cores},
                                                           {"version", REVERIE_VERSION}}},
                                  {"results", rows}};
    std::cout << out.dump(2) << "\n";
    return;
  }
  std::cout << fmt::format("{}, {} cores\n\n", machine.processor, machine.cores);
  for (const BenchResult& result : results) {
    std::cout << fmt::format("  {:<26} {} thread{}  {:>9} {:<11}", result.name, result.threads,
                             result.threads == 1 ? " " : "s", format_count(result.value),
                             result.unit);
    if (result.limit) {
      std::cout << fmt::format("  {:3.0f}% of {}", 100 * result.ratio_to(*result.limit),
                               format_count(*result.limit));
    }
    for (const auto& [name, value] : result.peers) {
      if (value) {
        std::cout << fmt::format("  {:.2f}x {} ({})", result.ratio_to(*value), name,
                                 format_count(*value));
      }
    }
    std::cout << "\n";
  }
}

}  // namespace reverie
