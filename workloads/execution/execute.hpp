// Patterns carried out on real numbers: by threads, a thread for each position, and over MPI, a process for each rank.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/units.hpp"
#include "workloads/execution/collective_data.hpp"

namespace rehearse {

struct Execution {
  std::vector<Seconds> times;       ///< of each repetition: until the last rank is done
  std::int64_t wrong_elements = 0;  ///< of all ranks and repetitions
};

/// What the buffers and messages of `positions` positions on one machine can take at once.
Bytes execution_memory(const Pattern& pattern, std::uint32_t positions);
/// What this machine has left: of its memory, and of what the process may use of it (control groups).
Bytes available_memory();

/// One thread for each position; more are an InputError.
inline constexpr std::uint32_t most_execution_threads = 1024;

/// Carries the pattern out, `repetitions` times after one to warm up, each from fresh inputs. Messages are copies.
Execution execute_with_threads(const Pattern& pattern, const CollectiveData& data, int repetitions);

/// Whether this process was started by an MPI launcher (mpirun, srun) and the program was built with MPI.
bool started_by_mpi();
/// MPI_Init; the process ends with MPI_Finalize when the object goes. One in a process; std::logic_error without MPI.
/// An exception that leaves its scope ends all processes at once (MPI_Abort), as they may wait for this one: what there
/// is to say about it must be said before.
class MpiSession {
 public:
  MpiSession();
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  [[nodiscard]] std::uint32_t rank() const;
  [[nodiscard]] std::uint32_t ranks() const;
  /// As execute_with_threads; the pattern's ranks must be as many as the processes. The result is rank 0's alone to
  /// use. (The first rank also plays the pattern's switches.)
  Execution execute(const Pattern& pattern, const CollectiveData& data, int repetitions);
};

}  // namespace rehearse
