// Clusters whose nodes are of several types: numbers, links, routes, and what collectives over them are held up by.
#include <doctest/doctest.h>

#include <array>
#include <set>

#include "tests/support/cluster_text.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/relative.hpp"
#include "topologies/topology.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

using Names = std::vector<std::string>;

Names names(const Cluster& cluster, const std::vector<LinkId>& route) {
  Names out;
  for (const LinkId id : route) out.push_back(cluster.links()[index(id)].name);
  return out;
}

const Link& link_named(const Cluster& cluster, const std::string& name) {
  const auto found = std::ranges::find(cluster.links(), name, &Link::name);
  REQUIRE_MESSAGE(found != cluster.links().end(), name);
  return *found;
}

/// Two small A100 nodes (2 GPUs, 2 NICs), then two small H100 nodes (4 GPUs, 2 NICs): GPUs 0-1, 2-3, 4-7, 8-11.
const std::string small_a100 = "{node: {base: dgx-a100, gpus: 2, nic: {count: 2}}, nodes: 2}",
                  small_h100 = "{node: {base: dgx-h100, gpus: 4, nic: {count: 2}}, nodes: 2}";

Cluster mixed(const std::string& fabric) {
  return cluster_of("{groups: [" + small_a100 + ", " + small_h100 + "], fabric: {" + fabric + "}}");
}

/// First GPU, GPUs and first NIC of each of those nodes, each of which has two NICs.
constexpr std::array<std::array<std::uint32_t, 3>, 4> small_nodes{{{0, 2, 0}, {2, 2, 2}, {4, 4, 4}, {8, 4, 6}}};

std::uint32_t nic_of(std::uint32_t gpu) {
  for (const auto& [first, gpus, nic] : small_nodes)
    if (gpu < first + gpus) return nic + (gpu - first) * 2 / gpus;
  return 0;
}

/// Whether the fabric's part of a route leads from NIC to NIC.
bool joins(const Cluster& cluster, const std::vector<LinkId>& route, std::uint32_t from, std::uint32_t to) {
  const Topology& fabric = *cluster.fabric();
  const std::size_t first = cluster.links().size() - fabric.edges.size();
  std::size_t at = fabric.endpoints[nic_of(from)];
  for (const LinkId id : route) {
    if (index(id) < first) continue;
    const TopologyEdge& edge = fabric.edges[index(id) - first];
    if (boost::source(edge, fabric.graph) != at) return false;
    at = boost::target(edge, fabric.graph);
  }
  return at == std::size_t{fabric.endpoints[nic_of(to)]};
}

/// Same links, and the same routes between all GPUs.
void check_same(const Cluster& a, const Cluster& b) {
  REQUIRE(a.gpu_count() == b.gpu_count());
  REQUIRE(a.links().size() == b.links().size());
  for (std::size_t l = 0; l < a.links().size(); ++l) {
    CAPTURE(a.links()[l].name);
    CHECK(a.links()[l].name == b.links()[l].name);
    CHECK(a.links()[l].bandwidth == b.links()[l].bandwidth);
    CHECK(a.links()[l].latency == b.links()[l].latency);
    CHECK(a.links()[l].kind == b.links()[l].kind);
  }
  for (std::uint32_t from = 0; from < a.gpu_count(); ++from)
    for (std::uint32_t to = 0; to < a.gpu_count(); ++to) CHECK(a.route(from, to) == b.route(from, to));
}

std::string resolve_faults(const std::string& yaml) {
  return faults_of([&] { resolve_cluster(parse_yaml(yaml, "test.yaml"), "cluster"); });
}

}  // namespace

TEST_CASE("mixed: nodes, GPUs and NICs are numbered group by group") {
  const Cluster c = mixed("topology: switch");
  CHECK(c.node_count() == 4);
  CHECK(c.gpu_count() == 12);
  for (std::uint32_t node = 0; node < 4; ++node) {
    const auto& [first, gpus, nic] = small_nodes[node];
    CHECK(c.first_gpu(node) == first);
    CHECK(c.node(node).gpus == gpus);
    CHECK(c.node(node).name == (node < 2 ? "dgx-a100" : "dgx-h100"));
    for (std::uint32_t gpu = first; gpu < first + gpus; ++gpu) {
      CHECK(c.node_of(gpu) == node);
      CHECK(c.group_number(gpu) == node / 2);
      CHECK(c.device(gpu).name == (node < 2 ? "a100-80gb-sxm" : "h100-80gb-sxm"));
    }
  }
  REQUIRE(c.groups().size() == 2);
  CHECK(c.groups()[1].first_node == 2);
  CHECK(c.groups()[1].first_gpu == 4);
  CHECK(c.groups()[1].first_nic == 4);
  CHECK(c.fabric()->endpoints.size() == 8);
}

TEST_CASE("mixed: links have the names of their nodes, and each its own") {
  const Cluster c = mixed("topology: switch");
  CHECK(c.links().size() == 2 * (2 * 4) + 2 * (4 * 4) + 2 * 8 + 4);  // NVLink and PCIe up and down; ports; hosts
  std::set<std::string> unique;
  for (const Link& link : c.links()) unique.insert(link.name);
  CHECK(unique.size() == c.links().size());
  for (const char* name : {"node1/gpu1/nvlink/up", "node2/gpu3/pcie/down", "node3/gpu0/nvlink/down", "node3/nic1/up"})
    link_named(c, name);
  CHECK(names(c, c.route(0, 1)) == Names{"node0/gpu0/nvlink/up", "node0/gpu1/nvlink/down"});
  CHECK(names(c, c.route(11, 9)) == Names{"node3/gpu3/nvlink/up", "node3/gpu1/nvlink/down"});
  CHECK(names(c, c.route(1, 10)) ==
        Names{"node0/gpu1/pcie/up", "node0/nic1/up", "node3/nic1/down", "node3/gpu2/pcie/down"});
  CHECK(names(c, c.route(9, 2)) ==
        Names{"node3/gpu1/pcie/up", "node3/nic0/up", "node1/nic0/down", "node1/gpu0/pcie/down"});
}

TEST_CASE("mixed: links are as fast as their node type has them, ports as their NICs") {
  for (const char* fabric : {"topology: switch", "topology: fat_tree, radix: 4"}) {
    CAPTURE(fabric);
    const Cluster c = mixed(fabric);
    for (const char* direction : {"up", "down"})
      for (std::uint32_t n = 0; n < 4; ++n) {
        const Node& node = c.node(n);
        const std::string of = "node" + std::to_string(n);
        const Link& port = link_named(c, of + "/nic1/" + direction);
        CHECK(port.bandwidth.value() == relative((n < 2 ? 25e9 : 50e9) * node.nic_efficiency, 1e-12));
        CHECK(port.kind == LinkKind::nic);
        CHECK(link_named(c, of + "/gpu0/nvlink/" + direction).bandwidth.value() ==
              relative((n < 2 ? 300e9 : 450e9) * node.gpu_efficiency, 1e-12));
        CHECK(link_named(c, of + "/gpu1/pcie/" + direction).bandwidth == node.pcie_bandwidth * node.pcie_efficiency);
      }
  }
  // Between switches: made for the faster NIC. Leaf 1 has the A100s' other NICs, leaf 3 H100s' only.
  const Cluster tree = mixed("topology: fat_tree, radix: 4");
  CHECK(link_named(tree, "fabric/leaf0->spine0").bandwidth.value() ==
        relative(50e9 * tree.node(2).nic_efficiency, 1e-12));
}

TEST_CASE("mixed: a port's latency is its NIC's, unless the fabric says it") {
  const std::string groups =
      "groups: [{node: {base: dgx-a100, nic: {latency: 2 us}}, nodes: 1}, {node: dgx-h100, nodes: 1}]";
  const Cluster c = cluster_of("{" + groups + ", fabric: {topology: switch}}");
  CHECK(link_named(c, "node0/nic3/up").latency == Seconds(2e-6));
  CHECK(link_named(c, "node1/nic3/up").latency == c.node(1).nic_latency);
  const Cluster said = cluster_of("{" + groups + ", fabric: {topology: switch, latency: 100 ns}}");
  for (const char* name : {"node0/nic3/up", "node1/nic3/up"}) CHECK(link_named(said, name).latency == Seconds(1e-7));
}

TEST_CASE("mixed: routes of every pair walk from the one's NIC to the other's") {
  for (const char* fabric :
       {"topology: switch", "topology: fat_tree, radix: 4", "topology: ring", "topology: torus, dimensions: [2, 4]",
        "topology: fat_tree, radix: 6, oversubscription: 2"}) {
    CAPTURE(fabric);
    const Cluster c = mixed(fabric);
    for (std::uint32_t a = 0; a < c.gpu_count(); ++a)
      for (std::uint32_t b = 0; b < c.gpu_count(); ++b) {
        CAPTURE(a);
        CAPTURE(b);
        const std::vector<LinkId> route = c.route(a, b);
        if (a == b) {
          CHECK(route.empty());
        } else if (c.node_of(a) == c.node_of(b)) {
          CHECK(route.size() == 2);
          for (const LinkId id : route) CHECK(c.links()[index(id)].kind == LinkKind::nvlink);
        } else {
          const Names walk = names(c, route);
          CHECK(walk.front() == "node" + std::to_string(c.node_of(a)) + "/gpu" +
                                    std::to_string(a - c.first_gpu(c.node_of(a))) + "/pcie/up");
          CHECK(walk.back() == "node" + std::to_string(c.node_of(b)) + "/gpu" +
                                   std::to_string(b - c.first_gpu(c.node_of(b))) + "/pcie/down");
          CHECK(joins(c, route, a, b));
        }
      }
  }
}

TEST_CASE("mixed: the way to the switch of a node is found by node type") {
  const Cluster c =
      cluster_of("{groups: [{node: torus-node, nodes: 2}, {node: dgx-h100, nodes: 1}], fabric: {topology: switch}}");
  CHECK(c.route_to_switch(0).empty());
  CHECK(c.route_from_switch(1).empty());
  CHECK(names(c, c.route_to_switch(2)) == Names{"node2/gpu0/nvlink/up"});
  CHECK(names(c, c.route_from_switch(9)) == Names{"node2/gpu7/nvlink/down"});
  CHECK(names(c, c.route(0, 3)) == Names{"node0/nic0/up", "node2/nic1/down", "node2/gpu1/pcie/down"});
}

TEST_CASE("mixed: one type is the same cluster however it is written") {
  for (const std::string fabric :
       {"topology: switch", "topology: fat_tree, radix: 8", "topology: fat_tree, oversubscription: 2",
        "topology: fat_tree, bandwidth: 50 GB/s, latency: 2 us", "topology: ring",
        "topology: torus, dimensions: [3, 8], bandwidth: [10 GB/s, 80 GB/s]"}) {
    CAPTURE(fabric);
    const std::string tail = "], fabric: {" + fabric + "}}";
    const Cluster plain = cluster_of("{node: dgx-a100, nodes: 3, fabric: {" + fabric + "}}");
    check_same(cluster_of("{groups: [{node: dgx-a100, nodes: 3}" + tail), plain);
    check_same(cluster_of("{groups: [{node: dgx-a100, nodes: 1}, {node: dgx-a100, nodes: 2}" + tail), plain);
  }
}

TEST_CASE("mixed: what is slowest of several node types") {
  const auto profile = [](double start, double chunk, ProtocolCost inside, std::optional<ProtocolCost> between) {
    return ProtocolProfile{Seconds(start), Bytes(static_cast<std::int64_t>(chunk)), inside, between};
  };
  Node a, b;
  a.name = "a", b.name = "b";
  a.collective_launch = Seconds(1), b.collective_launch = Seconds(2);
  a.collective_copy = BytesPerSecond(50), b.collective_copy = BytesPerSecond(40);
  a.protocols[Protocol::ll] = profile(1, 10, {Seconds(1), 0.5}, std::nullopt);
  a.protocols[Protocol::simple] = profile(3, 40, {Seconds(2), 0.9}, ProtocolCost{Seconds(5), 0.8});
  b.protocols[Protocol::ll] = profile(2, 20, {Seconds(3), 0.4}, ProtocolCost{Seconds(6), 1});
  b.protocols[Protocol::simple] = profile(2, 30, {Seconds(4), 1.0}, ProtocolCost{Seconds(7), 0.7});
  b.protocols[Protocol::ll128] = profile(1, 10, {Seconds(1), 1.0}, std::nullopt);
  a.computing_switch = SwitchProfile{BytesPerSecond(100), Seconds(1)};
  b.computing_switch = SwitchProfile{BytesPerSecond(90), Seconds(0.5)};

  for (const std::vector<const Node*>& types : {std::vector<const Node*>{&a, &b}, {&b, &a}, {&a, &b, &a}}) {
    const Node s = slowest_of(types);
    CHECK(s.collective_launch == Seconds(2));
    CHECK(s.collective_copy == BytesPerSecond(40));
    CHECK(s.protocols.size() == 2);  // those that all have
    const ProtocolProfile &ll = s.protocols.at(Protocol::ll), &simple = s.protocols.at(Protocol::simple);
    CHECK(ll.start == Seconds(2));
    CHECK(ll.chunk == Bytes(10));
    CHECK(ll.inside.latency == Seconds(3));
    CHECK(ll.inside.efficiency == 0.4);
    CHECK_FALSE(ll.between.has_value());  // a does not use it between nodes
    CHECK(simple.inside.efficiency == 0.9);
    REQUIRE(simple.between.has_value());
    CHECK(simple.between->latency == Seconds(7));
    CHECK(simple.between->efficiency == 0.7);
    REQUIRE(s.computing_switch.has_value());
    CHECK(s.computing_switch->bandwidth == BytesPerSecond(90));
    CHECK(s.computing_switch->start == Seconds(1));
  }
  CHECK(slowest_of({&a}).name == "a");
  CHECK(slowest_of({&a, &b}).name == "a and b");
  b.computing_switch.reset();
  b.collective_copy = BytesPerSecond(0);  // at no cost
  CHECK_FALSE(slowest_of({&a, &b}).computing_switch.has_value());
  CHECK(slowest_of({&b, &a}).collective_copy == BytesPerSecond(50));
}

TEST_CASE("mixed: groups laid over a cluster that has nodes") {
  const Value resolved = resolve_cluster(
      parse_yaml("{base: selene, node: null, nodes: null, groups: [" + small_a100 + ", " + small_h100 + "]}",
                 "test.yaml"),
      "cluster");
  Reader reader(resolved, "cluster");
  const Cluster c = Cluster::read(reader);
  reader.finish();
  CHECK(c.gpu_count() == 12);
  CHECK(c.device(4).name == "h100-80gb-sxm");
}

TEST_CASE("mixed: faults") {
  const std::string both = cluster_faults("{node: dgx-a100, nodes: 2, groups: [" + small_h100 + "]}");
  for (const char* key : {"`node`", "`nodes`"})
    CHECK(contains(both, std::string("test.yaml:1: groups: stands beside ") + key + "; leave out one or the other"));
  CHECK(contains(cluster_faults("{groups: []}"), "groups: expected at least one group, such as {node: dgx-h100"));
  CHECK(contains(cluster_faults("{groups: 3}"), "groups: expected a list"));
  CHECK(contains(cluster_faults("{groups: [dgx-a100]}"), "groups.0: expected a mapping"));
  CHECK(contains(cluster_faults("{groups: [{node: dgx-a100}]}"), "groups.0.nodes: missing"));
  CHECK(contains(cluster_faults("{groups: [{node: dgx-a100, nodes: 0}]}"),
                 "groups.0.nodes: expected at least 1, found 0"));
  CHECK(contains(cluster_faults("{groups: [{nodes: 2}]}"), "groups.0.node: missing"));
  CHECK(contains(cluster_faults("{groups: [" + small_a100 + ", {node: dgx-h100, nodes: 1, fabrik: 3}]}"),
                 "groups.1.fabrik: unknown key"));
  CHECK(contains(cluster_faults("{groups: [" + small_a100 + ", {node: dgx-h10, nodes: 1}]}"),
                 "test.yaml:1: groups.1.node: unknown node 'dgx-h10'; did you mean 'dgx-h100'?"));
  CHECK(contains(cluster_faults("groups:\n  - node: dgx-a100\n    nodes: 1\n  - node: single-a100\n    nodes: 1\n"),
                 "groups: the node type 'single-a100' has no NIC"));
  CHECK(contains(cluster_faults("{groups: [{node: dgx-a100, nodes: 100000}, {node: dgx-h100, nodes: 100000}]}"),
                 "groups: expected at most 1048576 GPUs in all"));
}

TEST_CASE("mixed: faults of a node inside a group name its place in the scenario") {
  CHECK(contains(resolve_faults("groups:\n  - {node: dgx-a100, nodes: 1}\n  - {node: dgx-h10, nodes: 1}\n"),
                 "test.yaml:3: cluster.groups.1.node: unknown node 'dgx-h10'; did you mean 'dgx-h100'?"));
  CHECK(contains(resolve_faults("groups:\n  - node: {base: dgx-a100, device: a100}\n    nodes: 1\n"),
                 "test.yaml:2: cluster.groups.0.node.device: unknown device 'a100'"));
}
