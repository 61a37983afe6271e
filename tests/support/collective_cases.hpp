// Options that collectives are tried with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "workloads/collectives/collective.hpp"
#include "workloads/execution/collective_data.hpp"

namespace rehearse {

/// A ring order for each channel: each begins one position later, and every other goes backwards.
inline std::vector<std::vector<std::uint32_t>> ring_orders(std::uint32_t ranks, std::uint32_t channels) {
  std::vector<std::vector<std::uint32_t>> orders(channels, std::vector<std::uint32_t>(ranks));
  for (std::uint32_t c = 0; c < channels; ++c) {
    std::iota(orders[c].begin(), orders[c].end(), 0U);
    std::rotate(orders[c].begin(), orders[c].begin() + c % ranks, orders[c].end());
    if (c % 2 == 1) std::reverse(orders[c].begin(), orders[c].end());
  }
  return orders;
}

/// Nodes of `size` positions; the last may have fewer.
inline std::vector<std::vector<std::uint32_t>> nodes_of_size(std::uint32_t ranks, std::uint32_t size) {
  std::vector<std::vector<std::uint32_t>> nodes;
  for (std::uint32_t p = 0; p < ranks; ++p) {
    if (p % size == 0) nodes.emplace_back();
    nodes.back().push_back(p);
  }
  return nodes;
}

/// The defaults; and channels, nodes, chunks and a root all at once.
inline std::vector<CollectiveOptions> option_choices(std::uint32_t ranks) {
  return {{}, {.channels = ring_orders(ranks, 2), .nodes = nodes_of_size(ranks, 2), .root = ranks - 1, .chunks = 3}};
}

inline CollectiveData data_of(const CollectiveRow& row, std::uint32_t ranks, std::int64_t elements,
                              const CollectiveOptions& options) {
  return {row.op, ranks, elements, collective_pieces(row, ranks, elements, options), options.root};
}

}  // namespace rehearse
