// PyTorch's caching allocator with expandable_segments:True (CUDACachingAllocator.cpp, note "Expandable Segments"). A
// pool is one segment of address space, into which pages of the device are mapped as they are needed: of 2 MiB for
// small blocks, of 20 MiB for large ones. Whatever is left of a block is split off. When the device refuses a page, all
// pages are unmapped that no block touches, and the addresses used again.
//
// A call is a page mapped or unmapped, since each is a physical allocation of its own and costs as much. Address space
// has no end here; PyTorch goes on in another segment when 1 1/8 of the device's memory have been used up.
#include <algorithm>
#include <iterator>

#include "workloads/memory/pooled.hpp"
#include "workloads/memory/rows.hpp"

namespace rehearse {

namespace {

class ExpandableAllocator final : public PooledAllocator {
 public:
  explicit ExpandableAllocator(std::optional<Bytes> capacity) : PooledAllocator(capacity) {
    constexpr std::int64_t most_pages = std::int64_t{1} << 36;  // more than any device has
    for (Pool& pool : pools()) pool.space.place(pool.space.add_segment(page(pool) * most_pages), State::unmapped);
  }

 private:
  static Bytes page(const Pool& pool) { return pool.size == Size::small ? small_segment : large_segment; }

  /// To what size a free block can grow where it lies.
  static Bytes expandable_size(const AddressSpace& space, Index block) {
    const Index after = space[block].after;
    const bool grows = after != AddressSpace::none && space[after].state == State::unmapped;
    return grows ? space[block].size + space[after].size : space[block].size;
  }

  /// Best fit by the size that a block can grow to, as far as sizes go on falling: a block that can grow is kept for
  /// where it is needed.
  Index fit(Pool& pool, Bytes size) override {
    auto best = pool.space.free_from(size);
    if (best == pool.space.free_end()) return AddressSpace::none;
    for (auto next = std::next(best); next != pool.space.free_end(); best = next++)
      if (expandable_size(pool.space, next->block) >= expandable_size(pool.space, best->block)) break;
    const Index block = best->block;
    pool.space.lift(block);
    return block;
  }

  /// The block from which on so much lies free or unmapped: the first unmapped one with what is free before it.
  static Index first_room(const AddressSpace& space, Bytes size) {
    const auto is_open = [&](Index block) { return block != AddressSpace::none && space[block].state != State::used; };
    for (const auto& [address, unmapped] : space.unmapped()) {
      const Index first = is_open(space[unmapped].before) ? space[unmapped].before : unmapped;
      Bytes room;
      for (Index i = first; is_open(i) && room < size; i = space[i].after) room += space[i].size;
      if (room >= size) return first;
    }
    return AddressSpace::none;
  }

  /// Maps the first pages of an unmapped block, for so many bytes or as far as it goes; the free block that they are
  /// then part of, or none where the device refuses.
  Index map(Pool& pool, Index block, Bytes bytes) {
    const Bytes size = pool.space[block].size;
    const Bytes mapped = round_up(std::min(bytes, size), page(pool));
    if (!reserve(mapped, mapped.value() / page(pool).value())) return AddressSpace::none;
    pool.space.lift(block);
    if (mapped < size) pool.space.place(pool.space.cut(block, mapped), State::unmapped);
    return pool.space.place(block, State::free);
  }

  Index grow(Pool& pool, Bytes size) override {
    Index block = first_room(pool.space, size);
    if (block == AddressSpace::none) return block;
    if (pool.space[block].state == State::unmapped) block = map(pool, block, size);
    while (block != AddressSpace::none && pool.space[block].size < size)
      block = map(pool, pool.space[block].after, size - pool.space[block].size);
    if (block != AddressSpace::none) pool.space.lift(block);
    return block;
  }

  void unmap(Pool& pool, Index block) {
    AddressSpace& space = pool.space;
    const Bytes begin = space[block].address, end = begin + space[block].size;
    const Bytes first = round_up(begin, page(pool)), last = round_down(end, page(pool));
    if (first >= last) return;
    space.lift(block);
    const Index pages = first > begin ? space.cut(block, first - begin) : block;
    if (pages != block) space.place(block, State::free);
    if (last < end) space.place(space.cut(pages, last - first), State::free);
    space.place(pages, State::unmapped);
    unreserve(last - first, (last - first).value() / page(pool).value());
  }

  void give_back() override {
    for (Pool& pool : pools()) {
      std::vector<Index> blocks;
      for (auto i = pool.space.free_from(page(pool)); i != pool.space.free_end(); ++i) blocks.push_back(i->block);
      for (const Index block : blocks) unmap(pool, block);
    }
  }

  bool splits(const Pool&, Bytes rest) const override { return rest >= block_unit; }
};

}  // namespace

const AllocatorRow expandable_row{
    "expandable", "PyTorch's with expandable_segments: one segment for each pool, of pages of 2 MiB or 20 MiB",
    [](std::optional<Bytes> capacity) -> std::unique_ptr<Allocator> {
      return std::make_unique<ExpandableAllocator>(capacity);
    }};

}  // namespace rehearse
