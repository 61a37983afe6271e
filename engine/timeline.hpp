// Timeline: what a replay gives back, and the bounds that no timeline may go below.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/units.hpp"
#include "engine/network.hpp"
#include "engine/schedule.hpp"

namespace rehearse {

/// Begin and end of every op (index = OpId), and what every link carried (index = LinkId).
struct Timeline {
  std::vector<Seconds> begin;  ///< a flow's begin is when it is ready: its latency comes first
  std::vector<Seconds> end;
  std::vector<double> link_bytes;  ///< as bytes_by_link; under conditions, of the ways that flows took
  Seconds makespan;                ///< the latest end
};

/// Times that physics allows none to beat, and what the schedule took.
struct Bounds {
  Seconds critical_path;  ///< longest chain of durations and of flows alone on their paths
  Seconds busiest_link;   ///< max over links of bytes / bandwidth
  std::string busiest_link_name;
  Seconds busiest_lane;  ///< max over lanes of the sum of durations
};

/// Bytes that flows and loads put on each path (index = PathId); `paths` is how many there are.
std::vector<double> bytes_by_path(const Schedule& schedule, std::size_t paths);

/// Bytes over each link (index = LinkId) of bytes on paths (index = PathId), every hop counted `times` times.
std::vector<double> bytes_by_link(std::span<const double> path_bytes, const Network& network);

/// Bytes over each link (index = LinkId) of all flows and loads, every hop counted `times` times.
std::vector<double> bytes_by_link(const Schedule& schedule, const Network& network);

/// Bounds of a schedule on a network, without replaying it. O(ops + edges).
Bounds lower_bounds(const Schedule& schedule, const Network& network);

}  // namespace rehearse
