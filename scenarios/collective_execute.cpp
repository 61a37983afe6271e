#include "scenarios/collective_execute.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "scenarios/collective_ways.hpp"

namespace rehearse {

namespace {

using Visit = std::function<void(const CollectiveTask& task, const CollectiveWay& way, const Pattern& pattern)>;

void for_each_way(const CollectiveJob& job, const Visit& visit) {
  for (const std::uint32_t ranks : job.ranks) {
    const CollectiveGroup group = group_of(job, ranks);
    for (const Bytes bytes : sizes_of(job, ranks)) {
      const CollectiveTask task = task_of(job, ranks, bytes);
      for (const CollectiveWay& way : ways_of(job, group, bytes))
        visit(task, way, build_collective(*way.row, ranks, task.elements, way.options));
    }
  }
}

/// Beyond any machine's memory, so that no count of bytes wraps round.
bool is_absurd(const Pattern& pattern) {
  return static_cast<double>(pattern.buffer) * pattern.positions() * sizeof(float) > 0x1p56;
}

void check_memory(const CollectiveTask& task, const Pattern& pattern, Bytes available) {
  const Bytes bytes(task.elements * task.element_bytes);
  if (is_absurd(pattern))
    throw InputError(fmt::format("bytes: to carry {} out on {} ranks takes more memory than any machine has",
                                 to_text(bytes), pattern.ranks));
  const Bytes needed = execution_memory(pattern, pattern.positions());
  if (needed <= available) return;
  throw InputError(fmt::format("bytes: to carry {} out on {} ranks takes {} of memory; {} are available",
                               to_text(bytes), pattern.ranks, to_text(needed), to_text(available)));
}

Seconds median(std::vector<Seconds> times) {
  std::ranges::sort(times);
  const std::size_t n = times.size();
  return n == 0 ? Seconds(0) : (times[(n - 1) / 2] + times[n / 2]) / 2;
}

/// Nobody goes on, and takes memory, before all have come here.
void wait_for_all(MpiSession& session) {
  const CollectiveRow& barrier = *collective_table(CollectiveOp::barrier).begin();
  const Pattern pattern = build_collective(barrier, session.ranks(), 0);
  session.execute(pattern, CollectiveData(CollectiveOp::barrier, session.ranks(), 0, {}, 0), 1);
}

}  // namespace

void check_execution(const CollectiveJob& job, MpiSession* session) {
  if (job.type.name != "float")
    throw InputError(fmt::format("datatype: numbers are carried out as float; found {}", job.type.name));
  if (session != nullptr && (job.ranks.size() != 1 || job.ranks.front() != session->ranks()))
    throw InputError(fmt::format("ranks: expected {}, as many as the MPI processes; found {}", session->ranks(),
                                 job.resolved.find("ranks")->text));
  if (session == nullptr && job.ranks.back() > most_execution_threads)
    throw InputError(
        fmt::format("ranks: expected at most {}, each a thread; found {}", most_execution_threads, job.ranks.back()));
  const Bytes available = available_memory();
  for_each_way(job, [&](const CollectiveTask& task, const CollectiveWay&, const Pattern& pattern) {
    check_memory(task, pattern, available);
  });
  if (session != nullptr) wait_for_all(*session);
}

std::vector<ExecutedWay> execute_collectives(const CollectiveJob& job, MpiSession* session, int repetitions) {
  std::vector<ExecutedWay> out;
  for_each_way(job, [&](const CollectiveTask& task, const CollectiveWay& way, const Pattern& pattern) {
    const CollectiveData data(task.op, pattern.ranks, task.elements,
                              collective_pieces(*way.row, pattern.ranks, task.elements, way.options), task.root);
    const Execution done = session != nullptr ? session->execute(pattern, data, repetitions)
                                              : execute_with_threads(pattern, data, repetitions);
    out.push_back({pattern.ranks,
                   Bytes(task.elements * task.element_bytes),
                   std::string(way.row->name),
                   {median(done.times), done.wrong_elements}});
  });
  return out;
}

void add_measurements(const std::vector<ExecutedWay>& executed, std::vector<CollectivePoint>& points) {
  for (CollectivePoint& point : points) {
    const auto same = std::ranges::find_if(executed, [&](const ExecutedWay& e) {
      return e.ranks == point.ranks && e.bytes == point.bytes && e.algorithm == point.algorithm;
    });
    if (same != executed.end()) point.measured = same->measurement;
  }
}

}  // namespace rehearse
