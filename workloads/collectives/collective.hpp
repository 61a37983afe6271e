// Collective algorithms: pure functions from (ranks, elements, options) to a pattern of transfers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/table.hpp"
#include "engine/base/units.hpp"

namespace rehearse {

/// One message of a pattern. Positions are 0..ranks-1 within the group.
struct Transfer {
  std::uint32_t source = 0, destination = 0;
  std::uint32_t channel = 0;
  std::uint32_t rounds = 1;  ///< how many times the path's latency is paid (fluid patterns)
  std::int64_t first = 0;    ///< first element that it moves; of a fluid transfer: 0
  std::int64_t count = 0;    ///< elements moved
  bool reduce = false;       ///< the receiver adds them to its own instead of overwriting
};

/// A graph of transfers in an order that respects their dependencies.
class Pattern {
 public:
  explicit Pattern(std::uint32_t ranks) : ranks_(ranks) {}
  /// `after`: transfers (indices, all already added) that must have ended.
  std::uint32_t add(const Transfer& transfer, std::span<const std::uint32_t> after);

  [[nodiscard]] std::uint32_t ranks() const { return ranks_; }
  [[nodiscard]] std::span<const Transfer> transfers() const { return transfers_; }
  [[nodiscard]] std::span<const std::uint32_t> after(std::size_t transfer) const;

 private:
  std::uint32_t ranks_;
  std::vector<Transfer> transfers_;
  std::vector<std::uint32_t> after_;
  std::vector<std::uint32_t> first_after_{0};
};

enum class CollectiveOp : std::uint8_t { all_reduce, all_gather, reduce_scatter };
std::string_view collective_op_name(CollectiveOp op);

/// `flow`: every chunk of every step is a transfer; `fluid`: one long transfer for each channel and neighbour, with the
/// algorithm's bytes and latencies; `automatic`: flow up to `flow_limit` transfers, fluid beyond.
enum class Fidelity : std::uint8_t { flow, fluid, automatic };
inline constexpr std::size_t flow_limit = 4096;

struct CollectiveOptions {
  /// For each channel the order in which it visits the positions (a permutation); none: one channel, 0, 1, 2, ...
  /// The elements are shared evenly among the channels.
  std::vector<std::vector<std::uint32_t>> channels;
  bool fluid = false;
};

/// A row: an algorithm for one collective. `elements` is the full vector: what each rank holds before an all_reduce or
/// reduce_scatter and after an all_gather. Channel c of k has the elements from floor(c * elements / k) up to that of
/// c + 1; of rank-sharded data, position p owns from floor(p * share / ranks) up to that of p + 1 within each channel's
/// share.
struct CollectiveRow {
  std::string_view name;
  CollectiveOp op;
  std::string_view description;
  Pattern (*build)(std::uint32_t ranks, std::int64_t elements, const CollectiveOptions& options);
};

/// The algorithms for one collective.
const Table<CollectiveRow>& collective_table(CollectiveOp op);

}  // namespace rehearse
