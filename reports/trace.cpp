// The trace for Perfetto: tracks, then the events of all of them in order of time.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ostream>
#include <tuple>

#include "engine/base/quantity_text.hpp"
#include "reports/report.hpp"
#include "reports/trace_counters.hpp"
#include "reports/trace_slices.hpp"
#include "reports/trace_tracks.hpp"
#include "reports/trace_writer.hpp"

namespace rehearse {
namespace {

constexpr std::size_t shown_links = 8;
constexpr std::size_t most_link_steps = 5'000;

/// The steps of one counter track.
struct CounterLine {
  std::uint32_t track;
  CounterSteps steps;
};

/// A trace laid out: every slice knows its track.
struct TraceLayout {
  Tracks tracks;
  NamePool titles;
  std::vector<TraceSlice> slices;
  std::vector<CounterLine> counters;
};

/// One packet: the begin or end of a slice, or a step of a counter.
struct Event {
  std::int64_t time;
  std::int32_t order;  ///< at equal times: ends, inner before outer; instants and counters; begins, outer before inner
  std::uint32_t item;  ///< into TraceLayout::slices or ::counters
  std::uint32_t step;  ///< of a counter; `no_index` for slices
};

void add_group(const Result& result, SliceGroup& group, std::uint32_t gpu_track, TraceLayout& layout) {
  const std::uint32_t rows = lay_out(group);
  std::vector<std::uint32_t> tracks;
  for (std::uint32_t row = 0; row < rows; ++row)
    tracks.push_back(layout.tracks.add(gpu_track, row == 0 ? group.name : fmt::format("{} {}", group.name, row + 1)));
  for (TraceSlice& slice : group.slices) {
    slice.track = tracks[slice.track];
    layout.slices.push_back(slice);
    if (slice.detailed == OpId{no_index}) continue;
    const std::vector<TraceSlice> parts = part_slices(result, slice, layout.titles);
    layout.slices.insert(layout.slices.end(), parts.begin(), parts.end());
  }
}

void add_gpus(const Result& result, std::uint32_t root, Slices& slices, TraceLayout& layout) {
  const std::vector<std::uint32_t> gpu_tracks = add_gpu_tracks(result, root, slices.shown, layout.tracks);
  std::vector<CounterSteps> memory = memory_steps(result);
  for (std::size_t rank = 0; rank < gpu_tracks.size(); ++rank) {
    if (!slices.shown[rank]) continue;
    for (SliceGroup& group : slices.groups[rank]) add_group(result, group, gpu_tracks[rank], layout);
    if (!memory[rank].empty())
      layout.counters.push_back(
          {layout.tracks.add(gpu_tracks[rank], "memory", Counter::bytes), std::move(memory[rank])});
  }
}

void add_links(const Result& result, std::uint32_t root, TraceLayout& layout) {
  if (result.hottest_links.empty()) return;
  std::vector<CounterSteps> steps = link_steps(result, shown_links, most_link_steps);
  const std::uint32_t group = layout.tracks.add(root, "links");
  layout.tracks.describe(group, "Utilisation of the hottest links in per cent, each flow at its average rate.");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Link& link = result.hottest_links[i].link;
    const std::uint32_t track = layout.tracks.add(group, link.name, Counter::percent);
    layout.tracks.describe(track, fmt::format("{} of {}", link_kind_name(link.kind), to_text(link.bandwidth)));
    layout.counters.push_back({track, std::move(steps[i])});
  }
}

std::string description(const Result& result, const std::vector<std::string>& notes) {
  std::string text = fmt::format("Rehearse {}: iteration {} on {} GPUs", result.version, to_text(result.iteration_time),
                                 result.gpu_count);
  for (const std::string& note : notes) text += "; " + note;
  return text + ".";
}

TraceLayout compose(const Result& result, const TraceLimits& limits) {
  TraceLayout layout;
  const std::uint32_t root = layout.tracks.add(no_index, result.name.empty() ? "cluster" : result.name);
  Slices slices = gather_slices(result, limits);
  layout.tracks.describe(root, description(result, slices.notes));
  layout.titles = std::move(slices.titles);
  add_gpus(result, root, slices, layout);
  add_links(result, root, layout);
  return layout;
}

std::vector<Event> events_of(const TraceLayout& layout) {
  std::vector<Event> events;
  for (std::uint32_t i = 0; i < layout.slices.size(); ++i) {
    const TraceSlice& slice = layout.slices[i];
    const auto depth = static_cast<std::int32_t>(slice.depth);
    if (slice.begin == slice.end) {
      events.push_back({slice.begin, slice.receives == 0 ? 0 : 1, i, no_index});  // an arrow's head after its tail
      continue;
    }
    events.push_back({slice.begin, depth + 2, i, no_index});
    events.push_back({slice.end, -depth - 1, i, no_index});
  }
  for (std::uint32_t i = 0; i < layout.counters.size(); ++i)
    for (std::uint32_t step = 0; step < layout.counters[i].steps.size(); ++step)
      events.push_back({layout.counters[i].steps[step].time, 0, i, step});
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return std::tie(a.time, a.order, a.step, a.item) < std::tie(b.time, b.order, b.step, b.item);
  });
  return events;
}

void write_event(const TraceLayout& layout, const Event& event, TraceWriter& writer) {
  if (event.step != no_index) {
    const CounterLine& line = layout.counters[event.item];
    writer.counter(event.time, line.track, layout.tracks.all()[line.track].counter, line.steps[event.step].value);
  } else if (event.order < 0) {
    writer.end(layout.slices[event.item]);
  } else if (event.order >= 2) {
    writer.begin(layout.slices[event.item]);
  } else {
    writer.instant(layout.slices[event.item]);
  }
}

void write_trace(const Result& result, const TraceLimits& limits, std::ostream& out) {
  const TraceLayout layout = compose(result, limits);
  TraceWriter writer(out, layout.titles);
  for (std::uint32_t i = 0; i < layout.tracks.all().size(); ++i) writer.track(i, layout.tracks.all()[i]);
  for (const Event& event : events_of(layout)) write_event(layout, event, writer);
  writer.flush();
}

}  // namespace

void write_trace(const Result& result, std::ostream& out) { write_trace(result, TraceLimits{}, out); }

void write_whole_trace(const Result& result, std::ostream& out) {
  constexpr auto all = std::numeric_limits<std::size_t>::max();
  write_trace(result, {.gpus = all, .parts = all, .pipeline_flows = all, .collective_flows = all}, out);
}

}  // namespace rehearse
