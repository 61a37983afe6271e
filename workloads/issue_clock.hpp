// IssueClock: when kernels run that the host issues one after another. Private to workloads.
#pragma once

#include "engine/schedule.hpp"
#include "workloads/framework.hpp"

namespace rehearse {

/// Of a stretch at whose start host and device have nothing to do. What else the device does between kernels
/// (collectives) costs the host nothing and gives it no time.
class IssueClock {
 public:
  explicit IssueClock(const HostIssue& host) : host_(host) {}

  /// The host does something else first.
  void spend(Seconds time) { issued_ += time; }
  /// The next kernel, of so many launches: from the end of the one before it to its own, of which `time` is its own. It
  /// begins when it has been issued and the one before it is done.
  Seconds add(Kind kind, std::int64_t launches, Seconds time);

 private:
  const HostIssue& host_;
  Seconds issued_, done_;  // the last kernel
};

}  // namespace rehearse
