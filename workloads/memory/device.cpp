// No cache: every block is a cudaMalloc and a cudaFree. CUDA documents the granularity of physical memory
// (cuMemGetAllocationGranularity: 2 MiB on today's GPUs) and no more of cudaMalloc. Assumed: sizes are rounded to 512
// B; a block of a page of 2 MiB or more has pages to itself; smaller ones share pages by best fit; and a page goes back
// with the last block in it.
#include "workloads/memory/pooled.hpp"
#include "workloads/memory/rows.hpp"

namespace rehearse {

namespace {

constexpr Bytes page = mebibytes(2);
constexpr std::uint32_t shared_pages = 0, own_pages = 1;

class DeviceAllocator final : public Allocator {
 public:
  using Allocator::Allocator;

 private:
  std::optional<Place> take(Bytes bytes) override {
    const Bytes size = round_up(bytes, block_unit);
    if (size < page) return take_shared(size);
    if (!reserve(round_up(size, page), 1)) return std::nullopt;
    return Place{size, AddressSpace::none, own_pages};
  }

  std::optional<Place> take_shared(Bytes size) {
    const auto best = space_.free_from(size);
    const bool in_new_page = best == space_.free_end();
    if (!reserve(in_new_page ? page : Bytes(0), 1)) return std::nullopt;
    const AddressSpace::Index block = in_new_page ? space_.add_segment(page) : best->block;
    if (!in_new_page) space_.lift(block);
    if (size < space_[block].size) space_.place(space_.cut(block, size), AddressSpace::State::free);
    return Place{size, block, shared_pages};
  }

  void give(const Place& place) override {
    if (place.pool == own_pages) return unreserve(round_up(place.handed_out, page), 1);
    const AddressSpace::Index block = space_.place(place.block, AddressSpace::State::free);
    const bool last = space_.is_segment(block);
    unreserve(last ? page : Bytes(0), 1);
    if (!last) return;
    space_.lift(block);
    space_.drop_segment(block);
  }

  AddressSpace space_;
};

}  // namespace

const AllocatorRow device_row{"device", "no cache: every block is a cudaMalloc and a cudaFree, in pages of 2 MiB",
                              [](std::optional<Bytes> capacity) -> std::unique_ptr<Allocator> {
                                return std::make_unique<DeviceAllocator>(capacity);
                              },
                              true};

}  // namespace rehearse
