// One shot: everyone sends its whole vector to everyone and adds what comes (TensorRT-LLM's one-shot all_reduce). One
// step, the least latency there is, and n - 1 times the bytes: alpha + (n-1) S beta.
#include "workloads/collectives/direct.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  return direct_step(request, true, [](Slice all, std::uint32_t, std::uint32_t, std::uint32_t) { return all; });
}

}  // namespace

const CollectiveRow all_reduce_one_shot_row{
    "one_shot", CollectiveOp::all_reduce, "everyone sends all to everyone, once; lowest latency, for few bytes", build};

}  // namespace rehearse
