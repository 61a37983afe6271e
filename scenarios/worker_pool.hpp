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
  std::string text;  ///< what the work returned; where it is not done, why
};

using Work = std::function<std::string(std::size_t)>;
using WorkProgress = std::function<void(std::size_t done, std::size_t all)>;

/// `work(0)` to `work(count - 1)`, each in a child forked for it, at most `workers` at a time (at least one). A child
/// that throws, crashes or is killed leaves an answer that says so, and the others go on. The caller has one thread,
/// and what `work` changes stays in the child. `progress` is called in the caller as answers come; what it throws
/// ends the children.
std::vector<WorkerAnswer> run_in_workers(std::size_t count, std::size_t workers, const Work& work,
                                         const WorkProgress& progress = {});

/// The processors that this process may use; at least 1.
std::size_t processor_count();

}  // namespace rehearse
