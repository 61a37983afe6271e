// The proof of a plan: its program carried out on numbers, rank by rank, and held to a reference without a plan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/job.hpp"
#include "workloads/program.hpp"

namespace rehearse {

struct ProofReport {
  std::string model;
  std::vector<std::string> scaled;  ///< what was made smaller, and how; empty: nothing
  std::uint32_t ranks = 0;
  std::uint64_t instructions = 0, collectives = 0, messages = 0;
  bool compared = false;  ///< what follows has been; not where the program cannot be carried out
  double loss = 0, reference_loss = 0;
  /// The largest, each relative to the reference's: of the loss; of the elements of any gradient, and of any parameter
  /// after a step, to the largest element of the tensor; of the norm of all gradients (0 where the plan needs none).
  double loss_error = 0, gradient_error = 0, parameter_error = 0, norm_error = 0;
  std::vector<std::string> faults;  ///< the first few; empty: proved
  [[nodiscard]] bool proved() const { return faults.empty(); }
};

/// Errors up to this are rounding.
inline constexpr double proof_tolerance = 1e-10;

/// A job of the same kind that is small enough to be proved, on the first of its GPUs. `notes`: what was changed. A
/// model that is no transformer gives way to a small one.
Job scaled_down(const Job& job, std::vector<std::string>& notes);

/// Carries out the program of the job, which must pass check_plan and be small. Needs no simulation.
ProofReport prove(const Job& job, const Cluster& cluster);
/// The same of a given program, which may be wrong.
ProofReport prove_program(const Job& job, const Cluster& cluster, const Program& program);
/// What build_program makes of the job, kernel by kernel, with software that costs nothing: a framework's own kernels
/// take time and change no number.
Program proof_program(const Job& job, const Cluster& cluster);

}  // namespace rehearse
