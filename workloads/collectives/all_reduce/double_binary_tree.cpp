// Two binary trees, each for half of the data: a leaf of one is an inner node of the other, so that every port is in
// use (Sanders, Speck and Traeff 2009). Both reduce up and broadcast down, chunk after chunk, a chunk going down while
// later ones come up. The paper colours the edges, so that in each of two steps for a chunk a rank sends and receives
// at most one message; here a rank's two messages of half a chunk share its port, which takes the bytes as long and
// costs one latency less. With one chunk and n a power of two 2(alpha + S/2 beta) + 2(lg n - 1)(alpha + S beta); with k
// chunks of c = S/k at most 2 ceil(lg n)(alpha + 2 c beta) + (k - 1) 2 c beta, towards 2 S beta.
#include <utility>

#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::array<Tree, 2> trees = double_binary_trees(request.ranks);
  const std::vector<std::uint32_t> positions = all_positions(request.ranks);
  std::vector<PipelinedWire> wires;
  for (std::uint32_t half = 0; half < 2; ++half) {
    NodeSteps ready(request.ranks);
    reduce_and_broadcast({trees[half], positions, half, 2, 2 * half}, ready, wires);
  }
  return pipelined(request, 0, std::move(wires));
}

}  // namespace

const CollectiveRow all_reduce_double_binary_tree_row{
    "double_binary_tree",
    CollectiveOp::all_reduce,
    "two binary trees, half of the data each; few steps, near bandwidth-optimal",
    build,
    {.pipelined = true}};

}  // namespace rehearse
