// Binomial trees over nodes 0..n-1, node 0 the root: the parent of v is v without its lowest bit that is set. Private
// to workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"

namespace rehearse {

/// What goes over the edge between a child and its parent; nodes child .. last - 1 are the child's subtree.
using BinomialSlice = std::function<Slice(std::uint32_t child, std::uint32_t last)>;

/// ceil(lg n) steps from the root to the leaves, the largest subtree first. Node v is the position nodes[v] of `ranks`.
Pattern binomial_down(std::uint32_t ranks, std::vector<std::uint32_t> nodes, std::uint32_t channel,
                      BinomialSlice slice);
/// The same steps backwards; parents add what comes if `reduce`.
Pattern binomial_up(std::uint32_t ranks, std::vector<std::uint32_t> nodes, std::uint32_t channel, bool reduce,
                    BinomialSlice slice);

/// 0, 1, ... n - 1.
std::vector<std::uint32_t> all_positions(std::uint32_t n);
/// The positions in the order of the request, from its root on.
std::vector<std::uint32_t> order_from_root(const CollectiveRequest& request);

}  // namespace rehearse
