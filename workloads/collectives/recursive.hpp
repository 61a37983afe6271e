// Recursive halving and doubling among a power of two of positions, and the rule for other numbers. Private to
// workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"

namespace rehearse {

/// The 2^floor(lg n) positions that exchange: with r = n - 2^floor(lg n), of the first 2r the odd ones, then all others
/// (Thakur, Rabenseifner and Gropp 2005). Position 2i + 1 acts for 2i too, i < r.
struct RecursiveCore {
  std::uint32_t ranks = 1;             ///< n
  std::uint32_t folded = 0;            ///< r
  std::vector<std::uint32_t> members;  ///< ascending; a power of two of them
};
RecursiveCore recursive_core(std::uint32_t ranks);

/// Where the block of each member begins, and the end of the last: n' + 1 ascending elements. Equal shares of `all`,
/// and each member's own (and folded) shares of n.
std::vector<std::int64_t> even_bounds(const RecursiveCore& core, Slice all);
std::vector<std::int64_t> folded_bounds(const RecursiveCore& core, Slice all);

/// reduce_scatter among the members: lg n' steps; each halves what a member still sums, the furthest partner first. The
/// i-th member ends with the sum of block i. lg n' alpha + (n'-1)/n' S beta.
Pattern recursive_halving(const RecursiveCore& core, std::uint32_t channel, std::vector<std::int64_t> bounds);
/// all_gather among the members: the same steps backwards.
Pattern recursive_doubling(const RecursiveCore& core, std::uint32_t channel, std::vector<std::int64_t> bounds);
/// all_reduce among the members: lg n' steps in which partners exchange all they have. lg n' (alpha + S beta).
Pattern recursive_exchange(const RecursiveCore& core, std::uint32_t channel, Slice all);

/// One step: each folded position sends `all` to the next, which adds; and the way back, where the next one's
/// overwrites. None where nothing is folded.
Pattern fold_in(const RecursiveCore& core, std::uint32_t channel, Slice all);
Pattern fold_out(const RecursiveCore& core, std::uint32_t channel, Slice all);

}  // namespace rehearse
