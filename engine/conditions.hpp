// Conditions: what happens to a run from outside while it goes on. Links change, flows find other ways, GPUs slow down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/network.hpp"
#include "engine/schedule.hpp"

namespace rehearse {

/// A flow that no way is left for. What it throws ends the replay, and comes out of it.
class CutOff : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Asked by a replay; what a replay is not given, does not happen. Deterministic, and as if new at each `begin`.
class Conditions {
 public:
  virtual ~Conditions() = default;

  /// A replay begins, at its time 0.
  virtual void begin() = 0;

  /// Dates, ascending and above 0, at which links change.
  [[nodiscard]] virtual const std::vector<Seconds>& dates() const = 0;
  struct LinkChange {
    LinkId link{};
    BytesPerSecond bandwidth;  ///< from now on; zero: the link is down
  };
  /// The date with this index has come. A flow under way over a link that goes down finds another way, with the bytes
  /// that it has left: `way` is asked again for the path that it was started on.
  virtual std::vector<LinkChange> change(std::size_t date) = 0;

  /// Flows under way on a link, by LinkId, those that a flow stands for counted.
  using Load = std::function<std::uint32_t(LinkId)>;
  struct Way {
    PathId path{};  ///< of the replayer's network; may have been added just now (Replayer::add_path)
    Seconds extra;  ///< latency beyond what the flow would have had on the path it asks for; may be negative
  };
  /// The way that a flow takes which is to start now on `path`. Throws CutOff.
  virtual Way way(PathId path, const Load& load) = 0;

  /// When a compute op of the rank ends that begins at `begin` and would take `duration` undisturbed.
  [[nodiscard]] virtual Seconds end_of_compute(Rank rank, Seconds begin, Seconds duration) const = 0;
  /// How much of it is done from `begin` to `end`, as the duration that it would take undisturbed.
  [[nodiscard]] virtual Seconds computed(Rank rank, Seconds begin, Seconds end) const = 0;
};

}  // namespace rehearse
