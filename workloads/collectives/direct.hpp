// One step in which every position sends to every other. Private to workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"

namespace rehearse {

/// What goes from one position to another, of all elements of the request.
using DirectSlice = Slice (*)(Slice all, std::uint32_t source, std::uint32_t destination, std::uint32_t ranks);

/// The receivers add if `reduce`. A position sends to the next first, so that not all begin with the same receiver.
Pattern direct_step(const CollectiveRequest& request, bool reduce, DirectSlice slice);

/// Every rank's share straight to it, to be added; every rank's share from it to all.
Pattern direct_reduce_scatter(const CollectiveRequest& request);
Pattern direct_all_gather(const CollectiveRequest& request);

}  // namespace rehearse
