// Reduce up a binary tree, broadcast down it, chunk after chunk: a chunk goes down while later ones come up. A node's
// children send to it at the same time and share its port, and so do the messages that it sends them. With one chunk
// and n a power of two 2(alpha + S beta) + 2(lg n - 1)(alpha + 2 S beta); with k chunks of c = S/k at most 2 ceil(lg
// n)(alpha + 3 c beta) + (k - 1) 3 c beta: three times the vector's bytes however many the chunks. For few bytes (Chan,
// Heimlich, Purkayastha and van de Geijn 2007).
#include <utility>

#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const Tree tree = in_order_tree(request.ranks);
  const std::vector<std::uint32_t> positions = all_positions(request.ranks);
  NodeSteps ready(request.ranks);
  std::vector<PipelinedWire> wires;
  reduce_and_broadcast({tree, positions}, ready, wires);
  return pipelined(request, 0, std::move(wires));
}

}  // namespace

const CollectiveRow all_reduce_tree_row{"tree",
                                        CollectiveOp::all_reduce,
                                        "up a binary tree and down again; few steps, three times the bytes",
                                        build,
                                        {.pipelined = true}};

}  // namespace rehearse
