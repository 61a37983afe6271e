// Two rings in opposite directions, each with half of the elements, step by step together. Where both directions share
// a port as fast as theirs (a switch), 2(n-1)(S/n beta + alpha) as one ring; where every direction has links of its own
// (a topology that is a ring or a torus) half of the bytes' time (Jain and Sabharwal 2010, "Optimal bucket algorithms
// for large MPI collectives on torus interconnects").
#include <algorithm>
#include <utility>

#include "workloads/collectives/ring.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern half(CollectiveRequest request, std::int64_t which) {
  request.elements = request.elements.part(which, 2);
  if (which == 1) {  // neither waits for the other
    std::ranges::reverse(request.order);
    request.channel += request.channels;
  }
  return ring_passes(request, {{.reduce = true, .shift = 0}, {.reduce = false, .shift = 1}});
}

Pattern build(const CollectiveRequest& request) {
  Pattern out = side_by_side({half(request, 0), half(request, 1)});
  out.channels = 2 * request.channels;
  return out;
}

}  // namespace

const CollectiveRow all_reduce_bidirectional_ring_row{
    "bidirectional_ring",
    CollectiveOp::all_reduce,
    "two rings in opposite directions, half of the data each; for links that run both ways",
    build,
    {.rotates = true}};

}  // namespace rehearse
