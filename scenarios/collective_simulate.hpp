// Simulate collectives: a job to times and bandwidths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/collective_job.hpp"
#include "scenarios/result.hpp"

namespace rehearse {

/// The same collective carried out on this machine.
struct CollectiveMeasurement {
  Seconds time;  ///< median of the repetitions
  std::int64_t wrong_elements = 0;
};

/// One collective of a job. Bytes and bandwidths as nccl-tests counts them.
struct CollectivePoint {
  CollectiveOp op = CollectiveOp::all_reduce;
  std::uint32_t ranks = 0, nodes = 0;
  Bytes bytes;                ///< of whole elements, see elements_of
  std::int64_t elements = 0;  ///< in these
  std::string algorithm;
  Protocol protocol = Protocol::none;
  std::uint32_t channels = 1, chunks = 1;  ///< chunks of each channel
  bool fluid = false;
  std::uint64_t flows = 0;  ///< simulated
  Seconds start;            ///< before the first message
  Seconds time;             ///< of the whole, `start` included
  std::optional<CollectiveMeasurement> measured;

  [[nodiscard]] double algbw() const;  ///< bytes/s; 0 where it takes no time
  [[nodiscard]] double busbw() const;  ///< what a link of a perfect ring would carry
  /// nccl-tests' count: where every rank has a share, the elements of one.
  [[nodiscard]] std::int64_t count() const;
};

/// A job with its points, for reports.
struct CollectiveResult {
  CollectiveJob job;
  std::vector<CollectivePoint> points;  ///< by ranks, then bytes; of `all` then by time
  Seconds wall;                         ///< of the whole on this machine

  /// Whether the points were carried out as well.
  [[nodiscard]] bool measured() const;
};

/// One collective with its timeline: Result has schedule, network and timeline of every message.
struct CollectiveTimeline {
  CollectivePoint point;
  Result result;
};

using CollectiveProgress = std::function<void(std::size_t done, std::size_t all)>;

// SimGrid runs once in a process, and so do these, together: the caller of several forks a child for each.
// They throw std::logic_error where a time lies below a physical bound: a fault of the program.

/// Every point of the job. `progress` is called after each number of ranks and size.
std::vector<CollectivePoint> simulate_collectives(const CollectiveJob& job, const CollectiveProgress& progress = {});

/// The one point of a job of one number of ranks, one size and one algorithm (or auto); std::logic_error of another.
CollectivePoint simulate_collective(const CollectiveJob& job);

/// The same with its timeline. Throws InputError where that would have more than most_traced_flows messages.
CollectiveTimeline trace_collective(const CollectiveJob& job);
inline constexpr std::size_t most_traced_flows = 200'000;

}  // namespace rehearse
