// Proofs of plans under a framework: what it adds takes time and changes no number.
#include <doctest/doctest.h>

#include <array>

#include "platforms/catalogue.hpp"
#include "tests/support/proof_jobs.hpp"

using namespace rehearse;
using namespace rehearse::testing;

TEST_CASE("proof: a framework's own kernels change no number") {
  for (const auto& [tensor, pipeline, data, zero] : {std::array{1, 1, 4, 3}, {2, 2, 2, 1}})
    for (const CatalogueEntry& entry : list_catalogue("frameworks")) {
      CAPTURE(entry.name);
      Plan plan;
      plan.tensor = tensor, plan.pipeline = pipeline, plan.data = data, plan.zero = zero;
      plan.recompute = Recompute::full;
      plan.global_batch = 2 * pipeline * data;
      Job job = proof_job(tiny_gpt(), plan);
      Reader reader(resolve_entry("frameworks", scalar_value(entry.name), "framework"), "framework");
      job.framework = read_framework(reader);
      job.plan.kernels = job.framework.kernels;
      const ProofReport report = prove(job, proof_cluster());
      CHECK(first_fault(report) == "");
      CHECK(report.compared);
    }
}
