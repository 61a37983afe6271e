#include "workloads/collectives/pipelined.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "workloads/collectives/binomial.hpp"

namespace rehearse {

namespace {

/// Chunks at either end that a fluid pipeline hands on one by one. With six, 32 chunks take within 2 % of the time of
/// all over 16 nodes, within 4 % over 128; with three 4 % and 6 %, and half the flows.
constexpr std::int64_t edge = 6;

struct Pipeline {
  std::vector<Slice> chunks;
  bool fluid = false;  ///< the one at `edge` stands for many
  bool empty = false;  ///< a collective of no elements: its messages are only those that must be waited for
  std::uint32_t channel = 0, channels = 1;
  std::vector<PipelinedWire> wires;  ///< by the step in which they start

  void make(std::uint64_t step, std::vector<Transfer>& out) const {
    const std::uint64_t earliest = step < chunks.size() ? 0 : step - chunks.size() + 1;
    for (auto at = std::ranges::lower_bound(wires, earliest, {}, &PipelinedWire::start);
         at != wires.end() && at->start <= step; ++at) {
      const PipelinedWire& wire = *at;
      const auto chunk = static_cast<std::int64_t>(step - wire.start);
      const Slice slice = chunks[static_cast<std::size_t>(chunk)].part(wire.part, wire.parts);
      // An empty message waits for all that came before, and so may take from another stream what that has to await.
      if (slice.count == 0 && !empty) continue;
      out.push_back({.source = wire.source,
                     .destination = wire.destination,
                     .channel = channel + channels * wire.stream,
                     .reduce = wire.reduce,
                     .from = slice.first,
                     .to = slice.first,
                     .count = slice.count,
                     .stream = fluid && chunk == edge});
    }
  }
};

std::vector<Slice> chunks_of(const CollectiveRequest& request, bool fluid) {
  std::vector<Slice> chunks;
  for (std::uint32_t i = 0; i < request.chunks; ++i)
    chunks.push_back(request.elements.part(i, request.chunks, request.grain));
  if (!fluid) return chunks;
  const std::int64_t begin = chunks[edge].first, end = chunks[chunks.size() - edge].first;
  chunks.erase(chunks.begin() + edge, chunks.end() - edge);
  chunks.insert(chunks.begin() + edge, {begin, end - begin});
  return chunks;
}

}  // namespace

Pattern pipelined(const CollectiveRequest& request, std::uint32_t switches, std::vector<PipelinedWire> wires) {
  const bool fluid = request.fluid && request.chunks > 2 * edge + 1;
  std::ranges::stable_sort(wires, {}, &PipelinedWire::start);
  const auto pipeline =
      std::make_shared<const Pipeline>(Pipeline{chunks_of(request, fluid), fluid, request.elements.count == 0,
                                                request.channel, request.channels, std::move(wires)});
  std::uint64_t steps = 0;
  std::uint32_t streams = 1;
  for (const PipelinedWire& wire : pipeline->wires) {
    steps = std::max(steps, wire.start + pipeline->chunks.size());
    streams = std::max(streams, wire.stream + 1);
  }
  Pattern out = stepwise(request.ranks, steps,
                         [pipeline](std::uint64_t step, std::vector<Transfer>& to) { pipeline->make(step, to); });
  out.switches = switches;
  out.channels = request.channels * streams;
  out.connections = request.channels;
  return out;
}

void reduce_up(const PlacedTree& placed, NodeSteps& ready, std::vector<PipelinedWire>& wires) {
  const auto& [tree, positions, part, parts, stream] = placed;
  const NodeSteps own = ready;
  for (auto at = tree.order.rbegin(); at != tree.order.rend(); ++at) {
    const std::uint32_t node = *at, parent = tree.parent[node];
    if (parent == Tree::none) continue;
    ready[node] = std::max(ready[node], own[parent]);  // what is to be added comes after what it is added to
    wires.push_back({positions[node], positions[parent], true, part, parts, ready[node], stream});
    ++ready[node];
    ready[parent] = std::max(ready[parent], ready[node]);
  }
}

void broadcast_down(const PlacedTree& placed, NodeSteps& ready, std::vector<PipelinedWire>& wires) {
  const auto& [tree, positions, part, parts, stream] = placed;
  for (const std::uint32_t node : tree.order) {
    const std::uint32_t parent = tree.parent[node];
    if (parent == Tree::none) continue;
    wires.push_back({positions[parent], positions[node], false, part, parts, ready[parent], stream});
    ready[node] = ready[parent] + 1;
  }
}

void reduce_and_broadcast(PlacedTree placed, NodeSteps& ready, std::vector<PipelinedWire>& wires) {
  reduce_up(placed, ready, wires);
  ++placed.stream;
  broadcast_down(placed, ready, wires);
}

Pattern pipelined_broadcast(const CollectiveRequest& request, const Tree& tree) {
  NodeSteps ready(request.ranks);
  std::vector<PipelinedWire> wires;
  broadcast_down({tree, order_from_root(request)}, ready, wires);
  return pipelined(request, 0, std::move(wires));
}

Pattern pipelined_reduce(const CollectiveRequest& request, const Tree& tree) {
  NodeSteps ready(request.ranks);
  std::vector<PipelinedWire> wires;
  reduce_up({tree, order_from_root(request)}, ready, wires);
  return pipelined(request, 0, std::move(wires));
}

}  // namespace rehearse
