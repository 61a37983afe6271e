// One shot: everyone sends its whole vector to everyone and adds what comes (TensorRT-LLM's one-shot all_reduce). One
// step, the least latency there is, and n - 1 times the bytes: alpha + (n-1) S beta.
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  const auto make = [n, all = request.elements, channel = request.channel](std::uint64_t, std::vector<Transfer>& to) {
    for (std::uint32_t i = 0; i < n; ++i)
      for (std::uint32_t k = 1; k < n; ++k)
        to.push_back({.source = i,
                      .destination = (i + k) % n,
                      .channel = channel,
                      .reduce = true,
                      .from = all.first,
                      .to = all.first,
                      .count = all.count});
  };
  return stepwise(n, n > 1 ? 1 : 0, make);
}

}  // namespace

const CollectiveRow all_reduce_one_shot_row{
    "one_shot", CollectiveOp::all_reduce, "everyone sends all to everyone, once; lowest latency, for few bytes", build};

}  // namespace rehearse
