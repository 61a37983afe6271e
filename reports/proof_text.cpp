// The proof of a plan, for people.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ostream>
#include <string_view>

#include "reports/proof_report.hpp"
#include "reports/terminal.hpp"

namespace rehearse {
namespace {

constexpr std::size_t label_width = 20;

void write_line(std::ostream& out, std::string_view label, const std::string& value) {
  out << "  " << left(label, label_width) << value << "\n";
}

void write_errors(const ProofReport& r, std::ostream& out) {
  write_line(out, "loss", fmt::format("{:.12g}, reference {:.12g}", r.loss, r.reference_loss));
  write_line(out, "largest error",
             fmt::format("loss {:.1e}, gradients {:.1e}, parameters {:.1e}, norm {:.1e}", r.loss_error,
                         r.gradient_error, r.parameter_error, r.norm_error));
}

void write_proof(const JobProof& proof, std::ostream& out) {
  const ProofReport& r = proof.report;
  out << proof.job << "\n";
  write_line(out, "made smaller", r.scaled.empty() ? "nothing" : fmt::format("{}", fmt::join(r.scaled, ", ")));
  write_line(out, "carried out",
             fmt::format("{} ranks, {} instructions, {} collectives, {} messages", r.ranks, grouped(r.instructions),
                         grouped(r.collectives), grouped(r.messages)));
  if (r.compared) write_errors(r, out);
  write_line(out, r.proved() ? "proved" : "wrong",
             r.proved() ? fmt::format("every error is at most {:.0e}", proof_tolerance) : r.faults.front());
  for (std::size_t i = 1; i < r.faults.size(); ++i) write_line(out, "", r.faults[i]);
}

}  // namespace

void write_proof_text(const std::vector<JobProof>& proofs, std::ostream& out) {
  for (const JobProof& proof : proofs) write_proof(proof, out);
}

}  // namespace rehearse
