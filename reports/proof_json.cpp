// The proof of a plan as JSON. Key order is fixed.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

#include "reports/proof_report.hpp"
#include "scenarios/version.hpp"

namespace rehearse {
namespace {

using Json = nlohmann::ordered_json;

Json proof_json(const JobProof& proof) {
  const ProofReport& r = proof.report;
  Json out{{"job", proof.job},       {"proved", r.proved()},           {"made_smaller", r.scaled},
           {"ranks", r.ranks},       {"instructions", r.instructions}, {"collectives", r.collectives},
           {"messages", r.messages}, {"tolerance", proof_tolerance},   {"faults", r.faults}};
  if (r.compared)
    out.update({{"loss", r.loss},
                {"reference_loss", r.reference_loss},
                {"loss_error", r.loss_error},
                {"gradient_error", r.gradient_error},
                {"parameter_error", r.parameter_error},
                {"norm_error", r.norm_error}});
  return out;
}

}  // namespace

void write_proof_json(const std::vector<JobProof>& proofs, std::ostream& out) {
  Json jobs = Json::array();
  for (const JobProof& proof : proofs) jobs.push_back(proof_json(proof));
  const bool proved = std::ranges::all_of(proofs, [](const JobProof& p) { return p.report.proved(); });
  out << Json{{"proved", proved}, {"version", version()}, {"jobs", jobs}}.dump(2) << "\n";
}

}  // namespace rehearse
