// No rounding and no fragmentation: the device gives every byte that is in use, and no other. The bound below all rows.
#include "workloads/memory/rows.hpp"

namespace rehearse {

namespace {

class IdealAllocator final : public Allocator {
 public:
  using Allocator::Allocator;

 private:
  std::optional<Place> take(Bytes bytes) override {
    if (!reserve(bytes, 0)) return std::nullopt;
    return Place{bytes};
  }
  void give(const Place& place) override { unreserve(place.handed_out, 0); }
};

}  // namespace

const AllocatorRow ideal_row{"ideal", "every byte in use and no other: no rounding, no fragmentation, no calls",
                             [](std::optional<Bytes> capacity) -> std::unique_ptr<Allocator> {
                               return std::make_unique<IdealAllocator>(capacity);
                             }};

}  // namespace rehearse
