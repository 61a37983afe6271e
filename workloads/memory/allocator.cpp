#include "workloads/memory/allocator.hpp"

#include <algorithm>
#include <cassert>

namespace rehearse {

namespace {

void raise(Peak& peak, Bytes bytes, std::size_t event) {
  if (bytes > peak.bytes) peak = {bytes, event};
}

}  // namespace

bool Allocator::allocate(BlockId block, Bytes bytes) {
  assert(bytes >= Bytes(0));
  if (index(block) >= blocks_.size()) blocks_.resize(index(block) + 1);
  assert(!blocks_[index(block)]);
  const std::optional<Place> place = bytes > Bytes(0) ? take(bytes) : Place{};
  if (!place) return false;
  blocks_[index(block)] = Holding{bytes, *place};
  now_.in_use += bytes;
  now_.handed_out += place->handed_out;
  return true;
}

void Allocator::free(BlockId block) {
  assert(index(block) < blocks_.size() && blocks_[index(block)]);
  const Holding holding = *blocks_[index(block)];
  blocks_[index(block)].reset();
  now_.in_use = now_.in_use - holding.requested;
  now_.handed_out = now_.handed_out - holding.place.handed_out;
  if (holding.requested > Bytes(0)) give(holding.place);
}

bool Allocator::reserve(Bytes bytes, std::int64_t calls) {
  const bool fits = !capacity_ || now_.reserved + bytes <= *capacity_;
  calls_.mallocs += fits ? calls : std::min<std::int64_t>(calls, 1);  // the first that is refused is the last
  if (fits) now_.reserved += bytes;
  return fits;
}

void Allocator::unreserve(Bytes bytes, std::int64_t calls) {
  assert(bytes <= now_.reserved);
  calls_.frees += calls;
  now_.reserved = now_.reserved - bytes;
}

StreamUse replay_stream(Allocator& allocator, std::span<const AllocatorEvent> events) {
  StreamUse use;
  const DeviceCalls before = allocator.calls();
  for (std::size_t i = 0; i < events.size() && !use.refused; ++i) {
    const AllocatorEvent& event = events[i];
    if (event.action == AllocatorEvent::Action::free)
      allocator.free(event.block);
    else if (!allocator.allocate(event.block, event.bytes))
      use.refused = i;
    raise(use.in_use, allocator.now().in_use, i);
    raise(use.handed_out, allocator.now().handed_out, i);
    raise(use.reserved, allocator.now().reserved, i);
  }
  use.calls = allocator.calls() - before;
  return use;
}

}  // namespace rehearse
