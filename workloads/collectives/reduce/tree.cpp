// Pipelined binary tree reduce: k chunks up a tree in which the root has one child, others up to two, whose chunks come
// in one step. At most ceil(lg n) alpha + 2 (ceil(lg n) - 1 + k) S/k beta (Sanders, Speck and Traeff 2009, Section 2).
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) { return pipelined_reduce(request, in_order_tree(request.ranks)); }

}  // namespace

const CollectiveRow reduce_tree_row{
    "tree", CollectiveOp::reduce, "chunk after chunk up a binary tree", build, {.pipelined = true}};

}  // namespace rehearse
