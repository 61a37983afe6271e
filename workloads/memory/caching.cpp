// PyTorch's caching allocator as it is by default. Every segment is a cudaMalloc: 2 MiB for small blocks; 20 MiB for
// those below 10 MiB, and what a larger one needs in units of 2 MiB. A segment stays until the device refuses another
// one; then all go that are wholly free. What is left of a block is split off if it is at least 512 B in the small
// pool, more than 1 MiB in the large one; else it is handed out with the block.
#include "workloads/memory/pooled.hpp"
#include "workloads/memory/rows.hpp"

namespace rehearse {

namespace {

class CachingAllocator final : public PooledAllocator {
 public:
  using PooledAllocator::PooledAllocator;

 private:
  static Bytes segment_size(const Pool& pool, Bytes size) {
    if (pool.size == Size::small) return small_segment;
    return size < smallest_alone ? large_segment : round_up(size, alone_segment_unit);
  }

  Index fit(Pool& pool, Bytes size) override {
    const auto best = pool.space.free_from(size);
    if (best == pool.space.free_end()) return AddressSpace::none;
    const Index block = best->block;
    pool.space.lift(block);
    return block;
  }

  Index grow(Pool& pool, Bytes size) override {
    const Bytes segment = segment_size(pool, size);
    return reserve(segment, 1) ? pool.space.add_segment(segment) : AddressSpace::none;
  }

  void give_back() override {
    for (Pool& pool : pools()) {
      std::vector<Index> segments;
      for (auto i = pool.space.free_from(small_segment); i != pool.space.free_end(); ++i)
        if (pool.space.is_segment(i->block)) segments.push_back(i->block);
      for (const Index segment : segments) {
        unreserve(pool.space[segment].size, 1);
        pool.space.lift(segment);
        pool.space.drop_segment(segment);
      }
    }
  }

  bool splits(const Pool& pool, Bytes rest) const override {
    return pool.size == Size::small ? rest >= block_unit : rest > largest_small;
  }
};

}  // namespace

const AllocatorRow caching_row{
    "caching", "PyTorch's caching allocator: segments of 2 MiB, 20 MiB or a large block's own size, best fit",
    [](std::optional<Bytes> capacity) -> std::unique_ptr<Allocator> {
      return std::make_unique<CachingAllocator>(capacity);
    }};

}  // namespace rehearse
