#include <array>

#include "workloads/memory/rows.hpp"

namespace rehearse {

const Table<AllocatorRow>& allocator_table() {
  static const std::array<AllocatorRow, 4> rows{caching_row, device_row, expandable_row, ideal_row};
  static const Table<AllocatorRow> table("allocator", rows);
  return table;
}

}  // namespace rehearse
