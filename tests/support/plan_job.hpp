// For tests: a plan as the one job of a cluster.
#pragma once

#include <numeric>

#include "workloads/job.hpp"

namespace rehearse::testing {

/// On the first GPUs, in rank order.
inline Job job_of(const Plan& plan) {
  Job job{.name = "job", .plan = plan, .gpus = std::vector<std::uint32_t>(static_cast<std::size_t>(plan.gpus()))};
  std::iota(job.gpus.begin(), job.gpus.end(), 0U);
  return job;
}

}  // namespace rehearse::testing
