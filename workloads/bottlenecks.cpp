#include "workloads/bottlenecks.hpp"

#include <algorithm>

namespace rehearse {

std::vector<bool> possible_bottlenecks(const LinkParts& parts, const Cluster& cluster) {
  const auto bandwidth = [&](std::uint32_t part) { return cluster.links()[index(parts.link[part])].bandwidth; };
  std::vector<std::vector<std::uint32_t>> guards(parts.link.size());
  for (const auto& route : parts.route) {
    if (route.empty()) continue;
    const std::uint32_t guard = *std::ranges::min_element(route, {}, bandwidth);
    for (std::uint32_t part : route) guards[part].push_back(guard);
  }
  std::vector<bool> possible(parts.link.size(), true);
  for (std::uint32_t p = 0; p < guards.size(); ++p) {
    auto& of_part = guards[p];
    std::ranges::sort(of_part);
    of_part.erase(std::unique(of_part.begin(), of_part.end()), of_part.end());
    BytesPerSecond sum;
    for (std::uint32_t guard : of_part) sum += bandwidth(guard);
    possible[p] = std::ranges::binary_search(of_part, p) || sum > bandwidth(p);
  }
  return possible;
}

}  // namespace rehearse
