#include "workloads/collectives/collective.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace rehearse {

namespace {

std::vector<std::uint32_t> counting(std::uint32_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

std::vector<std::vector<std::uint32_t>> nodes_of(std::uint32_t ranks, const CollectiveOptions& options) {
  if (!options.nodes.empty()) return options.nodes;
  std::vector<std::vector<std::uint32_t>> nodes;
  for (std::uint32_t p = 0; p < ranks; ++p) nodes.push_back({p});
  return nodes;
}

std::int64_t slot_width(std::uint32_t ranks, std::int64_t elements) { return (elements + ranks - 1) / ranks; }

/// Chunks that `build_collective` itself puts one after another.
std::uint32_t chunks_in_sequence(const CollectiveRow& row, const CollectiveOptions& options) {
  return row.traits.pipelined ? 1 : std::max(1U, options.chunks);
}

std::uint32_t channel_count(const CollectiveOptions& options) {
  return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(options.channels.size()));
}

bool has_shares(CollectiveOp op) { return op == CollectiveOp::all_gather || op == CollectiveOp::reduce_scatter; }

/// What the pieces are cut from.
Slice whole(CollectiveOp op, std::uint32_t ranks, std::int64_t elements) {
  return {0, op == CollectiveOp::all_to_all ? slot_width(ranks, elements) : elements};
}

Pattern build_channel(const CollectiveRow& row, const CollectiveRequest& request, std::uint32_t chunks) {
  std::vector<Pattern> patterns;
  for (std::uint32_t k = 0; k < chunks; ++k) {
    CollectiveRequest of_chunk = request;
    of_chunk.elements = request.elements.part(k, chunks, request.grain);
    patterns.push_back(row.build(of_chunk));
  }
  return in_sequence(std::move(patterns));
}

}  // namespace

std::string_view collective_op_name(CollectiveOp op) {
  constexpr std::array<std::string_view, collective_op_count> names{
      "all_reduce", "all_gather", "reduce_scatter", "broadcast", "reduce", "all_to_all", "send_recv", "barrier"};
  return names[static_cast<std::size_t>(op)];
}

Pattern build_collective(const CollectiveRow& row, std::uint32_t ranks, std::int64_t elements,
                         const CollectiveOptions& options) {
  assert(ranks > 0 && elements >= 0 && options.root < ranks);
  const Slice all = whole(row.op, ranks, elements);
  const std::uint32_t channels = channel_count(options);
  std::vector<Pattern> patterns;
  for (std::uint32_t c = 0; c < channels; ++c) {
    const CollectiveRequest request{.ranks = ranks,
                                    .elements = all.part(c, channels),
                                    .total = elements,
                                    .channel = c,
                                    .channels = channels,
                                    .grain = has_shares(row.op) ? ranks : 1,
                                    .chunks = row.traits.pipelined ? std::max(1U, options.chunks) : 1,
                                    .order = options.channels.empty() ? counting(ranks) : options.channels[c],
                                    .nodes = nodes_of(ranks, options),
                                    .root = options.root,
                                    .rows = options.rows,
                                    .fluid = options.fluid};
    patterns.push_back(build_channel(row, request, chunks_in_sequence(row, options)));
  }
  Pattern out = side_by_side(std::move(patterns));
  out.channels = std::max(out.channels, channels);
  out.buffer = std::max(out.buffer, collective_buffer(row.op, ranks, elements));
  return out;
}

std::vector<Slice> collective_pieces(const CollectiveRow& row, std::uint32_t ranks, std::int64_t elements,
                                     const CollectiveOptions& options) {
  const Slice all{0, elements};
  if (!has_shares(row.op)) return {all};
  const std::uint32_t channels = channel_count(options), chunks = std::max(1U, options.chunks);
  std::vector<Slice> pieces;
  for (std::uint32_t c = 0; c < channels; ++c)
    for (std::uint32_t k = 0; k < chunks; ++k) pieces.push_back(all.part(c, channels).part(k, chunks, ranks));
  return pieces;
}

std::int64_t collective_buffer(CollectiveOp op, std::uint32_t ranks, std::int64_t elements) {
  if (op == CollectiveOp::send_recv) return 2 * elements;
  if (op == CollectiveOp::all_to_all) return std::int64_t{2} * ranks * slot_width(ranks, elements);
  return elements;
}

}  // namespace rehearse
