// Crew: who carries out many tasks that know nothing of each other: children of this process, or ranks of MPI.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "scenarios/worker_pool.hpp"

namespace rehearse {

class MpiSession;

/// From the text of a task to that of its answer; called in a process of its own.
using TaskWork = std::function<std::string(const std::string& task)>;
/// The work, from what all tasks share. It may be called in another process, on another machine.
using MakeWork = std::function<TaskWork(const std::string& shared)>;

struct CrewJob {
  std::string shared;
  std::size_t count = 0;
  std::function<std::string(std::size_t)> task;  ///< 0 to count - 1
  MakeWork make_work;
};

/// A task whose process dies is begun again this often before its answer says so.
inline constexpr int crew_retries = 1;

class Crew {
 public:
  virtual ~Crew() = default;
  /// Tasks go out in their order, as workers get free; `take` is called here with each answer as it comes, in any
  /// order. What it throws ends the job.
  virtual void carry_out(const CrewJob& job, const TakeAnswer& take) = 0;
};

/// At most `workers` children at a time.
std::unique_ptr<Crew> local_crew(std::size_t workers);

/// The other ranks of the session, which are in `serve_crew`; for its rank 0. They leave it when this object goes.
std::unique_ptr<Crew> mpi_crew(MpiSession& session);
/// Does the tasks that rank 0 hands out, each in a child, until it has no more.
void serve_crew(MpiSession& session, const MakeWork& make_work);

}  // namespace rehearse
