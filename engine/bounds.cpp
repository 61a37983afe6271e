// Physical lower bounds of a schedule on a network: no replay may end before them.
#include <algorithm>

#include "engine/timeline.hpp"
#include "engine/topological_order.hpp"

namespace rehearse {

namespace {

/// Time of an op with everything it needs to itself.
Seconds alone(const Op& op, const Network& network) {
  if (op.type == OpType::compute) return Schedule::duration(op);
  if (op.type == OpType::join) return {};
  const PathId path = Schedule::path(op);
  return network.latency(path) * op.rounds + Schedule::bytes(op) / network.bottleneck(path);
}

Seconds critical_path(const Schedule& schedule, const Network& network) {
  std::vector<Seconds> ready(schedule.size());
  Seconds longest;
  for (OpId id : topological_order(schedule)) {
    const Seconds end = ready[index(id)] + alone(schedule.op(id), network);
    longest = std::max(longest, end);
    for (OpId successor : schedule.successors(id)) ready[index(successor)] = std::max(ready[index(successor)], end);
  }
  return longest;
}

}  // namespace

std::vector<double> bytes_by_path(const Schedule& schedule, std::size_t paths) {
  std::vector<double> bytes(paths, 0.0);
  for (const Op& op : schedule.ops()) {
    if (op.type == OpType::flow) bytes[index(Schedule::path(op))] += op.amount;
    for (const Load& load : schedule.loads(op)) bytes[index(load.path)] += static_cast<double>(load.bytes.value());
  }
  return bytes;
}

std::vector<double> bytes_by_link(std::span<const double> path_bytes, const Network& network) {
  std::vector<double> carried(network.links().size(), 0.0);
  for (std::uint32_t p = 0; p < path_bytes.size(); ++p)
    for (const Hop& hop : network.hops(PathId{p})) carried[index(hop.link)] += path_bytes[p] * hop.times;
  return carried;
}

std::vector<double> bytes_by_link(const Schedule& schedule, const Network& network) {
  return bytes_by_link(bytes_by_path(schedule, network.path_count()), network);
}

Bounds lower_bounds(const Schedule& schedule, const Network& network) {
  Bounds bounds;
  bounds.critical_path = critical_path(schedule, network);
  const std::vector<double> carried = bytes_by_link(schedule, network);
  for (std::size_t i = 0; i < carried.size(); ++i) {
    const Seconds needed(carried[i] / network.links()[i].bandwidth.value());
    if (needed <= bounds.busiest_link) continue;
    bounds.busiest_link = needed;
    bounds.busiest_link_name = network.links()[i].name;
  }
  std::vector<Seconds> busy(schedule.lanes().size());
  for (const Op& op : schedule.ops())
    if (op.type == OpType::compute && Schedule::lane(op) != no_lane) busy[op.where] += Schedule::duration(op);
  for (Seconds s : busy) bounds.busiest_lane = std::max(bounds.busiest_lane, s);
  return bounds;
}

}  // namespace rehearse
