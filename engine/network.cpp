#include "engine/network.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

namespace rehearse {

std::string_view link_kind_name(LinkKind kind) {
  constexpr std::array<std::string_view, 6> names{"nvlink", "pcie", "nic", "fabric", "other", "host"};
  return names[static_cast<std::size_t>(kind)];
}

LinkId Network::add_link(Link link) {
  links_.push_back(std::move(link));
  return LinkId{static_cast<std::uint32_t>(links_.size() - 1)};
}

PathId Network::add_path(std::vector<Hop> hops) {
  Seconds latency;
  for (const Hop& hop : hops) latency += link(hop.link).latency;
  return add_path(std::move(hops), latency);
}

PathId Network::add_path(std::vector<Hop> hops, Seconds latency) {
  assert(std::ranges::all_of(hops, [&](const Hop& h) { return index(h.link) < links_.size() && h.times > 0; }));
  hops_.insert(hops_.end(), hops.begin(), hops.end());
  first_hop_.push_back(static_cast<std::uint32_t>(hops_.size()));
  latency_.push_back(latency);
  return PathId{static_cast<std::uint32_t>(latency_.size() - 1)};
}

std::span<const Hop> Network::hops(PathId id) const {
  const std::size_t i = index(id);
  return std::span(hops_).subspan(first_hop_[i], first_hop_[i + 1] - first_hop_[i]);
}

BytesPerSecond Network::bottleneck(PathId id) const {
  double rate = std::numeric_limits<double>::infinity();
  for (const Hop& hop : hops(id)) rate = std::min(rate, link(hop.link).bandwidth.value() / hop.times);
  return BytesPerSecond(rate);
}

}  // namespace rehearse
