// RoleStream: the memory events of a role's program as a stream for an allocator. Private to workloads/memory.
#pragma once

#include <vector>

#include "workloads/memory/account.hpp"

namespace rehearse {

/// One iteration. Blocks are numbered from `first_block` on, and again once they are free. Throws std::logic_error
/// where a program frees what is not there, makes what is there already, or leaves something.
class RoleStream {
 public:
  RoleStream(const Program& program, const std::vector<Instruction>& instructions, std::uint32_t first_block);

  [[nodiscard]] const std::vector<AllocatorEvent>& events() const { return events_; }
  /// Fills in what is in use at the moment of the most, the moment and the largest blocks.
  void describe_peak(StageMemory& memory) const;

 private:
  struct Event {
    std::uint32_t instruction, block;  ///< of the program
  };

  template <class F>
  void for_each(F take) const;
  void number_blocks();
  void add(const MemoryEvent& event, std::uint32_t instruction);
  [[nodiscard]] std::size_t peak() const;
  [[nodiscard]] PeakMoment moment(std::size_t event) const;
  [[nodiscard]] std::int32_t micro_batch(std::size_t event) const {
    return instructions_[places_[event].instruction].tags.micro_batch;
  }
  std::uint32_t& number_of(std::uint32_t block, std::int32_t micro_batch) {
    return numbers_[static_cast<std::size_t>(row_of_[block]) * columns_ + static_cast<std::size_t>(micro_batch + 1)];
  }

  const Program& program_;
  const std::vector<Instruction>& instructions_;
  std::vector<AllocatorEvent> events_;
  std::vector<Event> places_;           // by event
  std::vector<std::uint32_t> row_of_;   // by block of the program, of those that the role has
  std::size_t columns_ = 0;             // micro batches, and one for what belongs to none
  std::vector<std::uint32_t> numbers_;  // of live blocks, by row and column; no_index: not there
  std::vector<Bytes> sizes_;            // by number
  std::vector<std::uint32_t> vacant_;   // numbers
  std::uint32_t next_;
  std::uint32_t first_;
};

}  // namespace rehearse
