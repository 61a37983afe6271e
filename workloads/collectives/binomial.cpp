#include "workloads/collectives/binomial.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace rehearse {

namespace {

struct BinomialTree {
  std::vector<std::uint32_t> nodes;
  std::uint32_t channel = 0;
  bool up = false, reduce = false;
  BinomialSlice slice;

  void make(std::uint32_t distance, std::vector<Transfer>& out) const {
    const auto n = static_cast<std::uint32_t>(nodes.size());
    for (std::uint32_t parent = 0; parent + distance < n; parent += 2 * distance) {
      const std::uint32_t child = parent + distance;
      const Slice moved = slice(child, std::min(child + distance, n));
      out.push_back({.source = nodes[up ? child : parent],
                     .destination = nodes[up ? parent : child],
                     .channel = channel,
                     .reduce = reduce,
                     .from = moved.first,
                     .to = moved.first,
                     .count = moved.count});
    }
  }
};

Pattern binomial(std::uint32_t ranks, BinomialTree tree) {
  const auto steps = static_cast<std::uint64_t>(std::bit_width(tree.nodes.size() - 1));
  return stepwise(ranks, steps, [tree = std::move(tree), steps](std::uint64_t step, std::vector<Transfer>& out) {
    tree.make(1U << (tree.up ? step : steps - 1 - step), out);
  });
}

}  // namespace

Pattern binomial_down(std::uint32_t ranks, std::vector<std::uint32_t> nodes, std::uint32_t channel,
                      BinomialSlice slice) {
  return binomial(ranks, {std::move(nodes), channel, false, false, std::move(slice)});
}

Pattern binomial_up(std::uint32_t ranks, std::vector<std::uint32_t> nodes, std::uint32_t channel, bool reduce,
                    BinomialSlice slice) {
  return binomial(ranks, {std::move(nodes), channel, true, reduce, std::move(slice)});
}

std::vector<std::uint32_t> all_positions(std::uint32_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

std::vector<std::uint32_t> order_from_root(const CollectiveRequest& request) {
  std::vector<std::uint32_t> order = request.order;
  std::rotate(order.begin(), std::ranges::find(order, request.root), order.end());
  return order;
}

}  // namespace rehearse
