// Slices of a trace: what stands on a GPU's rows, gathered from the schedule and its timeline.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/names.hpp"
#include "scenarios/result.hpp"

namespace rehearse {

/// A point of time in a trace. Begin and end are rounded each for itself, never a duration, so that what touches in
/// the timeline touches in the trace.
inline std::int64_t nanoseconds(Seconds time) { return std::llround(time.value() * 1e9); }

/// A named interval on a track; one without length is an instant.
struct TraceSlice {
  std::int64_t begin = 0, end = 0;  ///< nanoseconds
  NameId title{};                   ///< in Slices::titles
  Kind kind = Kind::other;
  Tags tags;
  double gflop = 0;                ///< 0: not known, not shown
  std::int64_t bytes = -1;         ///< -1: none
  std::int64_t peer = -1;          ///< the GPU at the other end of a flow; -1: none
  std::uint64_t sends = 0;         ///< an arrow that leaves here; 0: none
  std::uint64_t receives = 0;      ///< an arrow that arrives here; 0: none
  OpId detailed{no_index};         ///< a compute op whose parts become slices inside this one
  std::uint32_t track = no_index;  ///< given when the slices are laid out
  std::uint32_t depth = 0;         ///< 1 inside another slice
};

/// Slices that belong under one name on one GPU; more than one row where they overlap.
struct SliceGroup {
  std::string name;
  std::vector<TraceSlice> slices;
  std::uint32_t most_rows = no_index;  ///< beyond these, a slice ends where the next one has to begin
};

/// Everything of one run that is drawn as slices.
struct Slices {
  NamePool titles;
  std::vector<bool> shown;                      ///< by rank: whether its GPU is drawn
  std::vector<std::vector<SliceGroup>> groups;  ///< by rank, in the order shown; empty for one that is not
  std::vector<std::string> notes;               ///< what was left out to keep the file small
};

/// How much detail a trace holds at most. Where there is more, the first micro batches have it (they are all alike).
struct TraceLimits {
  std::size_t gpus = 16;                  ///< GPUs; at least one of each stage
  std::size_t parts = 120'000;            ///< slices of kernels inside ops
  std::size_t pipeline_flows = 50'000;    ///< sends and receives of the pipeline
  std::size_t collective_flows = 10'000;  ///< sends and receives of everything else: all or none
};

/// The first GPU of each stage, then the second of each, ... up to the limit, but no stage without one. By rank.
std::vector<bool> choose_gpus(const Result& result, std::size_t limit);

/// Slices of the computes and collectives on every lane, then of what is sent and received.
Slices gather_slices(const Result& result, const TraceLimits& limits);

/// Add the groups "send" and "receive" of every rank: a part of gather_slices.
void gather_flows(const Result& result, const TraceLimits& limits, Slices& slices);

/// What a person reads on a slice: "F7 · layer 3 attention" for an op of a micro batch, the op's name otherwise.
std::string slice_title(std::string_view name, Kind kind, const Tags& tags);

/// A micro batch number such that the items of lower micro batches (and those of no_index) are at most `limit`.
/// `counts[i]`: the items of micro batch i-1.
std::int32_t micro_batches_within(const std::vector<std::size_t>& counts, std::size_t limit);

/// Give every slice of a group its row: the first one free. Rows are numbered from 0 in `track`; gives their count.
/// Slices come out in order of begin.
std::uint32_t lay_out(SliceGroup& group);

/// The slices of a detailed op's parts, one after another, scaled to end with it.
std::vector<TraceSlice> part_slices(const Result& result, const TraceSlice& slice, NamePool& titles);

}  // namespace rehearse
