// Every rank sends all it has to the next one: alpha + S beta (nccl-tests' sendrecv).
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  return stepwise(request.ranks, 1,
                  [n = request.ranks, all = request.elements, behind = request.total, channel = request.channel](
                      std::uint64_t, std::vector<Transfer>& out) {
                    for (std::uint32_t i = 0; i < n; ++i)
                      out.push_back({.source = i,
                                     .destination = (i + 1) % n,
                                     .channel = channel,
                                     .from = all.first,
                                     .to = behind + all.first,
                                     .count = all.count});
                  });
}

}  // namespace

const CollectiveRow send_recv_direct_row{
    "direct", CollectiveOp::send_recv, "one message to the next rank", build, {.nccl = true}};

}  // namespace rehearse
