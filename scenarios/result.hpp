// Result: everything a person asks of a simulated iteration. Plain values; reports turn them into text and files.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/table.hpp"
#include "engine/base/units.hpp"
#include "engine/network.hpp"
#include "engine/schedule.hpp"
#include "engine/timeline.hpp"
#include "scenarios/collective_use.hpp"

namespace rehearse {

/// Exposed time of one GPU, adding up to the iteration.
struct Breakdown {
  Seconds compute, tensor_comm, context_comm, expert_comm, pipeline_comm, data_comm, offload, bubble, optimizer;
  [[nodiscard]] Seconds total() const;
};

/// A part of it, in the order of reports.
struct BreakdownRow {
  std::string_view name;         ///< "tensor_comm", as in files
  std::string_view description;  ///< "tensor communication", as for people
  Seconds Breakdown::*time;
};
const Table<BreakdownRow>& breakdown_table();

struct MemoryPart {
  std::string name;  ///< "weights", "gradients", "optimizer", "activations", ...
  Bytes bytes;
};

/// A block of memory that is there when most is in use.
struct MemoryHolding {
  std::string name, use;  ///< "queries, keys, values", "activations"
  std::int32_t layer = -1, micro_batch = -1;
  Bytes bytes;
};

/// When most is in use, the first time in a run.
struct MemoryMoment {
  Seconds time;
  std::string doing;  ///< "the forward pass", ...; empty: nothing beside what is there all the time
  std::int32_t layer = -1, micro_batch = -1;
  std::vector<MemoryHolding> largest;      ///< of what passes use, largest first
  [[nodiscard]] std::string text() const;  ///< "in the backward pass of layer 23, micro batch 5"
};

/// Memory of the fullest GPU.
struct MemoryAccount {
  std::vector<MemoryPart> parts;  ///< adding up to `peak`
  Bytes peak;                     ///< what must fit into `capacity`
  Bytes in_use;                   ///< of tensors alone, as papers count
  Bytes capacity;
  std::uint32_t job = 0, stage = 0;  ///< of that GPU
  MemoryMoment at = {};
};

/// A simulated GPU and the ones it stands for.
struct SimulatedGpu {
  Rank rank{};            ///< in the schedule: index into Result::gpus
  std::uint32_t gpu = 0;  ///< number in the cluster
  std::uint32_t node = 0;
  std::uint32_t job = 0;  ///< index into Result::jobs
  std::uint32_t stage = 0;
  std::uint32_t members = 1;  ///< how many identical GPUs it stands for, itself included
  Breakdown breakdown;
  Bytes static_memory;  ///< weights, gradients, optimizer states
  std::vector<CollectiveUse> collectives = {};
  std::uint64_t gradient_tensors = 0;     ///< that are reduced over the data-parallel group
  std::uint64_t gradient_reductions = 0;  ///< in so many calls
  std::string title = {};                 ///< what a trace calls it; empty: by number and stage
};

/// Memory in use on a simulated GPU from `time` on.
struct MemorySample {
  Rank rank{};
  Seconds time;
  Bytes bytes;
};

/// How far the result is above a physical bound.
struct BoundRow {
  std::string name;  ///< "critical path without contention", ...
  Seconds bound;
  double ratio = 0;  ///< time of the run / bound, >= 1; 0 where the bound is 0
};

/// A link of the cluster; `link.members` counts those that are used just as much.
struct LinkUse {
  Link link;
  /// Paths of Result::network whose flows cross it, each with how many of the flows that one stands for do.
  std::vector<std::pair<PathId, std::uint32_t>> crossed_by;
  double bytes = 0;        ///< carried by one link
  double utilisation = 0;  ///< bytes / (bandwidth * time of the run), 0..1
};

/// One of the jobs of a run.
struct JobResult {
  std::string name;
  std::uint32_t gpu_count = 0;
  double parameters = 0;
  Seconds start, end;
  Seconds counted_from;             ///< what is of an iteration, on average, is of those that begin then or later
  std::uint32_t counted = 0;        ///< these
  std::vector<Seconds> iterations;  ///< each, as they took beside the other jobs
  Seconds alone;                    ///< an iteration where the job has the cluster to itself
  Seconds together;                 ///< an iteration beside the others, on average
  double tokens_per_s = 0;
  double samples_per_s = 0;
  FlopsPerSecond flops_per_gpu;
  double mfu = 0, hfu = 0;
  Breakdown breakdown;        ///< of the slowest GPU, of one iteration beside the others, on average
  std::uint32_t slowest = 0;  ///< index into Result::gpus

  [[nodiscard]] double slowdown() const { return together / alone; }
};

/// Of several jobs: rates are of all together, and what is of one iteration is of the job whose iterations are longest.
struct Result {
  std::string name;
  std::string version;
  Value scenario;               ///< as resolved, defaults filled in
  std::uint32_t gpu_count = 0;  ///< that jobs run on
  std::vector<JobResult> jobs;  ///< at least one
  Seconds run_time;             ///< of all that was simulated: of a single job its iteration
  Seconds iteration_time;
  double tokens_per_s = 0;
  double samples_per_s = 0;
  FlopsPerSecond flops_per_gpu;  ///< executed, recomputation counted (as SC'21 and HFU count)
  double mfu = 0;                ///< model FLOPs, recomputation not counted, over peak
  double hfu = 0;                ///< executed FLOPs over peak
  double parameters = 0;
  MemoryAccount memory;
  Breakdown breakdown;                     ///< of the slowest GPU
  std::uint32_t slowest = 0;               ///< index into gpus
  std::uint64_t ops = 0, flows = 0;        ///< simulated
  std::uint64_t collectives = 0;           ///< simulated collective calls
  std::uint64_t replayed_collectives = 0;  ///< of these, reused from one replay
  std::vector<std::string> notes;          ///< what was folded, merged, reused; what was assumed
  std::vector<BoundRow> bounds;
  std::vector<LinkUse> hottest_links;  ///< the most utilised of each kind, most utilised first
  Seconds wall;                        ///< of the whole simulation on this machine

  std::vector<SimulatedGpu> gpus;
  std::vector<MemorySample> memory_samples;  ///< by rank, then time
  Schedule schedule;
  Network network;
  Timeline timeline;
};

}  // namespace rehearse
