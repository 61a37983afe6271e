#include "reports/trace_slices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace rehearse {
namespace {

/// The letter of pipeline diagrams; 0 for what has none.
char letter_of(Kind kind) {
  switch (kind) {
    case Kind::forward: return 'F';
    case Kind::backward: return 'B';
    case Kind::recompute: return 'R';
    default: return 0;
  }
}

/// `name` without the kind's word, which the letter already says: "layer 3 forward" -> "layer 3".
std::string without_kind(std::string_view name, Kind kind) {
  const std::string_view word = kind_name(kind);
  std::string padded = " " + std::string(name) + " ";
  if (const std::size_t at = padded.find(" " + std::string(word) + " "); at != std::string::npos)
    padded.erase(at, word.size() + 1);
  return padded.size() <= 2 ? std::string() : padded.substr(1, padded.size() - 2);
}

double gflop_of(std::span<const Part> parts) {
  double sum = 0;
  for (const Part& part : parts) sum += part.flops.value();
  return sum / 1e9;
}

/// Whether the parts of an op say more than the op itself.
bool has_detail(const Schedule& schedule, const Op& op) { return schedule.parts(op).size() > 1; }

/// Whether an op is a slice of its own on a GPU that is drawn; one without a lane is shown by its span.
bool is_drawn(const Schedule& schedule, const Op& op, const std::vector<bool>& shown) {
  if (op.type != OpType::compute || Schedule::lane(op) == no_lane) return false;
  return shown[index(schedule.lanes()[index(Schedule::lane(op))].rank)];
}

/// The first micro batch whose ops are shown without their parts.
std::int32_t detailed_micro_batches(const Result& result, const std::vector<bool>& shown, std::size_t limit) {
  std::vector<std::size_t> counts;
  for (const Op& op : result.schedule.ops()) {
    if (!is_drawn(result.schedule, op, shown) || !has_detail(result.schedule, op)) continue;
    const auto at = static_cast<std::size_t>(std::int64_t{op.tags.micro_batch} + 1);
    if (at >= counts.size()) counts.resize(at + 1);
    counts[at] += result.schedule.parts(op).size();
  }
  return micro_batches_within(counts, limit);
}

TraceSlice op_slice(const Result& result, OpId id, std::int32_t detailed, NamePool& titles) {
  const Schedule& schedule = result.schedule;
  const Op& op = schedule.op(id);
  TraceSlice slice;
  slice.begin = nanoseconds(result.timeline.begin[index(id)]);
  slice.end = nanoseconds(result.timeline.end[index(id)]);
  slice.title = titles.intern(slice_title(schedule.name(op.name), op.kind, op.tags));
  slice.kind = op.kind;
  slice.tags = op.tags;
  slice.gflop = gflop_of(schedule.parts(op));
  if (has_detail(schedule, op) && op.tags.micro_batch < detailed) slice.detailed = id;
  return slice;
}

TraceSlice span_slice(const Result& result, const Span& span, NamePool& titles) {
  TraceSlice slice;
  slice.begin = nanoseconds(result.timeline.end[index(span.opens)]);
  slice.end = nanoseconds(result.timeline.end[index(span.closes)]);
  slice.title = titles.intern(slice_title(result.schedule.name(span.name), span.kind, span.tags));
  slice.kind = span.kind;
  slice.tags = span.tags;
  slice.bytes = span.bytes.value();
  return slice;
}

/// Every lane's ops and spans.
std::vector<SliceGroup> lane_groups(const Result& result, const TraceLimits& limits, Slices& slices) {
  const Schedule& schedule = result.schedule;
  const std::int32_t detailed = detailed_micro_batches(result, slices.shown, limits.parts);
  if (detailed != std::numeric_limits<std::int32_t>::max())
    slices.notes.push_back(fmt::format("kernels are shown for micro batches below {}", detailed));
  std::vector<SliceGroup> groups;
  for (const Lane& lane : schedule.lanes()) groups.push_back({schedule.name(lane.name), {}});
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    const Op& op = schedule.ops()[i];
    if (!is_drawn(schedule, op, slices.shown)) continue;
    groups[index(Schedule::lane(op))].slices.push_back(
        op_slice(result, OpId{static_cast<std::uint32_t>(i)}, detailed, slices.titles));
  }
  for (const Span& span : schedule.spans())
    if (span.lane != no_lane && slices.shown[index(schedule.lanes()[index(span.lane)].rank)])
      groups[index(span.lane)].slices.push_back(span_slice(result, span, slices.titles));
  return groups;
}

}  // namespace

std::string slice_title(std::string_view name, Kind kind, const Tags& tags) {
  const char letter = letter_of(kind);
  if (tags.micro_batch < 0 || name.find("micro batch") != std::string_view::npos)
    return name.empty() ? std::string(kind_name(kind)) : std::string(name);
  if (letter == 0) return fmt::format("{} · mb {}", name.empty() ? kind_name(kind) : name, tags.micro_batch);
  std::string title = fmt::format("{}{}", letter, tags.micro_batch);
  const std::string rest = without_kind(name, kind);
  const bool add_layer = tags.layer >= 0 && rest.find("layer") == std::string::npos;
  if (add_layer) title += fmt::format(" · layer {}", tags.layer);
  if (!rest.empty()) title += (add_layer ? " " : " · ") + rest;
  return title;
}

std::int32_t micro_batches_within(const std::vector<std::size_t>& counts, std::size_t limit) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    if (sum > limit) return static_cast<std::int32_t>(i) - 1;
  }
  return std::numeric_limits<std::int32_t>::max();
}

std::vector<bool> choose_gpus(const Result& result, std::size_t limit) {
  std::vector<bool> shown(result.schedule.rank_count(), false);
  std::map<std::uint32_t, std::uint32_t> of_stage;           // GPUs seen so far
  std::vector<std::pair<std::uint32_t, std::size_t>> turns;  // (how many of its stage come before it, rank)
  for (const SimulatedGpu& gpu : result.gpus)
    if (index(gpu.rank) < shown.size()) turns.emplace_back(of_stage[gpu.stage]++, index(gpu.rank));
  if (result.gpus.empty())
    for (std::size_t rank = 0; rank < shown.size(); ++rank) turns.emplace_back(0, rank);
  std::stable_sort(turns.begin(), turns.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  for (std::size_t i = 0; i < turns.size() && (i < limit || turns[i].first == 0); ++i) shown[turns[i].second] = true;
  return shown;
}

Slices gather_slices(const Result& result, const TraceLimits& limits) {
  Slices slices;
  slices.shown = choose_gpus(result, limits.gpus);
  const auto hidden = std::count(slices.shown.begin(), slices.shown.end(), false);
  if (hidden > 0)
    slices.notes.push_back(fmt::format("{} of {} simulated GPUs are drawn",
                                       slices.shown.size() - static_cast<std::size_t>(hidden), slices.shown.size()));
  slices.groups.resize(result.schedule.rank_count());
  std::vector<SliceGroup> lanes = lane_groups(result, limits, slices);
  for (std::size_t i = 0; i < lanes.size(); ++i)
    if (!lanes[i].slices.empty()) slices.groups[index(result.schedule.lanes()[i].rank)].push_back(std::move(lanes[i]));
  gather_flows(result, limits, slices);
  return slices;
}

std::uint32_t lay_out(SliceGroup& group) {
  std::vector<TraceSlice*> last;  // of each row
  std::stable_sort(group.slices.begin(), group.slices.end(), [](const TraceSlice& a, const TraceSlice& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  for (TraceSlice& slice : group.slices) {
    auto row = std::find_if(last.begin(), last.end(), [&](const TraceSlice* s) { return s->end <= slice.begin; });
    if (row == last.end() && last.size() >= group.most_rows) {
      row = std::min_element(last.begin(), last.end(),
                             [](const TraceSlice* a, const TraceSlice* b) { return a->end < b->end; });
      (*row)->end = slice.begin;
    } else if (row == last.end()) {
      row = last.insert(last.end(), nullptr);
    }
    *row = &slice;
    slice.track = static_cast<std::uint32_t>(row - last.begin());
  }
  return static_cast<std::uint32_t>(last.size());
}

std::vector<TraceSlice> part_slices(const Result& result, const TraceSlice& slice, NamePool& titles) {
  const Op& op = result.schedule.op(slice.detailed);
  const Seconds begin = result.timeline.begin[index(slice.detailed)];
  const std::span<const Part> parts = result.schedule.parts(op);
  Seconds sum, passed;
  for (const Part& part : parts) sum += part.duration;
  const double scale = sum.value() > 0 ? (result.timeline.end[index(slice.detailed)] - begin) / sum : 0;
  std::vector<TraceSlice> out;
  std::int64_t from = slice.begin;
  for (const Part& part : parts) {
    passed += part.duration;
    TraceSlice inner;
    inner.begin = from;
    inner.end = from = std::clamp(nanoseconds(begin + passed * scale), from, slice.end);
    inner.title = titles.intern(result.schedule.name(part.name));
    inner.kind = slice.kind;
    inner.gflop = part.flops.value() / 1e9;
    inner.depth = 1;
    inner.track = slice.track;
    if (inner.begin < inner.end) out.push_back(inner);
  }
  return out;
}

}  // namespace rehearse
