#include <array>

#include "workloads/collectives/rows.hpp"

namespace rehearse {

const Table<CollectiveRow>& collective_table(CollectiveOp op) {
  static const std::array<CollectiveRow, 1> all_reduce{all_reduce_ring_row};
  static const std::array<CollectiveRow, 1> all_gather{all_gather_ring_row};
  static const std::array<CollectiveRow, 1> reduce_scatter{reduce_scatter_ring_row};
  static const std::array<Table<CollectiveRow>, 3> tables{
      Table<CollectiveRow>("all_reduce algorithm", all_reduce),
      Table<CollectiveRow>("all_gather algorithm", all_gather),
      Table<CollectiveRow>("reduce_scatter algorithm", reduce_scatter)};
  return tables[static_cast<std::size_t>(op)];
}

}  // namespace rehearse
