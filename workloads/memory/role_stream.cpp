#include "workloads/memory/role_stream.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace rehearse {

RoleStream::RoleStream(const Program& program, const std::vector<Instruction>& instructions, std::uint32_t first_block)
    : program_(program), instructions_(instructions), next_(first_block), first_(first_block) {
  number_blocks();
  for_each([&](const MemoryEvent& event, std::uint32_t instruction) { add(event, instruction); });
  if (sizes_.size() != vacant_.size()) throw std::logic_error("an iteration leaves blocks of memory");
}

template <class F>
void RoleStream::for_each(F take) const {
  for (std::uint32_t i = 0; i < instructions_.size(); ++i) {
    const Instruction& instruction = instructions_[i];
    if (instruction.type == Instruction::Type::memory) take(program_.memory[instruction.index], i);
    if (instruction.type != Instruction::Type::compute) continue;
    for (const MemoryEvent& event : program_.segments[instruction.index].memory) take(event, i);
  }
}

void RoleStream::number_blocks() {
  row_of_.assign(program_.blocks.size(), no_index);
  std::uint32_t rows = 0;
  std::int32_t last = -1;
  std::size_t count = 0;
  for_each([&](const MemoryEvent& event, std::uint32_t instruction) {
    if (row_of_[event.block] == no_index) row_of_[event.block] = rows++;
    last = std::max(last, instructions_[instruction].tags.micro_batch);
    ++count;
  });
  columns_ = static_cast<std::size_t>(last + 2);
  numbers_.assign(rows * columns_, no_index);
  events_.reserve(count);
  places_.reserve(count);
}

void RoleStream::add(const MemoryEvent& event, std::uint32_t instruction) {
  const bool of_all = program_.blocks[event.block].of_all;
  std::uint32_t& number = number_of(event.block, of_all ? -1 : instructions_[instruction].tags.micro_batch);
  const bool frees = event.bytes < Bytes(0);
  if (frees == (number == no_index) || (frees && sizes_[number - first_] + event.bytes != Bytes(0))) {
    const MemoryBlock& block = program_.blocks[event.block];
    throw std::logic_error(fmt::format("block '{}' of layer {} {}", block.name, block.layer,
                                       frees ? "is freed and was not there as such" : "is made twice"));
  }
  places_.push_back({instruction, event.block});
  if (frees) {
    events_.push_back({AllocatorEvent::Action::free, BlockId{number}, {}});
    vacant_.push_back(number);
    number = no_index;
    return;
  }
  if (vacant_.empty()) {
    vacant_.push_back(next_++);
    sizes_.emplace_back();
  }
  number = vacant_.back();
  vacant_.pop_back();
  sizes_[number - first_] = event.bytes;
  events_.push_back({AllocatorEvent::Action::allocate, BlockId{number}, event.bytes});
}

/// The first event after which most is in use; that of the end where there is none.
std::size_t RoleStream::peak() const {
  std::vector<Bytes> sizes(sizes_.size());
  Bytes now, most;
  std::size_t at = events_.size();
  for (std::size_t e = 0; e < events_.size(); ++e) {
    const AllocatorEvent& event = events_[e];
    Bytes& size = sizes[static_cast<std::uint32_t>(event.block) - first_];
    if (event.action == AllocatorEvent::Action::free) {
      now = now - size;
      continue;
    }
    size = event.bytes;
    now += size;
    if (now <= most) continue;
    most = now;
    at = e;
  }
  return at;
}

PeakMoment RoleStream::moment(std::size_t event) const {
  const Event& place = places_[event];
  PeakMoment at{.layer = program_.blocks[place.block].layer, .micro_batch = micro_batch(event)};
  for (std::size_t i = place.instruction; i < instructions_.size(); ++i) {
    if (instructions_[i].type != Instruction::Type::compute) continue;
    at.kind = program_.segments[instructions_[i].index].kind;
    break;
  }
  return at;
}

void RoleStream::describe_peak(StageMemory& memory) const {
  const std::size_t at = peak();
  if (at == events_.size()) return;
  std::vector<std::size_t> made(sizes_.size(), events_.size());  // by number: the event that made it, where it is there
  for (std::size_t e = 0; e <= at; ++e) {
    const bool makes = events_[e].action == AllocatorEvent::Action::allocate;
    made[static_cast<std::uint32_t>(events_[e].block) - first_] = makes ? e : events_.size();
  }
  std::erase(made, events_.size());
  std::sort(made.begin(), made.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(events_[b].bytes, a) < std::pair(events_[a].bytes, b);
  });
  for (const std::size_t e : made) {
    const MemoryBlock& block = program_.blocks[places_[e].block];
    memory.used[static_cast<std::size_t>(block.use)] += events_[e].bytes;
    if (memory.largest.size() < StageMemory::most_largest)
      memory.largest.push_back({block, micro_batch(e), events_[e].bytes});
  }
  memory.at = moment(at);
}

}  // namespace rehearse
