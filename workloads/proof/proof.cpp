#include "workloads/proof/proof.hpp"

#include <span>

#include "workloads/proof/compare.hpp"
#include "workloads/proof/interpreter.hpp"

namespace rehearse {

namespace {

constexpr std::uint64_t seed = 1;
constexpr double learning_rate = 0.5;

std::span<const Job> only(const Job& job) { return {&job, 1}; }

}  // namespace

Program proof_program(const Job& job, const Cluster& cluster) {
  Job bare = job;
  bare.framework = {};
  bare.plan.kernels = {};
  return build_program(only(bare), JobLayout(only(bare), cluster), cluster, {.merge_kernels = false});
}

ProofReport prove(const Job& job, const Cluster& cluster) {
  return prove_program(job, cluster, proof_program(job, cluster));
}

ProofReport prove_program(const Job& job, const Cluster& cluster, const Program& program) {
  const Communication communication(only(job), program, cluster);
  const auto tokens = static_cast<double>(job.plan.global_batch * job.model.seq_len);
  const ProofScene scene{.job = job,
                         .program = program,
                         .communication = communication,
                         .batch = synthetic_batch(job.model, job.plan.global_batch, seed),
                         .token_share = 1 / tokens,
                         .seed = seed,
                         .learning_rate = learning_rate};
  Interpreter interpreter(scene);
  ProofReport report;
  report.model = job.model.name;
  report.ranks = communication.layout().workers();
  report.faults = interpreter.run();
  report.instructions = interpreter.instructions();
  report.collectives = interpreter.collectives();
  report.messages = interpreter.messages();
  if (report.faults.empty()) compare_with_reference(scene, interpreter.ranks(), report);
  return report;
}

}  // namespace rehearse
