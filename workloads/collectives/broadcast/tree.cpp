// Pipelined binary tree broadcast: k chunks down a tree in which the root has one child, others up to two; an inner
// rank sends a chunk to both in one step. At most ceil(lg n) alpha + 2 (ceil(lg n) - 1 + k) S/k beta (Sanders, Speck
// and Traeff 2009, Section 2).
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) { return pipelined_broadcast(request, in_order_tree(request.ranks)); }

}  // namespace

const CollectiveRow broadcast_tree_row{
    "tree", CollectiveOp::broadcast, "chunk after chunk down a binary tree", build, {.pipelined = true}};

}  // namespace rehearse
