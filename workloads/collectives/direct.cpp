#include "workloads/collectives/direct.hpp"

namespace rehearse {

Pattern direct_step(const CollectiveRequest& request, bool reduce, DirectSlice slice) {
  const std::uint32_t n = request.ranks;
  return stepwise(
      n, n > 1 ? 1 : 0,
      [n, reduce, slice, all = request.elements, channel = request.channel](std::uint64_t, std::vector<Transfer>& out) {
        for (std::uint32_t i = 0; i < n; ++i)
          for (std::uint32_t k = 1; k < n; ++k) {
            const std::uint32_t j = (i + k) % n;
            const Slice sent = slice(all, i, j, n);
            out.push_back({.source = i,
                           .destination = j,
                           .channel = channel,
                           .reduce = reduce,
                           .from = sent.first,
                           .to = sent.first,
                           .count = sent.count});
          }
      });
}

Pattern direct_reduce_scatter(const CollectiveRequest& request) {
  return direct_step(request, true, [](Slice all, std::uint32_t, std::uint32_t destination, std::uint32_t ranks) {
    return all.part(destination, ranks);
  });
}

Pattern direct_all_gather(const CollectiveRequest& request) {
  return direct_step(request, false, [](Slice all, std::uint32_t source, std::uint32_t, std::uint32_t ranks) {
    return all.part(source, ranks);
  });
}

}  // namespace rehearse
