#include "workloads/collectives/recursive.hpp"

#include <bit>
#include <memory>
#include <utility>

namespace rehearse {

namespace {

/// What the steps of one pattern need.
struct Blocks {
  std::vector<std::uint32_t> members;
  std::vector<std::int64_t> bounds;
  std::uint32_t channel = 0;

  /// The i-th member sends its partner at `distance` the aligned run of so many blocks that `of` is in.
  [[nodiscard]] Transfer exchange(std::uint32_t i, std::uint32_t distance, std::uint32_t of, bool reduce) const {
    const std::uint32_t first = of & ~(distance - 1);
    return {.source = members[i],
            .destination = members[i ^ distance],
            .channel = channel,
            .reduce = reduce,
            .from = bounds[first],
            .to = bounds[first],
            .count = bounds[first + distance] - bounds[first]};
  }
};

std::uint32_t size_of(const RecursiveCore& core) { return static_cast<std::uint32_t>(core.members.size()); }

std::uint64_t steps_of(const RecursiveCore& core) {
  return static_cast<std::uint64_t>(std::countr_zero(size_of(core)));
}

std::shared_ptr<const Blocks> blocks_of(const RecursiveCore& core, std::uint32_t channel,
                                        std::vector<std::int64_t> bounds) {
  return std::make_shared<const Blocks>(Blocks{core.members, std::move(bounds), channel});
}

Pattern fold(const RecursiveCore& core, std::uint32_t channel, Slice all, bool in) {
  const std::uint64_t steps = core.folded > 0 ? 1 : 0;
  return stepwise(core.ranks, steps, [=, folded = core.folded](std::uint64_t, std::vector<Transfer>& out) {
    for (std::uint32_t i = 0; i < folded; ++i)
      out.push_back({.source = 2 * i + (in ? 0 : 1),
                     .destination = 2 * i + (in ? 1 : 0),
                     .channel = channel,
                     .reduce = in,
                     .from = all.first,
                     .to = all.first,
                     .count = all.count});
  });
}

}  // namespace

RecursiveCore recursive_core(std::uint32_t ranks) {
  const std::uint32_t size = std::bit_floor(ranks);
  RecursiveCore core{.ranks = ranks, .folded = ranks - size};
  for (std::uint32_t i = 0; i < size; ++i) core.members.push_back(i < core.folded ? 2 * i + 1 : i + core.folded);
  return core;
}

std::vector<std::int64_t> even_bounds(const RecursiveCore& core, Slice all) {
  std::vector<std::int64_t> bounds;
  for (std::uint32_t i = 0; i < size_of(core); ++i) bounds.push_back(all.part(i, size_of(core)).first);
  bounds.push_back(all.first + all.count);
  return bounds;
}

std::vector<std::int64_t> folded_bounds(const RecursiveCore& core, Slice all) {
  std::vector<std::int64_t> bounds;
  for (std::uint32_t i = 0; i < size_of(core); ++i)
    bounds.push_back(all.part(i < core.folded ? 2 * i : i + core.folded, core.ranks).first);
  bounds.push_back(all.first + all.count);
  return bounds;
}

Pattern recursive_halving(const RecursiveCore& core, std::uint32_t channel, std::vector<std::int64_t> bounds) {
  return stepwise(
      core.ranks, steps_of(core),
      [blocks = blocks_of(core, channel, std::move(bounds))](std::uint64_t step, std::vector<Transfer>& out) {
        const auto size = static_cast<std::uint32_t>(blocks->members.size());
        const std::uint32_t distance = size >> (step + 1);
        for (std::uint32_t i = 0; i < size; ++i) out.push_back(blocks->exchange(i, distance, i ^ distance, true));
      });
}

Pattern recursive_doubling(const RecursiveCore& core, std::uint32_t channel, std::vector<std::int64_t> bounds) {
  return stepwise(
      core.ranks, steps_of(core),
      [blocks = blocks_of(core, channel, std::move(bounds))](std::uint64_t step, std::vector<Transfer>& out) {
        const auto size = static_cast<std::uint32_t>(blocks->members.size());
        for (std::uint32_t i = 0; i < size; ++i) out.push_back(blocks->exchange(i, 1U << step, i, false));
      });
}

Pattern recursive_exchange(const RecursiveCore& core, std::uint32_t channel, Slice all) {
  return stepwise(core.ranks, steps_of(core),
                  [members = core.members, channel, all](std::uint64_t step, std::vector<Transfer>& out) {
                    for (std::size_t i = 0; i < members.size(); ++i)
                      out.push_back({.source = members[i],
                                     .destination = members[i ^ (std::size_t{1} << step)],
                                     .channel = channel,
                                     .reduce = true,
                                     .from = all.first,
                                     .to = all.first,
                                     .count = all.count});
                  });
}

Pattern fold_in(const RecursiveCore& core, std::uint32_t channel, Slice all) { return fold(core, channel, all, true); }

Pattern fold_out(const RecursiveCore& core, std::uint32_t channel, Slice all) {
  return fold(core, channel, all, false);
}

}  // namespace rehearse
