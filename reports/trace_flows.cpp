// What GPUs send to one another, as slices with an arrow from the send to the receive.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "reports/trace_slices.hpp"
#include "reports/trace_tracks.hpp"

namespace rehearse {
namespace {

constexpr std::int64_t shortest_receive = 1'000;  // nanoseconds; shorter ones could not be seen or hit
constexpr std::uint32_t receive_rows = 3;

/// Which flows are drawn.
struct Choice {
  bool collectives;            ///< those of other kinds than pipeline_comm
  std::int32_t micro_batches;  ///< pipeline flows of micro batches below this

  [[nodiscard]] bool takes(const Op& op) const {
    return op.kind == Kind::pipeline_comm ? op.tags.micro_batch < micro_batches : collectives;
  }
};

bool is_drawn(const Op& op, const std::vector<bool>& shown) {
  return op.type == OpType::flow && (shown[index(Schedule::source(op))] || shown[index(Schedule::destination(op))]);
}

Choice choose(const Result& result, const TraceLimits& limits, Slices& slices) {
  std::size_t others = 0;
  std::vector<std::size_t> pipeline;
  for (const Op& op : result.schedule.ops()) {
    if (!is_drawn(op, slices.shown)) continue;
    if (op.kind != Kind::pipeline_comm) {
      ++others;
      continue;
    }
    const auto at = static_cast<std::size_t>(std::int64_t{op.tags.micro_batch} + 1);
    if (at >= pipeline.size()) pipeline.resize(at + 1);
    ++pipeline[at];
  }
  const Choice choice{others <= limits.collective_flows, micro_batches_within(pipeline, limits.pipeline_flows)};
  if (!choice.collectives)
    slices.notes.push_back(fmt::format("the {} flows inside collectives are shown as their collectives only", others));
  if (choice.micro_batches != std::numeric_limits<std::int32_t>::max())
    slices.notes.push_back(
        fmt::format("sends and receives are shown for micro batches below {}", choice.micro_batches));
  return choice;
}

/// When the first op begins that waited for this one; joins take no time and are looked through.
Seconds taken_up(const Result& result, OpId id, int depth = 4) {
  Seconds first(std::numeric_limits<double>::infinity());
  for (const OpId next : result.schedule.successors(id)) {
    const bool join = result.schedule.op(next).type == OpType::join;
    if (join && depth == 0) continue;
    first = std::min(first, join ? taken_up(result, next, depth - 1) : result.timeline.begin[index(next)]);
  }
  return first;
}

/// "activations" is sent as "send activations" and received as "receive activations".
std::string with_verb(std::string_view verb, std::string_view name) {
  if (name.starts_with("send ")) name.remove_prefix(5);
  return fmt::format("{} {}", verb, name);
}

TraceSlice send_slice(const Result& result, OpId id, std::uint64_t arrow, NamePool& titles) {
  const Op& op = result.schedule.op(id);
  TraceSlice slice;
  slice.begin = nanoseconds(result.timeline.begin[index(id)]);
  slice.end = nanoseconds(result.timeline.end[index(id)]);
  slice.title = titles.intern(slice_title(with_verb("send", result.schedule.name(op.name)), op.kind, op.tags));
  slice.kind = op.kind;
  slice.tags = op.tags;
  slice.bytes = Schedule::bytes(op).value();
  slice.peer = gpu_number(result, Schedule::destination(op));
  slice.sends = arrow;
  return slice;
}

/// From the arrival until somebody takes it up. It begins where the send ends: an arrow must not point backwards.
TraceSlice receive_slice(const Result& result, OpId id, std::uint64_t arrow, NamePool& titles) {
  const Op& op = result.schedule.op(id);
  TraceSlice slice;
  slice.begin = nanoseconds(result.timeline.end[index(id)]);
  slice.end = slice.begin + shortest_receive;
  if (const Seconds until = taken_up(result, id); std::isfinite(until.value()))
    slice.end = std::max(slice.end, nanoseconds(until));
  slice.title = titles.intern(slice_title(with_verb("receive", result.schedule.name(op.name)), op.kind, op.tags));
  slice.kind = op.kind;
  slice.tags = op.tags;
  slice.bytes = Schedule::bytes(op).value();
  slice.peer = gpu_number(result, Schedule::source(op));
  slice.receives = arrow;
  return slice;
}

}  // namespace

void gather_flows(const Result& result, const TraceLimits& limits, Slices& slices) {
  const Schedule& schedule = result.schedule;
  const Choice choice = choose(result, limits, slices);
  std::vector<SliceGroup> sends(schedule.rank_count(), {"send", {}});
  std::vector<SliceGroup> receives(schedule.rank_count(), {"receive", {}, receive_rows});
  std::uint64_t arrow = 0;
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    const Op& op = schedule.ops()[i];
    if (!is_drawn(op, slices.shown) || !choice.takes(op)) continue;
    const OpId id{static_cast<std::uint32_t>(i)};
    const std::size_t from = index(Schedule::source(op)), to = index(Schedule::destination(op));
    const std::uint64_t this_arrow = slices.shown[from] && slices.shown[to] ? ++arrow : 0;
    if (slices.shown[from]) sends[from].slices.push_back(send_slice(result, id, this_arrow, slices.titles));
    if (slices.shown[to]) receives[to].slices.push_back(receive_slice(result, id, this_arrow, slices.titles));
  }
  for (std::size_t rank = 0; rank < sends.size(); ++rank)
    for (std::vector<SliceGroup>* groups : {&sends, &receives})
      if (!(*groups)[rank].slices.empty()) slices.groups[rank].push_back(std::move((*groups)[rank]));
}

}  // namespace rehearse
