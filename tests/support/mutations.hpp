// For tests of proofs: programs that are wrong in one place.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "tests/support/proof_jobs.hpp"

namespace rehearse::testing {

class Mutations {
 public:
  explicit Mutations(Job job) : job_(std::move(job)), program_(proof_program(job_, proof_cluster())) {}

  /// What the proof says of the program after the change.
  [[nodiscard]] std::string after(const std::function<void(Program&)>& change) const {
    Program changed = program_;
    change(changed);
    return first_fault(prove_program(job_, proof_cluster(), changed));
  }
  [[nodiscard]] const Program& program() const { return program_; }

 private:
  Job job_;
  Program program_;
};

/// Calls `each(role, number, instruction)` for every so-many-th instruction.
template <class Each>
void for_instructions(const Program& program, std::size_t stride, Each each) {
  for (std::size_t role = 0; role < program.roles.size(); ++role)
    for (std::size_t i = role; i < program.roles[role].size(); i += stride) each(role, i, program.roles[role][i]);
}

}  // namespace rehearse::testing
