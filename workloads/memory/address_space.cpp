#include "workloads/memory/address_space.hpp"

#include <cassert>

namespace rehearse {

AddressSpace::Index AddressSpace::add(const Block& block) {
  if (vacant_.empty()) {
    blocks_.push_back(block);
    return static_cast<Index>(blocks_.size() - 1);
  }
  const Index i = vacant_.back();
  vacant_.pop_back();
  blocks_[i] = block;
  return i;
}

AddressSpace::Index AddressSpace::add_segment(Bytes size) {
  const Bytes address = end_;
  end_ += size;
  return add({address, size});
}

void AddressSpace::drop_segment(Index block) {
  assert(is_segment(block) && blocks_[block].state == State::used);
  vacant_.push_back(block);
}

void AddressSpace::lift(Index block) {
  Block& b = blocks_[block];
  assert(b.state != State::used);
  if (b.state == State::free)
    free_.erase({b.size, b.address, block});
  else
    unmapped_.erase(b.address);
  b.state = State::used;
}

AddressSpace::Index AddressSpace::place(Index block, State state) {
  assert(blocks_[block].state == State::used && state != State::used);
  const auto is_like = [&](Index other) { return other != none && blocks_[other].state == state; };
  if (const Index after = blocks_[block].after; is_like(after)) {
    lift(after);
    join(block);
  }
  if (const Index before = blocks_[block].before; is_like(before)) {
    lift(before);
    join(before);
    block = before;
  }
  Block& b = blocks_[block];
  b.state = state;
  if (state == State::free)
    free_.insert({b.size, b.address, block});
  else
    unmapped_.emplace(b.address, block);
  return block;
}

AddressSpace::Index AddressSpace::cut(Index block, Bytes size) {
  const Block whole = blocks_[block];
  assert(whole.state == State::used && Bytes(0) < size && size < whole.size);
  const Index rest = add({whole.address + size, whole.size - size, block, whole.after});
  blocks_[block].size = size;
  blocks_[block].after = rest;
  if (whole.after != none) blocks_[whole.after].before = rest;
  return rest;
}

void AddressSpace::join(Index block) {
  Block& b = blocks_[block];
  const Index gone = b.after;
  b.size += blocks_[gone].size;
  b.after = blocks_[gone].after;
  if (b.after != none) blocks_[b.after].before = block;
  vacant_.push_back(gone);
}

}  // namespace rehearse
