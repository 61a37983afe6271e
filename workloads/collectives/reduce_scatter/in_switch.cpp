// Reduce_scatter in the switch (NVLS): every rank sends all it has; its node's switch adds and sends each member the
// sum of its share. Chunk after chunk; in one node with k chunks, a rank's way to the switch taking alpha/2: alpha + (1
// + 1/(nk)) S beta. Of several nodes the j-th members add up the nodes' sums along a ring of nodes, one node's shares
// at a time, as they come.
#include "workloads/collectives/rails.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  if (request.ranks < 2) return {.ranks = request.ranks};
  const std::size_t count = request.nodes.size();
  std::vector<PipelinedWire> wires;
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t s = 0; s < count; ++s) {  // begins with the shares of the node before, ends with its own
      RailStep step{request, a, request.nodes[(a + 2 * count - 1 - s) % count]};
      step.all_and_switch(true, s, wires);
      step.rails_and_switch(false, s + 1, wires);
      step.stream = static_cast<std::uint32_t>(s) + 1;
      // The next node has its own sum in place in step s + 2; only then may this one's be added.
      if (s + 1 < count) step.along_rails(true, s + 3, wires);
    }
  return pipelined(request, static_cast<std::uint32_t>(count), std::move(wires));
}

}  // namespace

const CollectiveRow reduce_scatter_in_switch_row{"in_switch",
                                                 CollectiveOp::reduce_scatter,
                                                 "the node's switch adds for its members (NVLS)",
                                                 build,
                                                 {.pipelined = true, .needs_switch = true, .nccl = true}};

}  // namespace rehearse
