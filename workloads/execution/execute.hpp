// Patterns carried out on real numbers: by threads, a thread for each position, and over MPI, a process for each rank.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/units.hpp"
#include "workloads/execution/collective_data.hpp"
#include "workloads/execution/mpi_session.hpp"

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

}  // namespace rehearse
