// Work in child processes: SimGrid runs once in a process, so each of many simulations has a process of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace rehearse {

/// What came of one piece of work.
struct WorkerAnswer {
  bool done = false;
  std::string text;   ///< what the work returned; where it is not done, why
  bool died = false;  ///< it is not done because its process crashed or was killed
};

using Work = std::function<std::string(std::size_t)>;
using TakeAnswer = std::function<void(std::size_t index, WorkerAnswer answer)>;
using WorkProgress = std::function<void(std::size_t done, std::size_t all)>;

/// `work(0)` to `work(count - 1)`, each in a child forked for it, at most `workers` at a time (at least one). A child
/// that throws, crashes or is killed leaves an answer that says so, and the others go on; where it crashes or is
/// killed the work is begun again up to `retries` times. The caller has one thread, and what `work` changes stays in
/// the child. `take` is called in the caller with each answer as it comes; what it throws ends the children.
void take_from_workers(std::size_t count, std::size_t workers, const Work& work, const TakeAnswer& take,
                       int retries = 0);

/// The same with all answers at the end; `progress` is called as they come.
std::vector<WorkerAnswer> run_in_workers(std::size_t count, std::size_t workers, const Work& work,
                                         const WorkProgress& progress = {});

/// The processors that this process may use; at least 1.
std::size_t processor_count();

}  // namespace rehearse
