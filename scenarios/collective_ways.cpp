#include "scenarios/collective_ways.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"

namespace rehearse {

namespace {

constexpr std::int64_t most_chunks = 1 << 20;

std::uint32_t channel_count(const CollectiveWay& way) {
  return static_cast<std::uint32_t>(std::max<std::size_t>(1, way.options.channels.size()));
}

/// How many chunks of the size a channel has.
std::uint32_t chunks_of(const CollectiveJob& job, const CollectiveTask& task, std::uint32_t ranks,
                        std::uint32_t channels) {
  const std::int64_t cut = job.op == CollectiveOp::all_to_all ? task.elements / ranks : task.elements;
  const std::int64_t channel = cut / channels * task.element_bytes;
  const std::int64_t chunks = std::max<std::int64_t>(1, (channel + job.chunk->value() - 1) / job.chunk->value());
  if (chunks > most_chunks)
    throw InputError(fmt::format("chunk: {} for each of {} channels of {} makes {} chunks; expected at most {}",
                                 to_text(*job.chunk), channels, to_text(Bytes(channel)), chunks, most_chunks));
  return static_cast<std::uint32_t>(chunks);
}

}  // namespace

CollectiveTask task_of(const CollectiveJob& job, std::uint32_t ranks, Bytes bytes) {
  return {.op = job.op, .elements = elements_of(job, ranks, bytes), .element_bytes = job.type.bytes, .root = job.root};
}

std::vector<CollectiveCandidate> candidates_of(const CollectiveJob& job, const CollectiveGroup& group, Bytes bytes,
                                               const std::string& algorithm) {
  const CollectiveTask task = task_of(job, group.ranks(), bytes);
  CollectiveWish wish{
      .algorithm = algorithm, .protocol = job.protocol, .channels = job.channels, .chunks = std::nullopt};
  std::vector<CollectiveCandidate> candidates = collective_candidates(group, task, wish);
  if (!job.chunk) return candidates;
  wish.channels = channel_count(candidates.front().way);
  wish.chunks = chunks_of(job, task, group.ranks(), *wish.channels);
  return collective_candidates(group, task, wish);
}

std::vector<CollectiveWay> ways_of(const CollectiveJob& job, const CollectiveGroup& group, Bytes bytes) {
  if (job.algorithm != "all") return {candidates_of(job, group, bytes, job.algorithm).front().way};
  std::vector<CollectiveWay> ways;
  std::optional<InputError> refusal;
  for (const CollectiveRow* row : possible_rows(job.op, group)) try {
      ways.push_back(candidates_of(job, group, bytes, std::string(row->name)).front().way);
    } catch (const InputError& error) {  // not with what else was asked for: the protocol
      refusal = error;
    }
  if (ways.empty() && refusal) throw InputError(*refusal);
  return ways;
}

}  // namespace rehearse
