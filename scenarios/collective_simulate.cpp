#include "scenarios/collective_simulate.hpp"

#include <algorithm>
#include <stdexcept>

#include "scenarios/collective_ways.hpp"
#include "scenarios/collective_world.hpp"

namespace rehearse {

namespace {

/// Bytes that a link of a ring carries for each byte of the collective (nccl-tests, PERFORMANCE.md).
double bus_factor(CollectiveOp op, std::uint32_t ranks) {
  const double share = ranks > 1 ? (ranks - 1.0) / ranks : 1.0;
  if (op == CollectiveOp::all_reduce) return ranks > 1 ? 2 * share : 1.0;
  return is_shared(op) ? share : 1.0;
}

void check_single(const CollectiveJob& job) {
  if (!job.is_single()) throw std::logic_error("a job of one collective is due");
}

}  // namespace

double CollectivePoint::algbw() const {
  return time > Seconds(0) ? static_cast<double>(bytes.value()) / time.value() : 0.0;
}
double CollectivePoint::busbw() const { return algbw() * bus_factor(op, ranks); }
std::int64_t CollectivePoint::count() const { return is_shared(op) ? elements / ranks : elements; }

bool CollectiveResult::measured() const {
  return std::ranges::any_of(points, [](const CollectivePoint& p) { return p.measured.has_value(); });
}

std::vector<CollectivePoint> simulate_collectives(const CollectiveJob& job, const CollectiveProgress& progress) {
  CollectiveWorld world(job.cluster);
  std::vector<CollectivePoint> points;
  std::size_t done = 0;
  for (const std::uint32_t ranks : job.ranks) {
    const CollectiveGroup group = group_of(job, ranks);
    world.begin_group();
    const std::vector<Bytes> sizes = sizes_of(job, ranks);
    for (const Bytes bytes : sizes) {
      const auto first = static_cast<std::ptrdiff_t>(points.size());
      for (CollectiveWay& way : ways_of(job, group, bytes))
        points.push_back(simulate_run(world, prepare_run(job, group, bytes, std::move(way))));
      std::ranges::stable_sort(points.begin() + first, points.end(), {}, &CollectivePoint::time);
      if (progress) progress(++done, job.ranks.size() * job.bytes.size());
    }
  }
  return points;
}

CollectivePoint simulate_collective(const CollectiveJob& job) {
  check_single(job);
  return simulate_collectives(job).front();
}

CollectiveTimeline trace_collective(const CollectiveJob& job) {
  check_single(job);
  const CollectiveGroup group = group_of(job, job.ranks.front());
  const Bytes bytes = job.bytes.front();
  const CollectiveRun run = prepare_run(job, group, bytes, ways_of(job, group, bytes).front());
  check_traceable(run);
  CollectiveWorld world(job.cluster);
  const CollectivePoint point = simulate_run(world, run);
  return {point, timeline_of(world, job, run, point)};
}

}  // namespace rehearse
