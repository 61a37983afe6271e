// Ways around what is down: by other links, other NICs, PCIe; never over a link that is down, whatever the topology.
#include <doctest/doctest.h>

#include <algorithm>

#include <fmt/format.h>

#include "engine/conditions.hpp"
#include "tests/support/cluster_text.hpp"
#include "tests/support/faults.hpp"
#include "topologies/topology.hpp"

namespace rehearse {
namespace {

using testing::cluster_of;
using testing::contains;

using Names = std::vector<std::string>;

Names names(const Cluster& cluster, const std::vector<LinkId>& route) {
  Names out;
  for (const LinkId id : route) out.push_back(cluster.links()[index(id)].name);
  return out;
}

/// Four nodes of two GPUs and two NICs; leaves of two NICs, two spines.
Cluster tree(const std::string& degradation, const std::string& fabric = "topology: fat_tree, radix: 4") {
  return cluster_of("{node: {base: dgx-a100, gpus: 2, nic: {count: 2}}, nodes: 4, fabric: {" + fabric +
                    "}, degradation: [" + degradation + "]}");
}

std::string cut_off(const Cluster& cluster, std::uint32_t from, std::uint32_t to) {
  try {
    static_cast<void>(cluster.route(from, to));
    return {};
  } catch (const CutOff& cut) {
    return cut.what();
  }
}

std::string down(const std::string& link) { return "{link: '" + link + "', down: true}"; }

TEST_CASE("degraded routes: over another spine, and only for those that need it") {
  const Cluster whole = tree("");
  const Names before = names(whole, whole.route(0, 4));
  REQUIRE(before.size() == 6);
  const std::string spine = before[2].substr(before[2].find("spine"));  // of "fabric/leaf0->spine0"
  const std::string other = spine == "spine0" ? "spine1" : "spine0";
  for (const std::string& degradation : {down("fabric/leaf0->" + spine), "{switch: " + spine + ", down: true}"}) {
    CAPTURE(degradation);
    const Cluster c = tree(degradation);
    Names expected = before;
    expected[2] = "fabric/leaf0->" + other, expected[3] = "fabric/" + other + "->leaf2";
    CHECK(names(c, c.route(0, 4)) == expected);
    for (std::uint32_t a = 0; a < c.gpu_count(); ++a)
      for (std::uint32_t b = 0; b < c.gpu_count(); ++b) {
        bool concerned = false;
        for (const LinkId link : whole.route(a, b))
          concerned = concerned || c.degradation().epochs.front().links.contains(link);
        CHECK((c.route(a, b) == whole.route(a, b)) == !concerned);
      }
  }
}

TEST_CASE("degraded routes: by another GPU's NIC where the own one is away") {
  for (const char* what : {"node0/nic0/up", "node0/gpu0/pcie/up"}) {
    const std::string link = what;
    CAPTURE(link);
    const Cluster c = tree(down(link));
    const Names out = names(c, c.route(0, 4)), in = names(c, c.route(4, 0));
    REQUIRE(out.size() == 8);
    CHECK(Names(out.begin(), out.begin() + 4) ==
          Names{"node0/gpu0/nvlink/up", "node0/gpu1/nvlink/down", "node0/gpu1/pcie/up", "node0/nic1/up"});
    CHECK(Names(out.end() - 2, out.end()) == Names{"node2/nic0/down", "node2/gpu0/pcie/down"});
    REQUIRE(in.size() == 10);
    // On the rail of the receiver's other NIC from the start.
    CHECK(Names(in.begin(), in.begin() + 4) ==
          Names{"node2/gpu0/nvlink/up", "node2/gpu1/nvlink/down", "node2/gpu1/pcie/up", "node2/nic1/up"});
    CHECK(Names(in.end() - 4, in.end()) ==
          Names{"node0/nic1/down", "node0/gpu1/pcie/down", "node0/gpu1/nvlink/up", "node0/gpu0/nvlink/down"});
    CHECK(c.route(1, 5) == tree("").route(1, 5));
  }
}

TEST_CASE("degraded routes: inside a node over PCIe where NVLink is cut") {
  const Cluster c = tree(down("node1/gpu0/nvlink/up"));
  CHECK(names(c, c.route(2, 3)) == Names{"node1/gpu0/pcie/up", "node1/gpu1/pcie/down"});
  CHECK(names(c, c.route(3, 2)) == Names{"node1/gpu1/pcie/up", "node1/gpu0/pcie/down"});
  CHECK(names(c, c.route(0, 1)) == Names{"node0/gpu0/nvlink/up", "node0/gpu1/nvlink/down"});
  CHECK(c.route(2, 4) == tree("").route(2, 4));
  CHECK(cut_off(tree(down("node1/gpu0/*")), 2, 3) == "there is no way from node1/gpu0 to node1/gpu1");
  const Cluster alone = cluster_of(
      "{node: {gpus: 4, device: a100-80gb-sxm, interconnect: {bandwidth: 1 GB/s, latency: 1 us}}, nodes: 1, "
      "degradation: [{link: 'node0/gpu2/nvlink/*', down: true}]}");
  CHECK(cut_off(alone, 0, 2) == "there is no way from node0/gpu0 to node0/gpu2");
  CHECK(cut_off(alone, 0, 1).empty());
}

TEST_CASE("degraded routes: where nothing is left they are cut off") {
  const Cluster nics = tree("{link: 'node0/nic*', down: true}");
  CHECK(cut_off(nics, 0, 5) == "there is no way from node0/gpu0 to node2/gpu1");
  CHECK(cut_off(nics, 5, 1) == "there is no way from node2/gpu1 to node0/gpu1");
  CHECK(cut_off(nics, 0, 1).empty());
  const Cluster spines = tree("{switch: 'spine*', down: true}");
  CHECK(cut_off(spines, 0, 2) == "there is no way from node0/gpu0 to node1/gpu0");
  const Cluster node = tree("{node: 3, down: true, from: 1 s}");
  CHECK(cut_off(node, 0, 6).empty());
  CHECK_THROWS_AS(static_cast<void>(node.route(0, 6, 0, 1)), CutOff);
  CHECK(node.route(0, 4, 0, 1) == node.route(0, 4));
}

TEST_CASE("rails without spines: flows between rails go by the GPU on the receiver's rail") {
  const Cluster c = tree("", "topology: rail_optimized, spine: false");
  CHECK(names(c, c.route(0, 2)) ==
        Names{"node0/gpu0/pcie/up", "node0/nic0/up", "node1/nic0/down", "node1/gpu0/pcie/down"});
  CHECK(names(c, c.route(0, 3)) == Names{"node0/gpu0/nvlink/up", "node0/gpu1/nvlink/down", "node0/gpu1/pcie/up",
                                         "node0/nic1/up", "node1/nic1/down", "node1/gpu1/pcie/down"});
  // The receiver's NIC is away: over the rail of the other one.
  const Cluster cut = tree(down("node1/nic1/up"), "topology: rail_optimized, spine: false");
  CHECK(names(cut, cut.route(0, 3)) == Names{"node0/gpu0/pcie/up", "node0/nic0/up", "node1/nic0/down",
                                             "node1/gpu0/pcie/down", "node1/gpu0/nvlink/up", "node1/gpu1/nvlink/down"});
}

/// Follows a route of a cluster of one node type from GPU to GPU; what breaks it, or nothing.
class Walk {
 public:
  explicit Walk(const Cluster& cluster)
      : c_(cluster),
        inside_(cluster.inside(0)),
        fabric_(*cluster.fabric()),
        first_between_(cluster.links().size() - fabric_.edges.size()),
        per_node_(first_between_ / cluster.node_count()),
        inside_edges_(inside_ == nullptr ? 0 : inside_->edges.size()) {}

  bool joins(const std::vector<LinkId>& route, std::uint32_t from, std::uint32_t to) const {
    std::vector<Spot> at = of_gpu(from);
    for (const LinkId link : route) {
      const auto both = ends(index(link));
      const std::vector<Spot>& tails = both.first;
      if (std::ranges::none_of(at, [&](const Spot& s) { return std::ranges::find(tails, s) != tails.end(); }))
        return false;
      at = both.second;
    }
    const std::vector<Spot> goal = of_gpu(to);
    return std::ranges::any_of(at, [&](const Spot& s) { return std::ranges::find(goal, s) != goal.end(); });
  }

 private:
  /// A vertex of a node's own network, or of the fabric (no_index), or the node's PCIe.
  struct Spot {
    std::uint32_t node;
    bool pcie;
    std::size_t vertex;
    bool operator==(const Spot&) const = default;
  };
  static constexpr std::uint32_t fabric = no_index;

  [[nodiscard]] Spot nic_of(std::uint32_t gpu) const {
    const Node& node = c_.node(0);
    const std::uint32_t own = gpu % node.gpus * node.nics / node.gpus;
    return {fabric, false, fabric_.endpoints[gpu / node.gpus * node.nics + own]};
  }
  /// A GPU as a place; without PCIe its NIC is the same place.
  [[nodiscard]] std::vector<Spot> of_gpu(std::uint32_t gpu) const {
    const std::uint32_t node = c_.node_of(gpu), own = gpu - c_.first_gpu(node);
    std::vector<Spot> out{{node, false, inside_ == nullptr ? own : std::size_t{inside_->endpoints[own]}}};
    if (per_node_ == inside_edges_) out.push_back(nic_of(gpu));
    return out;
  }
  /// Where a link begins and where it ends; links up to PCIe end at the NIC, or at the PCIe of the node.
  [[nodiscard]] std::pair<std::vector<Spot>, std::vector<Spot>> ends(std::size_t link) const {
    if (link >= first_between_) return of_edge(fabric_, link - first_between_, fabric);
    const auto node = static_cast<std::uint32_t>(link / per_node_);
    const std::size_t own = link % per_node_;
    if (own < inside_edges_) return of_edge(*inside_, own, node);
    const auto gpu = static_cast<std::uint32_t>(c_.first_gpu(node) + (own - inside_edges_) / 2);
    const std::vector<Spot> below = of_gpu(gpu), above{nic_of(gpu), {node, true, 0}};
    return (own - inside_edges_) % 2 == 0 ? std::pair(below, above) : std::pair(above, below);
  }
  static std::pair<std::vector<Spot>, std::vector<Spot>> of_edge(const Topology& t, std::size_t edge,
                                                                 std::uint32_t node) {
    const auto vertex = [&](auto v) { return std::vector<Spot>{{node, false, std::size_t{v}}}; };
    return {vertex(boost::source(t.edges[edge], t.graph)), vertex(boost::target(t.edges[edge], t.graph))};
  }

  const Cluster& c_;
  const Topology* inside_;
  const Topology& fabric_;
  std::size_t first_between_, per_node_, inside_edges_;
};

const std::string pair_node = "{base: dgx-a100, gpus: 2, nic: {count: 2}}";
const std::string quad_node = "{base: dgx-h100, gpus: 4, nic: {count: 2}}";

struct Built {
  std::string node;
  int nodes;
  std::string fabric;
};
const std::vector<Built> topologies{
    {pair_node, 8, "topology: fat_tree, radix: 8"},
    {quad_node, 6, "topology: fat_tree, radix: 8, oversubscription: 2, routing: ecmp, seed: 2"},
    {pair_node, 8, "topology: fat_tree, levels: 3, radix: 4, routing: adaptive"},
    {pair_node, 4, "topology: switch"},
    {"torus-node", 16, "topology: torus, dimensions: [4, 4]"},
    {"torus-node", 12, "topology: torus, dimensions: [2, 3, 2], routing: round_robin"},
    {pair_node, 9, "topology: dragonfly"},
    {pair_node, 9, "topology: dragonfly, routing: ugal"},
    {quad_node, 5, "topology: rail_optimized"},
    {pair_node, 6, "topology: rail_optimized, spine: false"},
};

TEST_CASE("degraded routes: in every epoch from GPU to GPU, over links that are up") {
  for (const Built& of : topologies) {
    CAPTURE(of.fabric);
    const std::string head = fmt::format("{{node: {}, nodes: {}, fabric: {{{}}}", of.node, of.nodes, of.fabric);
    const Cluster whole = cluster_of(head + "}");
    std::size_t moved = 0, cut = 0, up = 0;
    for (const char* share : {"0.05", "0.2"}) {
      const Cluster c = cluster_of(fmt::format(
          "{}, degradation: [{{link: '*', share: {}, seed: 1, down: true, until: 2 s}}, {{link: '*', share: {}, "
          "seed: 2, down: true, from: 1 s}}, {{link: '*', share: 0.2, seed: 3, bandwidth: 0.5}}]}}",
          head, share, share));
      const Walk walk(c);
      const LiveStart idle{3, [](LinkId link) { return static_cast<std::uint32_t>(index(link) % 3); }};
      REQUIRE(c.degradation().epochs.size() == 3);
      for (std::size_t epoch = 0; epoch < 3; ++epoch)
        for (std::uint32_t a = 0; a < c.gpu_count(); ++a)
          for (std::uint32_t b = 0; b < c.gpu_count(); ++b) {
            if (a == b) continue;
            const LiveStart* start = c.live(a, b) ? &idle : nullptr;
            try {
              const std::vector<LinkId> route = c.route(a, b, 1, epoch, start);
              ++up;
              moved += route == whole.route(a, b, 1, 0, start) ? 0U : 1U;
              bool holds = walk.joins(route, a, b);
              for (const LinkId link : route) holds = holds && c.bandwidth(link, epoch) > BytesPerSecond(0);
              if (!holds) FAIL_CHECK("epoch ", epoch, ": ", a, " to ", b, " by ", fmt::format("{}", route.size()));
            } catch (const CutOff&) {
              ++cut;
            }
          }
    }
    CHECK(moved > 0);
    CHECK(up > cut);
  }
  // The walk finds what is none.
  const Cluster c = tree("");
  const std::vector<LinkId> route = c.route(0, 4);
  CHECK(Walk(c).joins(route, 0, 4));
  CHECK_FALSE(Walk(c).joins(route, 1, 4));
  CHECK_FALSE(Walk(c).joins(route, 0, 5));
  CHECK_FALSE(Walk(c).joins({route.begin() + 1, route.end()}, 0, 4));
}

}  // namespace
}  // namespace rehearse
