// The program built without MPI: see mpi.cpp.
#include <stdexcept>

#include "workloads/execution/execute.hpp"

namespace rehearse {

bool started_by_mpi() { return false; }

MpiSession::MpiSession() { throw std::logic_error("this program was built without MPI"); }
MpiSession::~MpiSession() {}
std::uint32_t MpiSession::rank() const { return 0; }
std::uint32_t MpiSession::ranks() const { return 1; }
Execution MpiSession::execute(const Pattern& /*pattern*/, const CollectiveData& /*data*/, int /*repetitions*/) {
  return {};
}
void MpiSession::send(std::uint32_t /*to*/, const std::string& /*text*/) {}
MpiText MpiSession::receive() { return {}; }

}  // namespace rehearse
