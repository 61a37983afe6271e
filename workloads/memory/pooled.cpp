#include "workloads/memory/pooled.hpp"

namespace rehearse {

std::optional<Allocator::Place> PooledAllocator::take(Bytes bytes) {
  const Bytes size = round_up(bytes, block_unit);
  const std::uint32_t number = size <= largest_small ? 0 : 1;
  Pool& pool = pools_[number];
  Index block = fit(pool, size);
  if (block == AddressSpace::none) block = grow(pool, size);
  if (block == AddressSpace::none) {
    count_retry();
    give_back();
    block = grow(pool, size);
  }
  if (block == AddressSpace::none) return std::nullopt;
  if (const Bytes rest = pool.space[block].size - size; rest > Bytes(0) && splits(pool, rest))
    pool.space.place(pool.space.cut(block, size), State::free);
  return Place{pool.space[block].size, block, number};
}

void PooledAllocator::give(const Place& place) { pools_[place.pool].space.place(place.block, State::free); }

}  // namespace rehearse
