// The table that picks the winner: sizes down, and across the algorithms or the numbers of ranks.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "engine/base/quantity_text.hpp"
#include "reports/collective_report.hpp"
#include "reports/collective_table.hpp"

namespace rehearse {
namespace {

using Points = std::vector<CollectivePoint>;

/// Each value of a member once, in the order of points.
template <class T>
std::vector<T> each(const Points& points, T CollectivePoint::*member) {
  std::vector<T> out;
  for (const CollectivePoint& point : points)
    if (std::ranges::find(out, point.*member) == out.end()) out.push_back(point.*member);
  return out;
}

std::vector<Bytes> sizes_of(const Points& points) {
  std::vector<Bytes> sizes = each(points, &CollectivePoint::bytes);
  std::ranges::sort(sizes);
  return sizes;
}

/// The quickest point of a size and number of ranks; null: there is none.
const CollectivePoint* quickest(const Points& points, Bytes bytes, std::uint32_t ranks) {
  const CollectivePoint* best = nullptr;
  for (const CollectivePoint& point : points)
    if (point.bytes == bytes && point.ranks == ranks && (best == nullptr || point.time < best->time)) best = &point;
  return best;
}

void write_times(const Points& points, std::ostream& out) {
  out << "#\n# time (us) by algorithm; * is the quickest\n";
  std::vector<std::string> algorithms = each(points, &CollectivePoint::algorithm);
  std::ranges::sort(algorithms);
  TextTable table;
  std::vector<std::string> heading{"size"};
  for (const std::string& algorithm : algorithms) heading.push_back(algorithm + " ");
  table.add_heading(std::move(heading));
  for (const Bytes bytes : sizes_of(points)) {
    const CollectivePoint* best = quickest(points, bytes, points.front().ranks);
    std::vector<std::string> cells{to_text(bytes)};
    for (const std::string& algorithm : algorithms) {
      const auto point = std::ranges::find_if(
          points, [&](const CollectivePoint& p) { return p.bytes == bytes && p.algorithm == algorithm; });
      cells.push_back(point == points.end() ? "- " : microseconds(point->time) + (&*point == best ? "*" : " "));
    }
    table.add_row(std::move(cells));
  }
  table.write(out);
}

void write_names(const Points& points, std::ostream& out) {
  out << "#\n# the quickest algorithm by size and number of ranks\n";
  const std::vector<std::uint32_t> ranks = each(points, &CollectivePoint::ranks);
  TextTable table;
  std::vector<std::string> heading{"size"};
  for (const std::uint32_t n : ranks) heading.push_back(fmt::to_string(n));
  table.add_heading(std::move(heading));
  for (const Bytes bytes : sizes_of(points)) {
    std::vector<std::string> cells{to_text(bytes)};
    for (const std::uint32_t n : ranks) {
      const CollectivePoint* best = quickest(points, bytes, n);
      cells.push_back(best == nullptr ? "-" : best->algorithm);
    }
    table.add_row(std::move(cells));
  }
  table.write(out);
}

}  // namespace

void write_collective_winners(const CollectiveResult& result, std::ostream& out) {
  if (each(result.points, &CollectivePoint::algorithm).size() < 2) return;
  if (result.job.ranks.size() > 1) return write_names(result.points, out);
  if (result.job.algorithm == "all") write_times(result.points, out);
}

}  // namespace rehearse
