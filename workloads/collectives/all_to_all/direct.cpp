// Direct all_to_all: all messages in one step, as NCCL's grouped sends and receives. alpha + (n-1)/n S beta, as long as
// the ports are what limits.
#include "workloads/collectives/rows.hpp"
#include "workloads/collectives/slots.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  return stepwise(request.ranks, 1, [slots = Slots(request)](std::uint64_t, std::vector<Transfer>& out) {
    for (std::uint32_t i = 0; i < slots.ranks; ++i)
      for (std::uint32_t k = 0; k < slots.ranks; ++k) out.push_back(slots.whole_way(i, (i + k) % slots.ranks));
  });
}

}  // namespace

const CollectiveRow all_to_all_direct_row{
    "direct", CollectiveOp::all_to_all, "every message at once", build, {.nccl = true}};

}  // namespace rehearse
