// Reports of `rehearse run --prove`: as text and JSON.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "workloads/proof/proof.hpp"

namespace rehearse {

/// The proof of one job of a scenario.
struct JobProof {
  std::string job;  ///< its name; of a scenario that is a job itself, the scenario's
  ProofReport report;
};

/// One after another.
void write_proof_text(const std::vector<JobProof>& proofs, std::ostream& out);
/// {"proved", "version", "jobs": [...]}, indented, ending in a newline.
void write_proof_json(const std::vector<JobProof>& proofs, std::ostream& out);

}  // namespace rehearse
