// ProofFault: a program that cannot be carried out. Private to workloads/proof.
#pragma once

#include <stdexcept>

namespace rehearse {

/// What the program did that it may not: read a tensor that is not there, give a collective the wrong number of
/// elements. A finding of the proof, not an error of whoever asks for one.
class ProofFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace rehearse
