// What the ring algorithms share: passes round a ring. Private to workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"

namespace rehearse {

/// One pass round the ring: n - 1 steps in which every position hands one chunk to the next.
struct RingPass {
  bool reduce = false;  ///< the receiver adds
  /// At step s the i-th of the ring's order sends the chunk that belongs to the (i + shift - s mod n)-th.
  std::uint32_t shift = 0;
};

/// The passes one after another (Patarasuk and Yuan 2009; Thakur et al. 2005, Section 4.4). On an idle network of links
/// with latency L and bandwidth B a pass of S bytes takes (n - 1)(S / (n B) + path latency).
Pattern ring_passes(const CollectiveRequest& request, std::vector<RingPass> passes);

}  // namespace rehearse
