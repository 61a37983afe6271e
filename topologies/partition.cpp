#include "topologies/partition.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include "engine/base/mixing.hpp"

namespace rehearse {
namespace {

constexpr int power_steps = 300;
constexpr int most_passes = 6;

// What moving single vertices does to a cut.
class Mover {
 public:
  Mover(const FlatGraph& graph, const std::vector<std::uint32_t>& endpoints, Sides& sides)
      : graph_(graph), sides_(sides), kind_(graph.vertices(), Kind::switching), gain_(graph.vertices(), 0.0) {
    for (const std::uint32_t v : endpoints) kind_[v] = Kind::endpoint;
    half_ = endpoints.size() / 2;
    for (const std::uint32_t v : endpoints) lower_ += sides[v] == 0 ? 1U : 0U;
  }

  // One pass; what it gained.
  double pass() {
    fill();
    double total = 0, best = 0;
    std::vector<std::uint32_t> moved;
    std::size_t kept = 0;
    for (std::uint32_t v = 0; next(v);) {
      total += gain_[v];
      move(v);
      moved.push_back(v);
      if (lower_ == half_ && total > best * (1 + 1e-12)) {
        best = total;
        kept = moved.size();
      }
    }
    while (moved.size() > kept) {
      flip(moved.back());
      moved.pop_back();
    }
    return best;
  }

 private:
  enum class Kind : std::uint8_t { endpoint, switching };

  // Switches, endpoints of side 0, of side 1: those that have not moved, by gain.
  std::size_t list_of(std::uint32_t v) const { return kind_[v] == Kind::switching ? 2 : sides_[v]; }

  void fill() {
    for (auto& list : free_) list.clear();
    for (std::uint32_t v = 0; v < graph_.vertices(); ++v) {
      gain_[v] = 0;
      for (const FlatGraph::Arc& arc : graph_.out(v))
        gain_[v] += (sides_[v] == sides_[arc.to] ? -1 : 1) * graph_.capacity[arc.link];
      free_[list_of(v)].insert({-gain_[v], v});
    }
  }

  // The vertex whose move is best: an endpoint only from the fuller side, or from either where they are even.
  bool next(std::uint32_t& v) const {
    const std::pair<double, std::uint32_t>* best = nullptr;
    for (std::size_t list = 0; list < 3; ++list) {
      const bool allowed = list == 2 || (list == 0 ? lower_ >= half_ : lower_ <= half_);
      if (!allowed || free_[list].empty()) continue;
      if (best == nullptr || *free_[list].begin() < *best) best = &*free_[list].begin();
    }
    if (best != nullptr) v = best->second;
    return best != nullptr;
  }

  void flip(std::uint32_t v) {
    if (kind_[v] == Kind::endpoint) sides_[v] == 0 ? --lower_ : ++lower_;
    sides_[v] ^= 1;
  }

  void move(std::uint32_t v) {
    free_[list_of(v)].erase({-gain_[v], v});
    flip(v);
    for (const FlatGraph::Arc& arc : graph_.out(v)) {
      auto& list = free_[list_of(arc.to)];
      const bool is_free = list.erase({-gain_[arc.to], arc.to}) > 0;
      gain_[arc.to] += (sides_[v] == sides_[arc.to] ? -2 : 2) * graph_.capacity[arc.link];
      if (is_free) list.insert({-gain_[arc.to], arc.to});
    }
  }

  const FlatGraph& graph_;
  Sides& sides_;
  std::vector<Kind> kind_;
  std::vector<double> gain_;
  std::array<std::set<std::pair<double, std::uint32_t>>, 3> free_;
  std::size_t half_ = 0, lower_ = 0;
};

// Takes the mean out and scales to length one.
void normalize(std::vector<double>& x) {
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  double square = 0;
  for (double& value : x) {
    value -= mean;
    square += value * value;
  }
  for (double& value : x) value /= std::sqrt(square);
}

}  // namespace

std::vector<std::uint32_t> fiedler_order(const FlatGraph& graph, const std::vector<std::uint32_t>& endpoints) {
  std::vector<double> degree(graph.vertices(), 0.0), x(graph.vertices()), y(graph.vertices());
  for (std::size_t v = 0; v < graph.vertices(); ++v)
    for (const FlatGraph::Arc& arc : graph.out(v)) degree[v] += graph.capacity[arc.link];
  const double shift = 2 * *std::max_element(degree.begin(), degree.end());
  for (std::size_t v = 0; v < x.size(); ++v) x[v] = static_cast<double>(mix(v) >> 12);
  for (int step = 0; step < power_steps; ++step) {
    normalize(x);
    for (std::size_t v = 0; v < x.size(); ++v) {
      y[v] = (1 - degree[v] / shift) * x[v];
      for (const FlatGraph::Arc& arc : graph.out(v)) y[v] += graph.capacity[arc.link] / shift * x[arc.to];
    }
    x.swap(y);
  }
  std::vector<std::uint32_t> order(endpoints.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return x[endpoints[a]] < x[endpoints[b]]; });
  return order;
}

Sides halve(const FlatGraph& graph, const std::vector<std::uint32_t>& endpoints,
            const std::vector<std::uint32_t>& order) {
  Sides sides(graph.vertices(), 1);
  std::vector<double> pull(graph.vertices(), 0.0);  // of those placed: towards side 1 less towards side 0
  std::vector<std::uint32_t> queue;
  std::vector<bool> seen(graph.vertices(), false);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t v = endpoints[order[i]];
    sides[v] = i < order.size() / 2 ? 0 : 1;
    seen[v] = true;
    queue.push_back(v);
  }
  for (std::size_t next = 0; next < queue.size(); ++next) {
    const std::uint32_t v = queue[next];
    if (next >= order.size()) sides[v] = pull[v] < 0 ? 0 : 1;
    for (const FlatGraph::Arc& arc : graph.out(v)) {
      pull[arc.to] += (sides[v] == 0 ? -1 : 1) * graph.capacity[arc.link];
      if (!seen[arc.to]) queue.push_back(arc.to);
      seen[arc.to] = true;
    }
  }
  return sides;
}

void refine(const FlatGraph& graph, const std::vector<std::uint32_t>& endpoints, Sides& sides) {
  Mover mover(graph, endpoints, sides);
  for (int pass = 0; pass < most_passes && mover.pass() > 0; ++pass) {
  }
}

}  // namespace rehearse
