// Carry the collectives of a job out on real numbers, on this machine.
#pragma once

#include <vector>

#include "scenarios/collective_simulate.hpp"
#include "workloads/execution/execute.hpp"

namespace rehearse {

/// Why they cannot be carried out, before anything is allocated: another datatype than float, more ranks than this
/// machine has threads or memory for, other ranks than MPI processes. Throws InputError. `session`: null for threads.
void check_execution(const CollectiveJob& job, MpiSession* session);

/// One for each way (see ways_of) of each size of each number of ranks, in that order.
struct ExecutedWay {
  std::uint32_t ranks = 0;
  Bytes bytes;
  std::string algorithm;
  CollectiveMeasurement measurement;
};
std::vector<ExecutedWay> execute_collectives(const CollectiveJob& job, MpiSession* session, int repetitions);

/// Puts what was measured into the points of the same job.
void add_measurements(const std::vector<ExecutedWay>& executed, std::vector<CollectivePoint>& points);

}  // namespace rehearse
