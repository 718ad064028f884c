#pragma once

#include <cstdint>
#include <cstdlib>
#include <istream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/envs/episode_fixture.h"

// What tests against recordings under tests/golden share. A recording is a line of text with fields
// between '|', followed by little-endian arrays.
namespace reverie::golden {

// 1e-9 is what the project promises of states, observations and rewards in float64.
// REVERIE_TOL_SCALE=0 shows residuals.
inline double tolerance() {
  const char* scale = std::getenv("REVERIE_TOL_SCALE");
  return 1e-9 * (scale == nullptr ? 1.0 : std::atof(scale));
}

// The fields of a head line.
inline std::vector<std::string> split_head(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream head(line);
  for (std::string field; std::getline(head, field, '|');) fields.push_back(field);
  return fields;
}

// "name=value,name=value" as options of an environment.
inline TestEnv::Options parse_options(const std::string& text) {
  TestEnv::Options options;
  std::istringstream list(text);
  for (std::string option; std::getline(list, option, ',');) {
    const size_t equals = option.find('=');
    options.emplace_back(option.substr(0, equals), option.substr(equals + 1));
  }
  return options;
}

template <typename T>
void read_array(std::istream& in, std::vector<T>& out, size_t count) {
  out.resize(count);
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(count * sizeof(T)));
  REVERIE_CHECK(in.good(), "the golden file is cut short");
}

// Row t of an array of rows.
template <typename T>
std::vector<T> row(const std::vector<T>& rows, size_t t, size_t width) {
  const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(t * width);
  return {begin, begin + static_cast<std::ptrdiff_t>(width)};
}

// Fails with the step, the field, what was found and what was expected.
inline void expect_near(const std::vector<double>& got, const std::vector<double>& expected,
                        size_t step, std::string_view field) {
  ASSERT_EQ(got.size(), expected.size()) << field;
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], tolerance()) << field << "[" << i << "] at step " << step;
  }
}

}  // namespace reverie::golden
