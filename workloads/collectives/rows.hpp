// The rows of the collective tables, one file each. Private to workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"

namespace rehearse {

extern const CollectiveRow all_reduce_ring_row;
extern const CollectiveRow all_reduce_bidirectional_ring_row;
extern const CollectiveRow all_reduce_tree_row;
extern const CollectiveRow all_reduce_double_binary_tree_row;
extern const CollectiveRow all_reduce_nccl_tree_row;
extern const CollectiveRow all_reduce_halving_doubling_row;
extern const CollectiveRow all_reduce_butterfly_row;
extern const CollectiveRow all_reduce_hierarchical_row;
extern const CollectiveRow all_reduce_torus_2d_row;
extern const CollectiveRow all_reduce_direct_row;
extern const CollectiveRow all_reduce_one_shot_row;
extern const CollectiveRow all_reduce_in_switch_row;
extern const CollectiveRow all_gather_ring_row;
extern const CollectiveRow all_gather_recursive_row;
extern const CollectiveRow all_gather_bruck_row;
extern const CollectiveRow all_gather_direct_row;
extern const CollectiveRow all_gather_in_switch_row;
extern const CollectiveRow reduce_scatter_ring_row;
extern const CollectiveRow reduce_scatter_recursive_row;
extern const CollectiveRow reduce_scatter_bruck_row;
extern const CollectiveRow reduce_scatter_direct_row;
extern const CollectiveRow reduce_scatter_in_switch_row;
extern const CollectiveRow broadcast_chain_row;
extern const CollectiveRow broadcast_tree_row;
extern const CollectiveRow broadcast_binomial_tree_row;
extern const CollectiveRow broadcast_scatter_all_gather_row;
extern const CollectiveRow reduce_chain_row;
extern const CollectiveRow reduce_tree_row;
extern const CollectiveRow reduce_binomial_tree_row;
extern const CollectiveRow reduce_reduce_scatter_gather_row;
extern const CollectiveRow all_to_all_pairwise_row;
extern const CollectiveRow all_to_all_direct_row;
extern const CollectiveRow all_to_all_bruck_row;
extern const CollectiveRow all_to_all_hierarchical_row;
extern const CollectiveRow send_recv_direct_row;
extern const CollectiveRow barrier_dissemination_row;
extern const CollectiveRow barrier_tree_row;

}  // namespace rehearse
