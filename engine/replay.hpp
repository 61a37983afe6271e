// Replay: a Schedule on a Network, in SimGrid's event loop and under its max-min fair sharing.
#pragma once

#include <memory>

#include "engine/network.hpp"
#include "engine/schedule.hpp"
#include "engine/timeline.hpp"

namespace rehearse {

/// SimGrid's engine is one for a process, and so is this: making a second one in a process, even after the first is
/// gone, is a programming error (std::logic_error). One Replayer replays any number of schedules on its network, one
/// after another.
class Replayer {
 public:
  /// `network` is copied; paths added to the original later are not known here.
  explicit Replayer(Network network);
  ~Replayer();
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;

  /// Every replay begins at time 0 on an idle network; what was replayed before shows at most in the 15th digit
  /// (SimGrid's clock runs on). Throws std::logic_error where the schedule does not run to its end (a cycle) or names a
  /// path that the network lacks, or a lane that it has not itself.
  Timeline replay(const Schedule& schedule);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rehearse
