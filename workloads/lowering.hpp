// Lowering: programs of stages, on the classes of a folding, to a Schedule.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "engine/schedule.hpp"
#include "workloads/communication.hpp"
#include "workloads/folding.hpp"
#include "workloads/program.hpp"

namespace rehearse {

/// One collective of one class of groups in terms of the folded network.
struct FoldedCollective {
  struct Flow {
    PathId path{};
    Rank source{}, destination{};  ///< classes of workers
    Bytes bytes;
    Seconds latency;  ///< from its last byte leaving to its arrival
    std::uint32_t turn = 0;
    bool last = true;  ///< nothing waits for its arrival but the end
  };
  /// What flows of one turn wait for: that some have left and others have arrived. Indices into `flows`.
  struct Turn {
    std::vector<std::uint32_t> left, arrived;
  };
  Seconds start;  ///< before the first flow: software
  std::vector<Flow> flows;
  std::vector<Turn> turns;
};

/// Adds the flows after `started` (or as roots) to a schedule under construction; returns the join of their ends.
OpId add_flows(ScheduleBuilder& builder, const FoldedCollective& collective, std::optional<OpId> started, NameId name,
               Kind kind, Tags tags);

/// What one class of groups does for one spec; `group_class` indexes Folding::group_of_class.
FoldedCollective fold_collective(const Communication& communication, const Folding& folding, std::uint32_t group_class,
                                 const CollectiveSpec& spec);

/// The collective alone, as a schedule whose makespan is its time on an idle network.
Schedule lone_schedule(const FoldedCollective& collective, std::uint32_t rank_count);

/// (group class, spec) -> time of that collective on an idle network.
using CollectiveTimes = std::map<std::pair<std::uint32_t, CollectiveSpec>, Seconds>;

/// What is lowered: of each job so many iterations, one after another; none: the job is left out.
using Iterations = std::vector<std::uint32_t>;

/// A change of the memory in use on a simulated GPU.
struct MemoryChange {
  Rank rank{};
  std::uint32_t first_op = 0, ops = 0;  ///< of Lowered::memory_ops: by the latest of them; none: at the start
  double share = 1;                     ///< when so much of its duration has passed
  Bytes bytes;
};

struct Lowered {
  Schedule schedule;
  std::vector<MemoryChange> memory;  ///< of each rank in its order; of a compute op at most to its highest and its last
  std::vector<OpId> memory_ops;
  std::uint64_t collectives = 0;  ///< calls in the schedule
  std::uint64_t replayed = 0;     ///< of these, with a time from `times`
  /// By job and iteration: it has ended when all of these have.
  std::vector<std::vector<std::vector<OpId>>> iteration_ends;
};

/// Collectives that could be replayed once: of isolated group classes, each with its spec.
std::vector<std::pair<std::uint32_t, CollectiveSpec>> reusable_collectives(const Communication& communication,
                                                                           const Folding& folding);

/// `times` holds the collectives to be taken from one replay; the others become flows.
Lowered lower(std::span<const Job> jobs, const Program& program, const Communication& communication,
              const Folding& folding, const CollectiveTimes& times, const Iterations& iterations);

}  // namespace rehearse
