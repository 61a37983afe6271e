#include "workloads/refinement.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "engine/base/mixing.hpp"

namespace rehearse {

namespace {

std::size_t distinct(std::vector<std::uint64_t> colours) {
  std::ranges::sort(colours);
  return static_cast<std::size_t>(std::unique(colours.begin(), colours.end()) - colours.begin());
}

/// A hash of many words whose order does not matter.
class Multiset {
 public:
  void add(std::uint64_t word) {
    sum_ += mix(word);
    twist_ ^= mix(word + 0x51ed270b);
    ++count_;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::uint64_t hash() const { return mix({sum_, twist_, count_}); }

 private:
  std::uint64_t sum_ = 0, twist_ = 0, count_ = 0;
};

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

/// Equal where GPUs of a kind are equally fast.
std::uint64_t pace_of(const Cluster& cluster, std::uint32_t gpu) {
  const Degradation& degradation = cluster.degradation();
  const std::uint64_t slowdown = bits(degradation.epochs.front().slowdown_of(gpu));
  return degradation.jitter.contains(gpu) ? mix({slowdown, gpu, 1}) : mix({slowdown, 0});
}

class Refiner {
 public:
  Refiner(const Communication& communication, const Cluster& cluster, const LinkParts& parts,
          const std::vector<bool>& kept)
      : communication_(communication), parts_(parts), kept_(kept) {
    const JobLayout& layout = communication.layout();
    for (std::uint32_t w = 0; w < layout.workers(); ++w)
      c_.worker.push_back(mix({layout.role_of(w), pace_of(cluster, layout.gpu_of(w))}));
    for (const CommGroup& group : communication.groups())
      c_.group.push_back(mix({group.job, static_cast<std::uint64_t>(group.kind)}));
    for (std::size_t p = 0; p < parts.link.size(); ++p) {
      const Link& link = cluster.links()[index(parts.link[p])];
      c_.part.push_back(mix({bits(link.bandwidth.value()), static_cast<std::uint64_t>(link.kind), kept[p] ? 1U : 0U}));
    }
    c_.wire.resize(communication.wires().size());
  }

  Colours run() {
    std::size_t before = 0, now = count();
    while (now > before) {
      round();
      before = now;
      now = count();
    }
    return std::move(c_);
  }

 private:
  [[nodiscard]] std::size_t count() const {
    return distinct(c_.worker) + distinct(c_.group) + distinct(c_.wire) + distinct(c_.part);
  }

  void round() {
    for (std::size_t w = 0; w < c_.wire.size(); ++w) c_.wire[w] = wire_colour(w);
    colour_groups();
    colour_parts();
    colour_workers();
  }

  [[nodiscard]] std::uint64_t wire_colour(std::size_t w) const {
    const Wire& wire = communication_.wires()[w];
    // A collective's flows start with the group; a pipeline's with what the sender does.
    std::uint64_t hash = wire.group != no_group
                             ? mix({1, c_.group[wire.group]})
                             : mix({wire.host ? 3U + static_cast<std::uint64_t>(*wire.host) : 2U,
                                    static_cast<std::uint64_t>(wire.phase), c_.worker[wire.from], c_.worker[wire.to]});
    hash = mix({hash, c_.wire[w], bits(wire.latency.value())});  // what told it from others once does so for good
    for (std::uint32_t part : parts_.route[w])
      if (kept_[part]) hash = mix({hash, c_.part[part]});
    return hash;
  }

  /// A group is what its members and its transfers are; a wire, in turn, which transfers it carries.
  void colour_groups() {
    known_flows_.clear();
    for (std::size_t g = 0; g < c_.group.size(); ++g) {
      const CommGroup& group = communication_.groups()[g];
      std::vector<std::uint64_t> wires;
      for (std::uint32_t w : group.wires) wires.push_back(c_.wire[w]);
      std::vector<Multiset> carried(wires.size());
      Multiset all;
      for (std::uint32_t member : group.members) all.add(c_.worker[member]);
      for (const auto& [spec, costs] : group.costs) {
        const ColouredFlows& flows = coloured(communication_.prepared(group, spec).graph, *costs, wires);
        // Flows of two collectives never start together, however alike they are.
        const std::uint64_t call = mix({static_cast<std::uint64_t>(spec.op), static_cast<std::uint64_t>(spec.elements),
                                        static_cast<std::uint64_t>(spec.element_bytes)});
        for (std::size_t w = 0; w < wires.size(); ++w)
          if (!flows.on_wire[w].empty()) carried[w].add(mix({call, flows.on_wire[w].hash()}));
        all.add(mix({call, flows.all.hash()}));
      }
      for (std::size_t w = 0; w < wires.size(); ++w) c_.wire[group.wires[w]] = mix({wires[w], carried[w].hash()});
      c_.group[g] = mix({group.job, static_cast<std::uint64_t>(group.kind), all.hash()});
    }
  }

  struct ColouredFlows {
    std::vector<Multiset> on_wire;  ///< colours of the flows, by the group's wire
    Multiset all;
  };

  /// Groups that share costs and are alike in their wires so far are alike in their flows.
  const ColouredFlows& coloured(const TransferGraph& graph, const FlowCosts& costs,
                                const std::vector<std::uint64_t>& wires) {
    const auto [found, fresh] = known_flows_.try_emplace({&costs, wires});
    ColouredFlows& flows = found->second;
    if (!fresh) return flows;
    const std::vector<std::uint64_t> colours = flow_colours(graph, costs, wires);
    flows.on_wire.resize(wires.size());
    for (std::size_t f = 0; f < colours.size(); ++f) {
      flows.on_wire[costs[f].wire].add(colours[f]);
      flows.all.add(colours[f]);
    }
    return flows;
  }

  void colour_parts() {
    std::vector<Multiset> crossing(c_.part.size());
    for (std::size_t w = 0; w < c_.wire.size(); ++w)
      for (std::uint32_t part : parts_.route[w]) crossing[part].add(c_.wire[w]);
    for (std::size_t p = 0; p < c_.part.size(); ++p) c_.part[p] = mix({c_.part[p], crossing[p].hash()});
  }

  void colour_workers() {
    std::vector<std::uint64_t> next(c_.worker.size());
    std::vector<Multiset> around(c_.worker.size());
    for (std::size_t w = 0; w < c_.wire.size(); ++w) {
      const Wire& wire = communication_.wires()[w];
      if (wire.group != no_group) continue;
      around[wire.from].add(mix({1, c_.wire[w]}));
      around[wire.to].add(mix({2, c_.wire[w]}));
    }
    for (std::size_t g = 0; g < c_.group.size(); ++g)
      for (std::uint32_t member : communication_.groups()[g].members) around[member].add(mix({3, c_.group[g]}));
    for (std::size_t g = 0; g < next.size(); ++g) next[g] = mix({c_.worker[g], around[g].hash()});
    c_.worker = std::move(next);
  }

  const Communication& communication_;
  const LinkParts& parts_;
  const std::vector<bool>& kept_;
  Colours c_;
  std::map<std::pair<const FlowCosts*, std::vector<std::uint64_t>>, ColouredFlows> known_flows_;  // of this round
};

}  // namespace

std::vector<std::uint64_t> flow_colours(const TransferGraph& graph, const FlowCosts& costs,
                                        const std::vector<std::uint64_t>& wire_colour) {
  std::vector<std::uint64_t> colours(graph.flows().size());
  // Turns come in the order of steps, so what a turn waits for has its colour.
  for (const GraphTurn& turn : graph.turns()) {
    Multiset waits;
    if (turn.before != GraphTurn::none)
      for (const std::uint32_t f : graph.sends(graph.turns()[turn.before])) waits.add(mix({1, colours[f]}));
    for (const std::uint32_t f : graph.awaits(turn)) waits.add(mix({2, colours[f]}));
    for (const std::uint32_t f : graph.sends(turn)) {
      const std::uint64_t wire = wire_colour[costs[f].wire];
      colours[f] =
          mix({wire, static_cast<std::uint64_t>(costs[f].bytes.value()), bits(costs[f].latency.value()), waits.hash()});
    }
  }
  return colours;
}

Colours refine(const Communication& communication, const Cluster& cluster, const LinkParts& parts,
               const std::vector<bool>& kept) {
  return Refiner(communication, cluster, parts, kept).run();
}

}  // namespace rehearse
