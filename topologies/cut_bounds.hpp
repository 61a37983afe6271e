// Lower bounds of the bisection. Private to topologies.
#pragma once

#include <cstdint>

#include "engine/base/units.hpp"
#include "topologies/flat_graph.hpp"

namespace rehearse {

/// Traffic that can be routed bounds every cut that it must cross. Both split each pair's traffic evenly over its
/// shortest paths; zero where a link goes one way only. `inner` is of flatten_inner.
///
/// Everybody to everybody (Leighton and Rao, J. ACM 1999): if every ordered pair can have rate r at once, then any
/// halves have a cut of floor(n/2) ceil(n/2) r. The links' loads are sums over shortest-path trees (Brandes, 2001).
BytesPerSecond all_to_all_bound(const FlatGraph& inner);

/// Any permutation (as in Towles and Dally, "Worst-case traffic for oblivious routing functions", SPAA 2002): no
/// permutation loads link e with more than w(e) = the sum over sources of the greatest share that a destination's
/// traffic has on e. So endpoints can send min over e of capacity(e) / w(e) (and no more than their ports carry) each
/// to a partner in the other half, and the cut is floor(n/2) times that. Zero where that would walk over `steps` links.
BytesPerSecond permutation_bound(const FlatGraph& inner, double steps);

}  // namespace rehearse
