// Pairwise all_to_all: in step s every rank sends to the one s after it and receives from the one s before it, and goes
// on when both are done (Thakur, Rabenseifner and Gropp 2005, Section 4.3): (n - 1)(alpha + S/n beta).
#include "workloads/collectives/rows.hpp"
#include "workloads/collectives/slots.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  return stepwise(request.ranks, request.ranks,
                  [slots = Slots(request)](std::uint64_t step, std::vector<Transfer>& out) {
                    for (std::uint32_t i = 0; i < slots.ranks; ++i) {
                      out.push_back(slots.whole_way(i, static_cast<std::uint32_t>((i + step) % slots.ranks)));
                      out.back().lockstep = true;
                    }
                  });
}

}  // namespace

const CollectiveRow all_to_all_pairwise_row{"pairwise", CollectiveOp::all_to_all,
                                            "n - 1 steps, in each to one rank and from one", build};

}  // namespace rehearse
