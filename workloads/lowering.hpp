// Lowering: programs of stages, on the classes of a folding, to a Schedule.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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
    Rank source{}, destination{};  ///< classes of GPUs
    Bytes bytes;
    std::uint32_t rounds = 1;
    std::vector<std::uint32_t> after;  ///< flows of this collective
    bool last = false;                 ///< nothing waits for it but the end
  };
  std::vector<Flow> flows;
};

/// What one class of groups does for one spec; `group_class` indexes Folding::group_of_class.
FoldedCollective fold_collective(const Communication& communication, const Folding& folding, std::uint32_t group_class,
                                 const CollectiveSpec& spec);

/// The collective alone, as a schedule whose makespan is its time on an idle network.
Schedule lone_schedule(const FoldedCollective& collective, std::uint32_t rank_count);

/// (group class, spec) -> time of that collective on an idle network.
using CollectiveTimes = std::map<std::pair<std::uint32_t, CollectiveSpec>, Seconds>;

/// A change of the memory in use on a simulated GPU.
struct MemoryChange {
  Rank rank{};
  OpId when{};  ///< at the end of this op; no_index: at the start
  Bytes bytes;
};

struct Lowered {
  Schedule schedule;
  std::vector<MemoryChange> memory;  ///< of each rank in its order
  std::uint64_t collectives = 0;     ///< calls in the schedule
  std::uint64_t replayed = 0;        ///< of these, with a time from `times`
};

/// Collectives that could be replayed once: of isolated group classes, each with its spec.
std::vector<std::pair<std::uint32_t, CollectiveSpec>> reusable_collectives(const Communication& communication,
                                                                           const Folding& folding);

/// `times` holds the collectives to be taken from one replay; the others become flows. `launch` is the software cost of
/// starting a collective.
Lowered lower(const Program& program, const Communication& communication, const Folding& folding,
              const CollectiveTimes& times, Seconds launch);

}  // namespace rehearse
