#include "engine/base/table.hpp"

#include <algorithm>
#include <utility>

namespace rehearse {
namespace {

/// Case, and '-' against '_', make no difference when names are compared for nearness.
std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  return out;
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours, each 1.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = a[i - 1] == b[j - 1] ? 0U : 1U;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
  const std::string wanted = folded(name);
  const std::size_t limit = std::max<std::size_t>(2, name.size() / 3);
  std::string best;
  std::size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t longer = std::max(name.size(), candidate.size());
    const std::size_t shorter = std::min(name.size(), candidate.size());
    if (longer - shorter >= best_distance) continue;  // the distance is at least that
    const std::size_t d = distance(wanted, folded(candidate));
    if (d >= best_distance || d >= longer) continue;  // d == longer: not a letter in common
    best = candidate;
    best_distance = d;
  }
  return best;
}

// Without fmt: the standalone calibrator has this file and needs nothing but the CUDA Toolkit.
std::string unknown_name(std::string_view what, std::string_view name, std::span<const std::string> candidates) {
  std::string out = "unknown " + std::string(what) + " '" + std::string(name) + "'";
  if (candidates.empty()) return out + "; there is none";
  if (const std::string nearest = nearest_name(name, candidates); !nearest.empty())
    out += "; did you mean '" + nearest + "'?";
  else
    out += ";";
  const char* separator = " one of: ";
  for (const std::string& candidate : candidates) out += std::exchange(separator, ", ") + candidate;
  return out;
}

}  // namespace rehearse
