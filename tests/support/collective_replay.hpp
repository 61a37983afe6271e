// For tests of collectives: patterns replayed on an idle switch.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/replay.hpp"
#include "tests/support/forked.hpp"
#include "workloads/pattern_source.hpp"

namespace rehearse::testing {

/// One link up and one down for each rank, each with half of the latency `alpha` and the bandwidth. A message from one
/// rank to another takes both. The positions from `ranks` on are the switch itself: a message to or from one takes only
/// the rank's link up or down, a local copy none.
class IdleSwitch {
 public:
  IdleSwitch(std::uint32_t ranks, double alpha, double bandwidth) : ranks_(ranks) {
    for (std::uint32_t r = 0; r < ranks; ++r)
      for (const char* way : {"up ", "down "})
        network_.add_link({way + std::to_string(r), BytesPerSecond(bandwidth), Seconds(alpha / 2)});
    for (std::uint32_t from = 0; from <= ranks; ++from)
      for (std::uint32_t to = 0; to <= ranks; ++to) {
        std::vector<Hop> hops;
        if (from < ranks && from != to) hops.push_back({LinkId{2 * from}});
        if (to < ranks && from != to) hops.push_back({LinkId{2 * to + 1}});
        paths_.push_back(network_.add_path(std::move(hops)));
      }
  }

  [[nodiscard]] const Network& network() const { return network_; }

  /// The way of a message of a pattern of so many ranks; positions behind them are the switch. An element is a byte.
  [[nodiscard]] SourceWire wire(std::uint32_t from, std::uint32_t to, std::uint32_t ranks) const {
    const std::uint32_t source = from < ranks ? from : ranks_, destination = to < ranks ? to : ranks_;
    const PathId path = paths_[source * (ranks_ + 1) + destination];
    return {path, network_.latency(path), 1};
  }

 private:
  std::uint32_t ranks_;
  Network network_;
  std::vector<PathId> paths_;
};

/// A pattern, whether its steady stretches are long flows, and the bytes of an element.
struct CollectiveReplay {
  Pattern pattern;
  bool fluid = false;
  double element_bytes = 1;
};

/// The seconds that each takes, one after another in one child process. `wire(from, to, ranks)`: as of IdleSwitch.
template <class Wire>
std::vector<double> collective_seconds(const Network& network, Wire wire,
                                       const std::vector<CollectiveReplay>& replays) {
  return in_child([&] {
    Replayer replayer(network);
    std::vector<double> seconds;
    for (const CollectiveReplay& r : replays) {
      const auto source = pattern_source(r.pattern, r.fluid, replayer.network(),
                                         [&](std::uint32_t from, std::uint32_t to, std::uint32_t) {
                                           SourceWire way = wire(from, to, r.pattern.ranks);
                                           way.bytes_per_element *= r.element_bytes;
                                           return way;
                                         });
      seconds.push_back(replayer.replay(*source).makespan.value());
    }
    return seconds;
  });
}

inline std::vector<double> collective_seconds(const IdleSwitch& idle, const std::vector<CollectiveReplay>& replays) {
  return collective_seconds(
      idle.network(),
      [&](std::uint32_t from, std::uint32_t to, std::uint32_t ranks) { return idle.wire(from, to, ranks); }, replays);
}

}  // namespace rehearse::testing
