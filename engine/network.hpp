// Network: directed links, and the interned paths that flows take over them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/units.hpp"

namespace rehearse {

/// What a link is, for grouping in reports; a new technology is a new row of `link_kind_name`.
enum class LinkKind : std::uint8_t { nvlink, pcie, nic, fabric, other, host };
std::string_view link_kind_name(LinkKind kind);

/// One direction of a cable or bus. `bandwidth` is what payload can reach, shared max-min fairly by the flows on it.
struct Link {
  std::string name;
  BytesPerSecond bandwidth;
  Seconds latency;
  LinkKind kind = LinkKind::other;
  std::uint32_t members = 1;  ///< how many identical real links this one stands for (folded networks)
};

/// A link on a path; `times` > 1 where the flow stands for several that cross this link (folded networks).
struct Hop {
  LinkId link{};
  std::uint32_t times = 1;
  friend auto operator<=>(const Hop&, const Hop&) = default;
};

/// Links and paths. Built once, then read only.
class Network {
 public:
  LinkId add_link(Link link);
  /// Intern a path. `latency`: of the whole path; the two-argument form is for a folded path, whose hops are not a
  /// walk. Links must exist and be listed once each.
  PathId add_path(std::vector<Hop> hops);
  PathId add_path(std::vector<Hop> hops, Seconds latency);

  [[nodiscard]] std::span<const Link> links() const { return links_; }
  [[nodiscard]] const Link& link(LinkId id) const { return links_[index(id)]; }
  [[nodiscard]] std::size_t path_count() const { return latency_.size(); }
  [[nodiscard]] std::span<const Hop> hops(PathId id) const;
  [[nodiscard]] Seconds latency(PathId id) const { return latency_[index(id)]; }
  /// Rate of one flow alone on the path: min over hops of bandwidth / times; infinite on an empty path.
  [[nodiscard]] BytesPerSecond bottleneck(PathId id) const;

 private:
  std::vector<Link> links_;
  std::vector<Hop> hops_;
  std::vector<std::uint32_t> first_hop_{0};
  std::vector<Seconds> latency_;
};

}  // namespace rehearse
