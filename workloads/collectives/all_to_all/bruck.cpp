// Bruck's all_to_all: ceil(lg n) steps for any n; what has d ranks to go travels by the powers of two in d, all
// together (Bruck et al. 1997, Section 3). ceil(lg n) alpha + m S/n beta, where m is the number of bits set in 0..n-1
// (n/2 lg n for a power of two). What is under way is behind the slots, by the distance that it goes; local copies
// before and after.
#include <algorithm>
#include <bit>

#include "workloads/collectives/rows.hpp"
#include "workloads/collectives/slots.hpp"

namespace rehearse {

namespace {

struct Bruck {
  Slots slots;

  /// What goes so far, packed: a slot's part next to the next one's.
  [[nodiscard]] std::int64_t packed(std::int64_t distance) const {
    return std::int64_t{2} * slots.ranks * slots.width + slots.ranks * slots.part.first + distance * slots.part.count;
  }
  void copy_in(std::uint32_t distance, std::vector<Transfer>& out) const {
    for (std::uint32_t i = 0; i < slots.ranks; ++i)
      out.push_back({.source = i,
                     .destination = i,
                     .channel = slots.channel,
                     .from = slots.at((i + distance) % slots.ranks),
                     .to = packed(distance),
                     .count = slots.part.count});
  }
  void copy_out(std::uint32_t distance, std::vector<Transfer>& out) const {
    for (std::uint32_t i = 0; i < slots.ranks; ++i)
      out.push_back({.source = i,
                     .destination = i,
                     .channel = slots.channel,
                     .from = packed(distance),
                     .to = slots.at(slots.ranks + (i + slots.ranks - distance) % slots.ranks),
                     .count = slots.part.count});
  }
  /// Distances with the bit `hop` set: full runs of `hop` of them, and what is left at the end.
  void exchange(std::uint32_t hop, std::vector<Transfer>& out) const {
    const std::uint32_t n = slots.ranks, runs = n / (2 * hop), last = (2 * runs + 1) * hop;
    for (std::uint32_t i = 0; i < n; ++i) {
      Transfer t{.source = i, .destination = (i + hop) % n, .channel = slots.channel};
      if (runs > 0) {
        t.from = t.to = packed(hop);
        t.count = hop * slots.part.count;
        t.runs = runs;
        t.stride = 2 * t.count;
        out.push_back(t);
      }
      if (last >= n) continue;
      t.from = t.to = packed(last);
      t.count = (n - last) * slots.part.count;
      t.runs = 1;
      t.stride = 0;
      out.push_back(t);
    }
  }
};

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  const Bruck bruck{Slots(request)};
  Pattern out =
      in_sequence({stepwise(n, n,
                            [bruck](std::uint64_t step, std::vector<Transfer>& to) {
                              bruck.copy_in(static_cast<std::uint32_t>(step), to);
                            }),
                   stepwise(n, static_cast<std::uint64_t>(std::bit_width(n - 1)),
                            [bruck](std::uint64_t step, std::vector<Transfer>& to) { bruck.exchange(1U << step, to); }),
                   stepwise(n, n, [bruck](std::uint64_t step, std::vector<Transfer>& to) {
                     bruck.copy_out(static_cast<std::uint32_t>(step), to);
                   })});
  out.buffer = std::int64_t{3} * n * bruck.slots.width;
  return out;
}

}  // namespace

const CollectiveRow all_to_all_bruck_row{"bruck", CollectiveOp::all_to_all, "ceil(lg n) steps; forwards what it gets",
                                         build};

}  // namespace rehearse
