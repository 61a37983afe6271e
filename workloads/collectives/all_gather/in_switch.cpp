// All_gather in the switch (NVLS multicast): every rank sends its share once; its node's switch sends all shares to all
// members, the sender's own too, as a multicast store does. Chunk after chunk; in one node with k chunks, a rank's way
// to the switch taking alpha/2: alpha + (1 + 1/(nk)) S beta. Of several nodes the j-th members hand the shares round a
// ring of nodes, one node's at a time, and every node's switch sends them on as they come.
#include "workloads/collectives/rails.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  if (request.ranks < 2) return {.ranks = request.ranks};
  const std::size_t count = request.nodes.size();
  std::vector<PipelinedWire> wires;
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t s = 0; s < count; ++s) {
      const RailStep step{request, a, request.nodes[(a + count - s) % count], static_cast<std::uint32_t>(s)};
      step.rails_and_switch(true, s, wires);
      if (s + 1 < count) step.along_rails(false, s, wires);
      step.all_and_switch(false, s + 1, wires);
    }
  return pipelined(request, static_cast<std::uint32_t>(count), std::move(wires));
}

}  // namespace

const CollectiveRow all_gather_in_switch_row{"in_switch",
                                             CollectiveOp::all_gather,
                                             "the node's switch copies to all members (NVLS)",
                                             build,
                                             {.pipelined = true, .needs_switch = true, .nccl = true}};

}  // namespace rehearse
