#include "workloads/proof/player.hpp"

#include <algorithm>
#include <limits>

namespace rehearse {

namespace {

using Buffers = std::vector<Numbers>;  // by position

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

std::int64_t round_up(std::int64_t value, std::int64_t step) { return (value + step - 1) / step * step; }

bool has_shares(CollectiveOp op) { return op == CollectiveOp::all_gather || op == CollectiveOp::reduce_scatter; }

/// Calls `each(element of the buffer, element of the share)` for the share of a position.
template <class Each>
void for_share(const std::vector<Slice>& pieces, std::uint32_t position, std::uint32_t ranks, Each each) {
  std::int64_t i = 0;
  for (const Slice& piece : pieces) {
    const Slice share = piece.part(position, ranks);
    for (std::int64_t k = 0; k < share.count; ++k) each(place(share.first + k), i++);
  }
}

double folded(Fold fold, double a, double b) { return fold == Fold::sum ? a + b : std::max(a, b); }

void carry_out(const std::vector<Transfer>& step, Fold fold, Buffers& buffers, Numbers& messages) {
  messages.clear();
  for (const Transfer& t : step)
    for (std::int64_t run = 0; run < t.runs; ++run) {
      const auto from = buffers[t.source].begin() + t.from + run * t.stride;
      messages.insert(messages.end(), from, from + t.count);
    }
  const double* message = messages.data();
  for (const Transfer& t : step)
    for (std::int64_t run = 0; run < t.runs; ++run) {
      double* to = buffers[t.destination].data() + t.to + run * t.stride;
      for (std::int64_t i = 0; i < t.count; ++i, ++message) to[i] = t.reduce ? folded(fold, to[i], *message) : *message;
    }
}

}  // namespace

const PatternPlayer::Played& PatternPlayer::played(const CollectiveWay& way, std::uint32_t ranks,
                                                   std::int64_t elements) {
  const auto [found, fresh] = played_.try_emplace(Key(&way, ranks, elements));
  Played& out = found->second;
  if (!fresh) return out;
  CollectiveOptions options = way.options;
  options.fluid = false;
  out.pattern = build_collective(*way.row, ranks, elements, options);
  out.steps.resize(out.pattern.steps());
  for (std::size_t s = 0; s < out.steps.size(); ++s) out.pattern.step(s, out.steps[s]);
  out.pieces = collective_pieces(*way.row, ranks, elements, options);
  return out;
}

namespace {

/// How shares lie in what a position gives, in its buffer and in what it gets.
struct Shares {
  Shares(const CollectiveWay& way, std::int64_t size, std::uint32_t positions) : op(way.row->op), ranks(positions) {
    const auto channels = static_cast<std::int64_t>(std::max<std::size_t>(1, way.options.channels.size()));
    const std::int64_t cuts = channels * std::max<std::int64_t>(1, way.options.chunks);
    count = op == CollectiveOp::all_gather ? size : size / ranks;
    elements = has_shares(op) ? round_up(count, cuts) * ranks : size;
  }

  CollectiveOp op;
  std::uint32_t ranks;
  std::int64_t count = 0;     ///< numbers of one, before padding
  std::int64_t elements = 0;  ///< of the collective
};

/// Puts what position `r` gives into its buffer.
void fill(const Shares& s, const std::vector<Slice>& pieces, std::uint32_t r, const Numbers& given, Numbers& buffer) {
  if (!has_shares(s.op)) {
    std::ranges::copy(given, buffer.begin());
    return;
  }
  const bool gathers = s.op == CollectiveOp::all_gather;  // of which it has its own share alone
  for (std::uint32_t q = gathers ? r : 0; q < (gathers ? r + 1 : s.ranks); ++q)
    for_share(pieces, q, s.ranks, [&](std::size_t at, std::int64_t i) {
      buffer[at] = i < s.count ? given[place((gathers ? 0 : q * s.count) + i)] : 0;
    });
}

Numbers result(const Shares& s, const std::vector<Slice>& pieces, std::uint32_t r, const Numbers& buffer) {
  if (!has_shares(s.op)) {
    const bool behind = s.op == CollectiveOp::send_recv || s.op == CollectiveOp::all_to_all;
    const auto from = buffer.begin() + (behind ? s.elements : 0);
    return {from, from + s.elements};
  }
  const bool gathers = s.op == CollectiveOp::all_gather;
  Numbers got(place(gathers ? s.count * s.ranks : s.count));
  for (std::uint32_t q = gathers ? 0 : r; q < (gathers ? s.ranks : r + 1); ++q)
    for_share(pieces, q, s.ranks, [&](std::size_t at, std::int64_t i) {
      if (i < s.count) got[place((gathers ? q * s.count : 0) + i)] = buffer[at];
    });
  return got;
}

}  // namespace

std::vector<Numbers> PatternPlayer::play(const CollectiveWay& way, Fold fold, const std::vector<Numbers>& given) {
  const auto ranks = static_cast<std::uint32_t>(given.size());
  const Shares shares(way, std::ssize(given.front()), ranks);
  const Played& p = played(way, ranks, shares.elements);
  // Nobody may use what is not its own.
  Buffers buffers(p.pattern.positions(), Numbers(place(p.pattern.buffer), std::numeric_limits<double>::quiet_NaN()));
  for (std::uint32_t s = ranks; s < buffers.size(); ++s)
    std::ranges::fill(buffers[s], fold == Fold::sum ? 0 : -std::numeric_limits<double>::infinity());
  for (std::uint32_t r = 0; r < ranks; ++r) fill(shares, p.pieces, r, given[r], buffers[r]);
  Numbers messages;
  for (const Step& step : p.steps) carry_out(step, fold, buffers, messages);
  std::vector<Numbers> got;
  for (std::uint32_t r = 0; r < ranks; ++r) got.push_back(result(shares, p.pieces, r, buffers[r]));
  return got;
}

std::vector<std::vector<Numbers>> PatternPlayer::play_slots(const CollectiveWay& way,
                                                            const std::vector<std::vector<Numbers>>& given) {
  const CollectiveOp op = way.row->op;
  std::size_t longest = 1;
  for (const auto& of_member : given)
    for (const Numbers& slot : of_member) longest = std::max(longest, slot.size());
  std::vector<Numbers> padded(given.size());
  for (std::size_t m = 0; m < given.size(); ++m)
    for (const Numbers& slot : given[m]) {
      const std::size_t end = padded[m].size() + longest;
      padded[m].insert(padded[m].end(), slot.begin(), slot.end());
      padded[m].resize(end, 0.0);
    }
  const std::vector<Numbers> played = play(way, Fold::sum, padded);
  std::vector<std::vector<Numbers>> got(given.size());
  for (std::size_t m = 0; m < given.size(); ++m)
    for (std::size_t from = 0; from < (op == CollectiveOp::reduce_scatter ? 1 : given.size()); ++from) {
      const Numbers& slot = op == CollectiveOp::all_gather ? given[from].front() : given[from].at(m);
      const auto at = played[m].begin() + static_cast<std::ptrdiff_t>(from * longest);
      got[m].emplace_back(at, at + std::ssize(slot));
    }
  return got;
}

}  // namespace rehearse
