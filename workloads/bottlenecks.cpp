#include "workloads/bottlenecks.hpp"

#include <algorithm>

namespace rehearse {

void drop_never_bottleneck(const Communication& communication, const Cluster& cluster, std::vector<bool>& kept) {
  const auto bandwidth = [&](LinkId link) { return cluster.links()[index(link)].bandwidth; };
  const auto narrower = [&](LinkId a, LinkId b) { return std::pair(bandwidth(a), a) < std::pair(bandwidth(b), b); };
  std::vector<std::vector<LinkId>> guards(cluster.links().size());
  for (const Wire& wire : communication.wires()) {
    if (wire.route.empty()) continue;
    const LinkId guard = *std::ranges::min_element(wire.route, narrower);
    for (LinkId link : wire.route) guards[index(link)].push_back(guard);
  }
  for (std::size_t l = 0; l < guards.size(); ++l) {
    auto& of_link = guards[l];
    std::ranges::sort(of_link);
    const auto repeated = std::ranges::unique(of_link);
    of_link.erase(repeated.begin(), repeated.end());
    BytesPerSecond sum;
    for (LinkId guard : of_link) sum += bandwidth(guard);
    const bool guards_itself = std::ranges::binary_search(of_link, LinkId{static_cast<std::uint32_t>(l)});
    if (!of_link.empty() && !guards_itself && sum <= bandwidth(LinkId{static_cast<std::uint32_t>(l)})) kept[l] = false;
  }
}

}  // namespace rehearse
