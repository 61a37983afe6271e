// For tests of proofs: small jobs on a small cluster.
#pragma once

#include <string>
#include <utility>

#include "tests/support/cluster_text.hpp"
#include "tests/support/plan_job.hpp"
#include "tests/support/tiny_models.hpp"
#include "workloads/proof/proof.hpp"

namespace rehearse::testing {

/// Four nodes of eight GPUs and their fabric.
inline const Cluster& proof_cluster() {
  static const Cluster cluster = cluster_of("{node: dgx-a100, nodes: 4}");
  return cluster;
}

/// All collectives as they are chosen.
inline Job proof_job(Model model, const Plan& plan) {
  Job job = job_of(plan);
  job.model = std::move(model);
  for (const CollectiveOp op : collective_ops) job.collectives.wish[op] = {};
  return job;
}

/// What is wrong first; empty: nothing.
inline std::string first_fault(const ProofReport& report) { return report.proved() ? "" : report.faults.front(); }

}  // namespace rehearse::testing
