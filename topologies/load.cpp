#include "topologies/load.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "topologies/flat_graph.hpp"
#include "topologies/sample.hpp"

namespace rehearse {
namespace {

class Loader {
 public:
  explicit Loader(const Topology& topology) : topology_(topology), flows_(topology.edges.size(), 0.0) {}

  void add(std::uint32_t source, std::uint32_t destination) {
    for (const std::uint32_t link : topology_.route(source, destination, 0)) flows_[link] += 1;
  }
  void add(const Loader& other) {
    for (std::size_t e = 0; e < flows_.size(); ++e) flows_[e] += other.flows_[e];
  }
  void scale(double factor) {
    for (double& flows : flows_) flows *= factor;
  }
  void clear() { std::fill(flows_.begin(), flows_.end(), 0.0); }

  LoadedPattern result(std::uint64_t flows_each) const {
    LoadedPattern out;
    out.flows = flows_each;
    double least = std::numeric_limits<double>::infinity();
    for (std::uint32_t e = 0; e < flows_.size(); ++e)
      if (const double rate = topology_.link(e).bandwidth.value() / flows_[e]; rate < least) {
        least = rate;
        out.link = e;
      }
    out.most_flows = flows_[out.link];
    out.endpoint_rate = BytesPerSecond(least * static_cast<double>(flows_each));
    out.throughput = out.endpoint_rate.value() / mean_injection(topology_);
    return out;
  }

 private:
  const Topology& topology_;
  std::vector<double> flows_;
};

// Drawn again until nobody sends to itself: e tries in the mean.
std::vector<std::uint32_t> derangement(std::uint32_t n, std::uint64_t seed) {
  for (std::uint64_t draw = 0;; ++draw) {
    std::vector<std::uint32_t> to = shuffled(n, mix({seed, draw}));
    bool fine = true;
    for (std::uint32_t e = 0; e < n; ++e) fine = fine && to[e] != e;
    if (fine) return to;
  }
}

RoutedLoad load_of(const Topology& topology, const LoadLimits& limits) {
  const auto n = static_cast<std::uint32_t>(topology.endpoints.size());
  const auto most = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(limits.routes / n, 1, n - 1));
  RoutedLoad out;
  Loader all(topology), one(topology);
  for (const std::uint32_t drawn : sample(n - 1, most, limits.seed)) {
    const std::uint32_t shift = drawn + 1;
    one.clear();
    for (std::uint32_t e = 0; e < n; ++e) one.add(e, (e + shift) % n);
    const LoadedPattern pattern = one.result(1);
    if (out.shifts++ == 0 || pattern.throughput < out.worst_shift.throughput) {
      out.worst_shift = pattern;
      out.worst_shift_by = shift;
    }
    all.add(one);
  }
  all.scale(static_cast<double>(n - 1) / out.shifts);
  out.all_to_all = all.result(n - 1);
  const std::vector<std::uint32_t> to = derangement(n, limits.seed);
  one.clear();
  for (std::uint32_t e = 0; e < n; ++e) one.add(e, to[e]);
  out.permutation = one.result(1);
  return out;
}

}  // namespace

std::optional<RoutedLoad> measure_load(const Topology& topology, const LoadLimits& limits) {
  if (topology.endpoints.size() < 2 || !topology.route) return std::nullopt;
  try {
    return load_of(topology, limits);
  } catch (const NoRoute&) {
    return std::nullopt;
  }
}

}  // namespace rehearse
