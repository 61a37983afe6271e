#include "workloads/collectives/ring.hpp"

#include <memory>

namespace rehearse {

namespace {

/// One channel's ring: who sends which chunk to whom.
struct Ring {
  std::uint32_t n = 1, channel = 0;
  std::vector<std::uint32_t> order;
  std::vector<Slice> chunks;  // by position
  std::vector<RingPass> passes;

  void make(std::uint64_t step, std::vector<Transfer>& out) const {
    const RingPass& pass = passes[step / (n - 1)];
    const auto s = static_cast<std::uint32_t>(step % (n - 1));
    std::uint32_t owner = (pass.shift + n - s) % n;
    for (std::uint32_t i = 0; i < n; ++i) {
      const Slice& chunk = chunks[order[owner]];
      out.push_back({.source = order[i],
                     .destination = order[i + 1 < n ? i + 1 : 0],
                     .channel = channel,
                     .reduce = pass.reduce,
                     .from = chunk.first,
                     .to = chunk.first,
                     .count = chunk.count});
      owner = owner + 1 < n ? owner + 1 : 0;
    }
  }

  /// A wire carries every chunk in a pass but the one that its source ends up with.
  void merge(std::int64_t all, std::vector<Transfer>& out) const {
    for (std::uint32_t i = 0; i < n; ++i) {
      std::int64_t count = 0;
      for (const RingPass& pass : passes) count += all - chunks[order[(i + pass.shift + 1) % n]].count;
      out.push_back({.source = order[i],
                     .destination = order[(i + 1) % n],
                     .channel = channel,
                     .count = count,
                     .rounds = static_cast<std::uint32_t>(passes.size()) * (n - 1)});
    }
  }
};

}  // namespace

Pattern ring_passes(const CollectiveRequest& request, std::vector<RingPass> passes) {
  Pattern out{.ranks = request.ranks};
  const std::uint32_t n = request.ranks;
  if (n < 2) return out;
  const auto ring = std::make_shared<Ring>();
  ring->n = n;
  ring->channel = request.channel;
  ring->order = request.order;
  for (std::uint32_t p = 0; p < n; ++p) ring->chunks.push_back(request.elements.part(p, n));
  ring->passes = std::move(passes);
  out.stretches.push_back(
      {.steps = ring->passes.size() * (n - 1),
       .make = [ring](std::uint64_t step, std::vector<Transfer>& to) { ring->make(step, to); },
       .steady = true,
       .merged = [ring, all = request.elements.count](std::vector<Transfer>& to) { ring->merge(all, to); }});
  return out;
}

}  // namespace rehearse
