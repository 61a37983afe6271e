// The one Replayer of a job's collectives, and the paths of their wires. Private to scenarios.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/replay.hpp"
#include "scenarios/collective_simulate.hpp"
#include "scenarios/collective_ways.hpp"
#include "workloads/collectives/transfer_graph.hpp"
#include "workloads/run_conditions.hpp"

namespace rehearse {

/// A way put to work.
struct CollectiveRun {
  CollectiveGroup group;
  CollectiveTask task;
  CollectiveWay way;
  Pattern pattern;
  bool fluid = false;
};

/// A wire on the replayer's network.
struct WirePath {
  PathId path{};
  Seconds latency;           ///< of a message, after its last byte has left: not the path's
  BytesPerSecond bandwidth;  ///< of the narrowest link
  double bytes_per_element = 0;
};

/// One in a process.
class CollectiveWorld {
 public:
  explicit CollectiveWorld(const Cluster& cluster);

  [[nodiscard]] Replayer& replayer() { return replayer_; }
  /// Made when it is asked for first; until another group is begun.
  const WirePath& wire(const CollectiveRun& run, std::uint32_t source, std::uint32_t destination,
                       std::uint32_t channel);
  void begin_group() { wires_.clear(); }

  /// Whether links change meanwhile, or flows choose their ways: then no bound is known beforehand.
  [[nodiscard]] bool has_conditions() const { return has_conditions_; }

 private:
  Replayer replayer_;
  bool has_conditions_;
  RunConditions conditions_;
  std::unordered_map<std::uint64_t, WirePath> wires_;
};

CollectiveRun prepare_run(const CollectiveJob& job, const CollectiveGroup& group, Bytes bytes, CollectiveWay way);
CollectivePoint simulate_run(CollectiveWorld& world, const CollectiveRun& run);

/// Throws InputError where a trace would have too many messages.
void check_traceable(const CollectiveRun& run);
/// The run once more as a Schedule, with all that a trace shows.
Result timeline_of(CollectiveWorld& world, const CollectiveJob& job, const CollectiveRun& run,
                   const CollectivePoint& point);

/// When each message of the graph arrives, each alone on its path: no replay is earlier. By flow.
std::vector<Seconds> arrivals_alone(CollectiveWorld& world, const CollectiveRun& run, const TransferGraph& graph);
/// Latencies of the graph's flows: of merged ones for all their rounds, on average over those that go round together.
std::vector<Seconds> latencies_of(CollectiveWorld& world, const CollectiveRun& run, const TransferGraph& graph);
Bytes bytes_of(const WirePath& wire, std::int64_t elements);

}  // namespace rehearse
