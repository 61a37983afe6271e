// This process as one of several that an MPI launcher has started.
#pragma once

#include <cstdint>
#include <string>

namespace rehearse {

class CollectiveData;
struct Execution;
struct Pattern;

/// Whether this process was started by an MPI launcher (mpirun, srun) and the program was built with MPI.
bool started_by_mpi();

struct MpiText {
  std::uint32_t from = 0;  ///< the rank
  std::string text;
};

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

  /// A text to another rank, which must receive it. Texts from one rank to another keep their order.
  void send(std::uint32_t to, const std::string& text);
  /// The next text, whoever it is from; waits without keeping a processor busy.
  MpiText receive();
};

}  // namespace rehearse
