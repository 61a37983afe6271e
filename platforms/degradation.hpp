// Degradation: what of a cluster is worse than its datasheet, and from when to when.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/units.hpp"
#include "engine/network.hpp"

namespace rehearse {

class Cluster;

/// A link that is not as it should be.
struct LinkState {
  double share = 1.0;  ///< of its bandwidth; 0: it is down
  Seconds latency;     ///< added to its own
  friend auto operator<=>(const LinkState&, const LinkState&) = default;
};

/// How the cluster is from a date on, until the next epoch. What is not listed is as it should be.
struct Epoch {
  Seconds from;
  std::map<LinkId, LinkState> links;
  std::map<std::uint32_t, double> slowdown;  ///< by GPU: kernels take so many times as long
  std::set<std::uint32_t> nodes_down;

  [[nodiscard]] LinkState link(LinkId id) const;
  [[nodiscard]] double slowdown_of(std::uint32_t gpu) const;
};

/// Kernel times that vary: each is multiplied by a lognormal number of mean 1.
struct Jitter {
  double deviation = 0;  ///< relative standard deviation
  std::uint64_t seed = 0;
  /// Of a GPU's kernel by its number.
  [[nodiscard]] double factor(std::uint32_t gpu, std::uint64_t kernel) const;
  friend auto operator<=>(const Jitter&, const Jitter&) = default;
};

struct Degradation {
  std::vector<Epoch> epochs{1};            ///< the first from 0 on; ascending
  std::map<std::uint32_t, Jitter> jitter;  ///< by GPU

  /// Whether anything changes while a run goes on.
  [[nodiscard]] bool changes() const { return epochs.size() > 1; }
};

/// The list `degradation` of a cluster that is whole. Each item names what is concerned,
///   link    names of links as Cluster::links has them, with * and ? for parts of them; both directions of a cable
///   switch  names of switches of the fabric, likewise: all their links
///   node    a number, or a list of them: all links of its GPUs and NICs, and with `down` its GPUs too
///   gpu     a number, a list of them, or "*"
/// of which `share` takes that part (0..1) at random, with `seed`; how it is,
///   down       true (links, switches, nodes)
///   bandwidth  a share of what it should be, above 0, at most 1 (links, switches, nodes)
///   latency    added to that of each link (links, switches, nodes)
///   slowdown   of kernels, at least 1 (GPUs, nodes)
///   jitter     relative standard deviation of kernel times, from the start on (GPUs, nodes)
/// and when: `from` (default 0 s) and `until` (default: for good). Faults are noted.
Degradation read_degradation(Reader& list, const Cluster& cluster);

}  // namespace rehearse
