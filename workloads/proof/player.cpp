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
  out.pieces = collective_pieces(*way.row, elements, options);
  return out;
}

std::vector<Numbers> PatternPlayer::play(const CollectiveWay& way, Fold fold, const std::vector<Numbers>& given) {
  const CollectiveOp op = way.row->op;
  const auto ranks = static_cast<std::uint32_t>(given.size());
  const auto size = std::ssize(given.front());
  const std::int64_t n = ranks;
  const auto cuts = static_cast<std::int64_t>(std::max<std::size_t>(1, way.options.channels.size())) *
                    std::max<std::int64_t>(1, way.options.chunks);
  const std::int64_t share = op == CollectiveOp::all_gather ? size : size / n;
  const std::int64_t padded = round_up(share, cuts);
  const std::int64_t elements = has_shares(op) ? padded * n : size;
  const Played& p = played(way, ranks, elements);

  Buffers buffers(p.pattern.positions(), Numbers(place(p.pattern.buffer), std::numeric_limits<double>::quiet_NaN()));
  for (std::uint32_t s = ranks; s < buffers.size(); ++s)
    std::ranges::fill(buffers[s], fold == Fold::sum ? 0 : -std::numeric_limits<double>::infinity());
  for (std::uint32_t r = 0; r < ranks; ++r) {
    if (!has_shares(op)) {
      std::ranges::copy(given[r], buffers[r].begin());
      continue;
    }
    const bool gathers = op == CollectiveOp::all_gather;
    for (std::uint32_t q = gathers ? r : 0; q < (gathers ? r + 1 : ranks); ++q)
      for_share(p.pieces, q, ranks, [&](std::size_t at, std::int64_t i) {
        buffers[r][at] = i < share ? given[r][place((gathers ? 0 : q * share) + i)] : 0;
      });
  }
  Numbers messages;
  for (const Step& step : p.steps) carry_out(step, fold, buffers, messages);

  std::vector<Numbers> got(ranks);
  for (std::uint32_t r = 0; r < ranks; ++r) {
    const auto from = buffers[r].begin() + (op == CollectiveOp::send_recv || op == CollectiveOp::all_to_all ? size : 0);
    if (!has_shares(op)) {
      got[r].assign(from, from + size);
      continue;
    }
    const bool gathers = op == CollectiveOp::all_gather;
    got[r].resize(place(gathers ? share * n : share));
    for (std::uint32_t q = gathers ? 0 : r; q < (gathers ? ranks : r + 1); ++q)
      for_share(p.pieces, q, ranks, [&](std::size_t at, std::int64_t i) {
        if (i < share) got[r][place((gathers ? q * share : 0) + i)] = buffers[r][at];
      });
  }
  return got;
}

}  // namespace rehearse
