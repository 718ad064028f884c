#include "core/error.h"

#include <algorithm>
#include <numeric>

#include <fmt/ranges.h>

namespace reverie {
namespace {

// The most names that a message lists; more would not help.
constexpr size_t kMostListed = 40;

// Levenshtein distance with one row of memory.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substitute = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitute, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

void fail_unknown_name(std::string_view what, std::string_view name,
                       const std::vector<std::string>& known, std::string_view where) {
  const std::string nearest = nearest_name(name, known);
  const auto listed = std::min(known.size(), kMostListed);
  const std::vector<std::string> some(known.begin(),
                                      known.begin() + static_cast<std::ptrdiff_t>(listed));
  fail_input("{}{}unknown {} '{}'{} Known: {}{}", where, where.empty() ? "" : ": ", what, name,
             nearest.empty() ? "." : fmt::format("; did you mean '{}'?", nearest),
             fmt::join(some, ", "),
             listed < known.size() ? fmt::format(" and {} more", known.size() - listed) : "");
}

}  // namespace reverie
