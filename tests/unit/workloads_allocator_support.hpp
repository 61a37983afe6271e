// What the tests of allocators share: sizes, events and random programs.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../support/dice.hpp"
#include "workloads/memory/allocator.hpp"

// So that doctest prints what differs.
namespace rehearse {
inline doctest::String toString(const AllocatorUse& use) {
  return ("in use " + std::to_string(use.in_use.value()) + ", handed out " + std::to_string(use.handed_out.value()) +
          ", reserved " + std::to_string(use.reserved.value()))
      .c_str();
}
inline doctest::String toString(const DeviceCalls& calls) {
  return (std::to_string(calls.mallocs) + " mallocs, " + std::to_string(calls.frees) + " frees, " +
          std::to_string(calls.retries) + " retries")
      .c_str();
}
}  // namespace rehearse

namespace rehearse::testing {

constexpr Bytes mib(std::int64_t n) { return Bytes(n << 20); }

inline std::unique_ptr<Allocator> make_allocator(std::string_view name, std::optional<Bytes> capacity = {}) {
  const AllocatorRow* row = allocator_table().find(name);
  REQUIRE(row != nullptr);
  return row->make(capacity);
}

inline AllocatorEvent allocation(std::uint32_t block, Bytes bytes) {
  return {AllocatorEvent::Action::allocate, BlockId{block}, bytes};
}
inline AllocatorEvent freeing(std::uint32_t block) { return {AllocatorEvent::Action::free, BlockId{block}, {}}; }

/// Of all classes of sizes, and their limits to the byte.
inline Bytes random_size(Dice& dice) {
  const std::vector<Bytes> limits{Bytes(0), Bytes(512), mib(1), mib(2), mib(10), mib(20), mib(40)};
  switch (dice.below(6)) {
    case 0: return Bytes(std::max<std::int64_t>(0, dice.of(limits).value() + dice.below(3) - 1));
    case 1: return Bytes(dice.below(4096));
    case 2: return Bytes(dice.below(1 << 20));
    case 3: return Bytes(dice.below(10 << 20));
    case 4: return mib(dice.below(8));
    default: return Bytes(dice.below(48 << 20));
  }
}

/// A program that goes on when a block is refused, without it, and frees all at the end. `allocate` says whether the
/// block was handed out; `each` is called after every event.
struct RandomProgram {
  std::uint64_t seed = 0;
  std::int64_t events = 0, most_live = 0;

  void run(const std::function<bool(BlockId, Bytes)>& allocate, const std::function<void(BlockId)>& free,
           const std::function<void()>& each) const {
    Dice dice(seed);
    std::vector<BlockId> live, spare;
    for (std::int64_t i = most_live; i-- > 0;) spare.push_back(BlockId{static_cast<std::uint32_t>(i)});
    const auto free_one = [&](std::size_t at) {
      free(live[at]);
      spare.push_back(live[at]);
      live[at] = live.back();
      live.pop_back();
      each();
    };
    for (std::int64_t i = 0; i < events; ++i) {
      // Now it grows, now it shrinks: one free for two allocations or two for one, in turns.
      const bool grows = i / (2 * most_live) % 2 == 0;
      if (spare.empty() || (!live.empty() && (dice.one_in(3) == grows))) {
        free_one(static_cast<std::size_t>(dice.below(std::ssize(live))));
        continue;
      }
      if (allocate(spare.back(), random_size(dice))) {
        live.push_back(spare.back());
        spare.pop_back();
      }
      each();
    }
    while (!live.empty()) free_one(live.size() - 1);
  }

  /// As a stream, where nothing is refused.
  [[nodiscard]] std::vector<AllocatorEvent> stream() const {
    std::vector<AllocatorEvent> out;
    const auto allocate = [&](BlockId block, Bytes bytes) {
      out.push_back({AllocatorEvent::Action::allocate, block, bytes});
      return true;
    };
    const auto free = [&](BlockId block) { out.push_back({AllocatorEvent::Action::free, block, {}}); };
    run(allocate, free, [] {});
    return out;
  }
};

}  // namespace rehearse::testing
