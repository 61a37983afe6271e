#include <array>

#include "workloads/collectives/rows.hpp"

namespace rehearse {

const Table<CollectiveRow>& collective_table(CollectiveOp op) {
  static const std::array all_reduce{all_reduce_ring_row,      all_reduce_bidirectional_ring_row,
                                     all_reduce_tree_row,      all_reduce_double_binary_tree_row,
                                     all_reduce_nccl_tree_row, all_reduce_halving_doubling_row,
                                     all_reduce_butterfly_row, all_reduce_hierarchical_row,
                                     all_reduce_torus_2d_row,  all_reduce_direct_row,
                                     all_reduce_one_shot_row,  all_reduce_in_switch_row};
  static const std::array all_gather{all_gather_ring_row, all_gather_recursive_row, all_gather_bruck_row,
                                     all_gather_direct_row, all_gather_in_switch_row};
  static const std::array reduce_scatter{reduce_scatter_ring_row, reduce_scatter_recursive_row,
                                         reduce_scatter_bruck_row, reduce_scatter_direct_row,
                                         reduce_scatter_in_switch_row};
  static const std::array broadcast{broadcast_chain_row, broadcast_tree_row, broadcast_binomial_tree_row,
                                    broadcast_scatter_all_gather_row};
  static const std::array reduce{reduce_chain_row, reduce_tree_row, reduce_binomial_tree_row,
                                 reduce_reduce_scatter_gather_row};
  static const std::array all_to_all{all_to_all_pairwise_row, all_to_all_direct_row, all_to_all_bruck_row,
                                     all_to_all_hierarchical_row};
  static const std::array send_recv{send_recv_direct_row};
  static const std::array barrier{barrier_dissemination_row, barrier_tree_row};
  static const std::array<Table<CollectiveRow>, collective_op_count> tables{
      Table<CollectiveRow>("all_reduce algorithm", all_reduce),
      Table<CollectiveRow>("all_gather algorithm", all_gather),
      Table<CollectiveRow>("reduce_scatter algorithm", reduce_scatter),
      Table<CollectiveRow>("broadcast algorithm", broadcast),
      Table<CollectiveRow>("reduce algorithm", reduce),
      Table<CollectiveRow>("all_to_all algorithm", all_to_all),
      Table<CollectiveRow>("send_recv algorithm", send_recv),
      Table<CollectiveRow>("barrier algorithm", barrier)};
  return tables[static_cast<std::size_t>(op)];
}

}  // namespace rehearse
