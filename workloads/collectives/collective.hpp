// Collective algorithms: pure functions from (ranks, elements, options) to a pattern of transfers.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/table.hpp"
#include "engine/base/units.hpp"
#include "workloads/collectives/pattern.hpp"

namespace rehearse {

/// What is asked of n ranks with e elements. Buffers, in elements (patterns may use more behind that as scratch):
///
///   all_reduce      [0, e) is each rank's own; at the end everywhere the sum
///   all_gather      a rank's share of [0, e) is its own; at the end everywhere all shares
///   reduce_scatter  [0, e) is each rank's own; at the end a rank's share is the sum
///   broadcast       [0, e) is the root's own; at the end everywhere
///   reduce          [0, e) is each rank's own; at the end the root has the sum, the others anything
///   all_to_all      n slots of w = ceil(e / n): slot j holds what is for rank j; at the end slots n..2n-1: slot n + i
///                   holds what came from rank i. Of slot j the elements j * w.. as many as share(j) below are data,
///                   the rest padding
///   send_recv       [0, e) is each rank's own; at the end [e, 2e) is that of rank - 1 (modulo n), as nccl-tests has it
///   barrier         no elements; nobody leaves before all have come
///
/// The share of position p: elements are cut into pieces (collective_pieces), one for each chunk of each channel; of
/// each piece, p's share is from floor(p * count / n) up to floor((p + 1) * count / n). Where a chunk has n elements or
/// more it is cut at a multiple of n, so that all shares of it are alike. With one channel and one chunk that is MPI's
/// block layout.
enum class CollectiveOp : std::uint8_t {
  all_reduce,
  all_gather,
  reduce_scatter,
  broadcast,
  reduce,
  all_to_all,
  send_recv,
  barrier
};
inline constexpr std::size_t collective_op_count = 8;
inline constexpr std::array<CollectiveOp, collective_op_count> collective_ops{
    CollectiveOp::all_reduce, CollectiveOp::all_gather, CollectiveOp::reduce_scatter, CollectiveOp::broadcast,
    CollectiveOp::reduce,     CollectiveOp::all_to_all, CollectiveOp::send_recv,      CollectiveOp::barrier};
std::string_view collective_op_name(CollectiveOp op);

/// Elements first .. first + count - 1.
struct Slice {
  std::int64_t first = 0, count = 0;
  /// Part `i` of `parts`: from floor(i * count / parts).
  [[nodiscard]] Slice part(std::int64_t i, std::int64_t parts) const {
    const std::int64_t begin = scaled(i, parts);
    return {first + begin, scaled(i + 1, parts) - begin};
  }
  /// The same, cut at multiples of `grain`, unless parts are smaller than that.
  [[nodiscard]] Slice part(std::int64_t i, std::int64_t parts, std::int64_t grain) const {
    if (count / parts < grain) return part(i, parts);
    const std::int64_t begin = scaled(i, parts) / grain * grain;
    const std::int64_t end = i + 1 == parts ? count : scaled(i + 1, parts) / grain * grain;
    return {first + begin, end - begin};
  }

 private:
  /// floor(count * i / parts) without overflow.
  [[nodiscard]] std::int64_t scaled(std::int64_t i, std::int64_t parts) const {
    return count / parts * i + count % parts * i / parts;
  }
};

struct CollectiveOptions {
  /// For each channel the order in which a ring visits the positions (a permutation); chains and trees of broadcast and
  /// reduce take it from the root on; others take only the channels' number. None: one channel, 0, 1, 2, ...
  std::vector<std::vector<std::uint32_t>> channels;
  /// The positions of each node, ascending, together all of them. None: every position is a node of its own.
  std::vector<std::vector<std::uint32_t>> nodes;
  std::uint32_t root = 0;
  std::uint32_t chunks = 1;  ///< of each channel; overlapped where the row is `pipelined`, else one after another
  /// torus_2d: rows x columns = ranks, position r * columns + c; 0: the most square grid.
  std::uint32_t rows = 0;
  /// To be simulated only: pipelined rows hand on their first and last few chunks, and all between as one
  /// stream.
  bool fluid = false;
};

/// What one channel is asked to do.
struct CollectiveRequest {
  std::uint32_t ranks = 1;
  Slice elements;                                 ///< of the vector; all_to_all: of each slot
  std::int64_t total = 0;                         ///< elements of the whole collective: all_to_all's slots are of these
  std::uint32_t channel = 0;                      ///< to be put into every transfer
  std::uint32_t channels = 1;                     ///< of how many
  std::int64_t grain = 1;                         ///< chunks are cut at multiples of it (Slice::part)
  std::uint32_t chunks = 1;                       ///< 1 unless the row is `pipelined`
  std::vector<std::uint32_t> order;               ///< of a ring, a permutation of the positions
  std::vector<std::vector<std::uint32_t>> nodes;  ///< never empty
  std::uint32_t root = 0;
  std::uint32_t rows = 0;
  bool fluid = false;
};

struct CollectiveTraits {
  bool pipelined = false;     ///< overlaps its chunks
  bool needs_switch = false;  ///< the switch inside a node computes and copies
  /// One rank of each node talks to the next node: channels, rotated within the nodes, use all NICs.
  bool rotates = false;
  bool nccl = false;  ///< NCCL chooses among these
};

/// A row: an algorithm for one collective.
struct CollectiveRow {
  std::string_view name;
  CollectiveOp op;
  std::string_view description;
  Pattern (*build)(const CollectiveRequest& request);
  CollectiveTraits traits = {};
};

/// The algorithms for one collective.
const Table<CollectiveRow>& collective_table(CollectiveOp op);

/// The whole pattern: `row` on every channel and, one after another, every chunk. Pattern::buffer is at least what the
/// op's layout has. Ranks from 1, elements from 0, root below ranks; anything else is a programming error.
Pattern build_collective(const CollectiveRow& row, std::uint32_t ranks, std::int64_t elements,
                         const CollectiveOptions& options = {});

/// The pieces by which shares are counted (see CollectiveOp), in order; of ops without shares, all in one.
std::vector<Slice> collective_pieces(const CollectiveRow& row, std::uint32_t ranks, std::int64_t elements,
                                     const CollectiveOptions& options);

/// Elements that the op's layout has in each buffer: e, or 2e of a send_recv, 2 n ceil(e / n) of an all_to_all.
std::int64_t collective_buffer(CollectiveOp op, std::uint32_t ranks, std::int64_t elements);

}  // namespace rehearse
