// Clusters: links and routes of node types and fabrics, catalogue entries, faults.
#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "platforms/catalogue.hpp"
#include "tests/support/cluster_text.hpp"
#include "topologies/topology.hpp"

namespace rehearse {
namespace {

using testing::cluster_faults;
using testing::cluster_of;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::string> names(const Cluster& cluster, const std::vector<LinkId>& route) {
  std::vector<std::string> out;
  for (const LinkId id : route) out.push_back(cluster.links()[index(id)].name);
  return out;
}

std::vector<LinkKind> kinds(const Cluster& cluster, const std::vector<LinkId>& route) {
  std::vector<LinkKind> out;
  for (const LinkId id : route) out.push_back(cluster.links()[index(id)].kind);
  return out;
}

using Names = std::vector<std::string>;
using Kinds = std::vector<LinkKind>;

// The fabric's part of a route is a walk between the right NICs.
bool joins(const Cluster& cluster, const std::vector<LinkId>& route, std::uint32_t from, std::uint32_t to) {
  const Topology& fabric = *cluster.fabric();
  const auto first = cluster.links().size() - fabric.edges.size();
  const auto vertex = [&](std::uint32_t gpu) {
    const Node& node = cluster.node(0);
    return std::size_t{fabric.endpoints[gpu / node.gpus * node.nics + gpu % node.gpus * node.nics / node.gpus]};
  };
  std::size_t at = vertex(from);
  for (const LinkId id : route) {
    if (index(id) < first) continue;
    const TopologyEdge& edge = fabric.edges[index(id) - first];
    if (boost::source(edge, fabric.graph) != at) return false;
    at = boost::target(edge, fabric.graph);
  }
  return at == vertex(to);
}

TEST_CASE("cluster: one DGX is a crossbar of NVLinks") {
  const Cluster c = cluster_of("{node: dgx-a100, nodes: 1}");
  CHECK(c.gpu_count() == 8);
  CHECK(c.node(0).name == "dgx-a100");
  CHECK(c.node(0).device_name == "a100-80gb-sxm");
  CHECK(c.device(0).name == "a100-80gb-sxm");
  CHECK(c.fabric() == nullptr);
  CHECK(c.links().size() == 8 * 4 + 1);
  CHECK(c.route(3, 3).empty());
  CHECK(names(c, c.route(0, 7)) == Names{"node0/gpu0/nvlink/up", "node0/gpu7/nvlink/down"});
  CHECK(kinds(c, c.route(0, 7)) == Kinds{LinkKind::nvlink, LinkKind::nvlink});
  const Link& link = c.links()[index(c.route(0, 7)[0])];
  CHECK(link.bandwidth.value() == doctest::Approx(300e9 * c.node(0).gpu_efficiency));
  CHECK(link.latency == c.node(0).gpu_latency);
}

TEST_CASE("cluster: routes of every pair of a few DGX nodes") {
  const Cluster c = cluster_of("{node: dgx-a100, nodes: 3, fabric: {topology: fat_tree, radix: 12}}");
  // 24 NICs below leaves of 6: 4 leaves, 6 spines.
  CHECK(c.links().size() == 3 * (8 * 4 + 1) + 2 * (24 + 4 * 6));
  std::set<std::string> unique;
  for (const Link& link : c.links()) unique.insert(link.name);
  CHECK(unique.size() == c.links().size());

  for (std::uint32_t a = 0; a < c.gpu_count(); ++a)
    for (std::uint32_t b = 0; b < c.gpu_count(); ++b) {
      CAPTURE(a);
      CAPTURE(b);
      const std::vector<LinkId> route = c.route(a, b);
      const Kinds k = kinds(c, route);
      if (a == b) {
        CHECK(k.empty());
      } else if (c.node_of(a) == c.node_of(b)) {
        CHECK(k == Kinds{LinkKind::nvlink, LinkKind::nvlink});
      } else if (a / 6 == b / 6) {
        CHECK(k == Kinds{LinkKind::pcie, LinkKind::nic, LinkKind::nic, LinkKind::pcie});
        CHECK(joins(c, route, a, b));
      } else {
        CHECK(k ==
              Kinds{LinkKind::pcie, LinkKind::nic, LinkKind::fabric, LinkKind::fabric, LinkKind::nic, LinkKind::pcie});
        CHECK(joins(c, route, a, b));
      }
    }
  CHECK(names(c, c.route(0, 8)) == Names{"node0/gpu0/pcie/up", "node0/nic0/up", "fabric/leaf0->spine2",
                                         "fabric/spine2->leaf1", "node1/nic0/down", "node1/gpu0/pcie/down"});
  for (const LinkId id : c.route(0, 8)) {
    const Link& link = c.links()[index(id)];
    if (link.kind != LinkKind::pcie) CHECK(link.bandwidth.value() == doctest::Approx(25e9 * c.node(0).nic_efficiency));
  }
}

TEST_CASE("cluster: GPUs share NICs, and a node without an interconnect talks over PCIe") {
  const Cluster c = cluster_of("{node: {base: dgx-a100, nic: {count: 2}}, nodes: 2, fabric: {topology: switch}}");
  CHECK(c.node(0).name == "dgx-a100");
  CHECK(c.links().size() == 2 * (8 * 4 + 1) + 2 * 4);
  CHECK(names(c, c.route(3, 12)) ==
        Names{"node0/gpu3/pcie/up", "node0/nic0/up", "node1/nic1/down", "node1/gpu4/pcie/down"});
  CHECK(names(c, c.route(4, 11))[1] == "node0/nic1/up");

  const Cluster p = cluster_of(
      "{node: {gpus: 4, device: a100-80gb-sxm, pcie: {bandwidth: 25 GB/s, efficiency: 0.8, latency: 1 us}}, nodes: 1}");
  CHECK(p.node(0).name == "custom");
  CHECK(p.links().size() == 8);
  CHECK(names(p, p.route(1, 2)) == Names{"node0/gpu1/pcie/up", "node0/gpu2/pcie/down"});
  CHECK(p.links().front().bandwidth.value() == doctest::Approx(20e9));
}

TEST_CASE("cluster: any topology inside a node") {
  const std::string keys = "bandwidth: 100 GB/s, latency: 1 us}}, nodes: 1}";
  const std::string node = "{node: {gpus: 8, device: a100-80gb-sxm, interconnect: {topology: ";
  const Cluster ring = cluster_of(node + "ring, " + keys);
  CHECK(ring.links().size() == 16);
  CHECK(names(ring, ring.route(7, 1)) == Names{"node0/gpu7->node0/gpu0", "node0/gpu0->node0/gpu1"});
  const Cluster cube = cluster_of(node + "torus, dimensions: [2, 2, 2], " + keys);
  CHECK(cube.links().size() == 24);
  CHECK(kinds(cube, cube.route(0, 7)) == Kinds{LinkKind::nvlink, LinkKind::nvlink, LinkKind::nvlink});
  const Cluster tree = cluster_of(node + "fat_tree, radix: 4, " + keys);
  CHECK(names(tree, tree.route(0, 7)) == Names{"node0/gpu0/nvlink/up", "node0/nvlink/leaf0->spine1",
                                               "node0/nvlink/spine1->leaf3", "node0/gpu7/nvlink/down"});
}

TEST_CASE("cluster: devices on a torus, without PCIe") {
  const Cluster c = cluster_of("{node: torus-node, nodes: 64, fabric: {topology: torus, dimensions: [4, 4, 4]}}");
  CHECK(c.gpu_count() == 64);
  CHECK(c.links().size() == 2 * 3 * 64);
  CHECK(names(c, c.route(0, 5)) == Names{"node0/nic0->node1/nic0", "node1/nic0->node5/nic0"});
  for (std::uint32_t b = 1; b < 64; ++b) {
    const std::vector<LinkId> route = c.route(0, b);
    CHECK(joins(c, route, 0, b));
    for (const LinkKind kind : kinds(c, route)) CHECK(kind == LinkKind::nic);
  }
  for (const Link& link : c.links()) CHECK(link.bandwidth == BytesPerSecond(50e9));
}

TEST_CASE("cluster: ECMP tells flows apart") {
  const Cluster c = cluster_of("{node: dgx-a100, nodes: 4, fabric: {topology: fat_tree, radix: 12, routing: ecmp}}");
  std::set<std::vector<LinkId>> routes;
  for (std::uint64_t flow = 0; flow < 100; ++flow) {
    routes.insert(c.route(0, 31, flow));
    CHECK(c.route(0, 31, flow) == c.route(0, 31, flow));
  }
  CHECK(routes.size() == 6);
}

TEST_CASE("cluster: every entry of the catalogues builds, resolved beforehand or not") {
  for (const CatalogueEntry& entry : list_catalogue("nodes")) {
    CAPTURE(entry.name);
    const Cluster c = cluster_of("{node: " + entry.name + ", nodes: 1}");
    CHECK(c.node(0).name == entry.name);
    CHECK(c.gpu_count() >= 1);
  }
  for (const CatalogueEntry& entry : list_catalogue("clusters")) {
    CAPTURE(entry.name);
    Reader reader(resolve_cluster(parse_yaml("{base: " + entry.name + "}", "test.yaml"), "cluster"), "cluster");
    const Cluster c = Cluster::read(reader);
    reader.finish();
    CHECK(c.node_count() > 1);
    const std::vector<LinkId> route = c.route(0, c.gpu_count() - 1);
    CHECK(joins(c, route, 0, c.gpu_count() - 1));
  }
}

TEST_CASE("cluster: 384 DGX A100 build in under a second") {
  const auto begin = std::chrono::steady_clock::now();
  const Cluster c = cluster_of("{node: dgx-a100, nodes: 384, fabric: {topology: fat_tree, levels: 3, radix: 40}}");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  CHECK(took.count() < 1.0);
  CHECK(c.gpu_count() == 3072);
  CHECK(c.links().size() == 3072 * 4 + 384 + c.fabric()->edges.size());
  CHECK(c.route(0, 3071).size() == 8);
}

TEST_CASE("cluster: the default fabric, and one that a single node leaves aside") {
  CHECK(cluster_of("{node: dgx-a100, nodes: 2}").fabric() != nullptr);
  CHECK(contains(names(cluster_of("{node: dgx-a100, nodes: 16, fabric: {oversubscription: 2}}"),
                       cluster_of("{node: dgx-a100, nodes: 16, fabric: {oversubscription: 2}}").route(0, 127))[2],
                 "fabric/leaf0->spine"));
  CHECK(cluster_of("{node: dgx-a100, nodes: 1, fabric: {topology: torus, dimensions: [4, 4]}}").links().size() == 33);
}

TEST_CASE("cluster: faults, all together, each with its place") {
  CHECK(contains(cluster_faults("{node: dgx-a100, nodes: 0}"), "nodes: expected at least 1, found 0"));
  CHECK(contains(cluster_faults("{node: dgx-a100, nodes: -2}"), "nodes: expected at least 1, found -2"));
  CHECK(contains(cluster_faults("{node: dgx-a100, nodes: 1000000}"), "nodes: expected at most"));
  CHECK(contains(cluster_faults("{nodes: 2}"), "node: missing"));
  CHECK(contains(cluster_faults("{node: dgx-a10O, nodes: 2}"),
                 "test.yaml:1: node: unknown node 'dgx-a10O'; did you mean"));
  CHECK(contains(cluster_faults("{node: single-a100, nodes: 2}"), "'single-a100' has no NIC"));
  CHECK(contains(cluster_faults("{node: dgx-a100, nodes: 4, fabric: {topology: moebius}}"),
                 "fabric.topology: unknown topology"));
  CHECK(contains(cluster_faults("{node: dgx-a100, nodes: 4, fabric: {topology: torus, dimensions: [3, 4]}}"),
                 "fabric.dimensions: the dimensions hold 12 endpoints, but 32"));
  CHECK(contains(cluster_faults("{node: dgx-a100, nodes: 4, fabrik: {}}"), "did you mean 'fabric'"));

  const std::string node =
      cluster_faults("node:\n  base: dgx-a100\n  gpus: 0\n  nic: {efficiency: 1.5}\n  pci: 3\nnodes: 0\n");
  CHECK(contains(node, "test.yaml:3: node.gpus: expected at least 1, found 0"));
  CHECK(contains(node, "node.nic.efficiency: expected at most 1"));
  CHECK_FALSE(contains(node, "node.nic.count"));
  CHECK(contains(node, "did you mean 'pcie'"));
  CHECK(contains(node, "nodes: expected at least 1"));

  const std::string alone = cluster_faults(
      "node:\n  gpus: 4\n  device: nothing\n  interconnect: {bandwidth: 0 GB/s, latency: -1 us}\nnodes: 1\n");
  CHECK(contains(alone, "test.yaml:3: node.device: unknown device 'nothing'"));
  CHECK(contains(alone, "test.yaml:4: node.interconnect.bandwidth: expected more than zero, found '0 GB/s'\n"));
  CHECK(contains(alone, "node.interconnect.latency: expected zero or more"));
  CHECK(contains(cluster_faults("{node: {gpus: 4, device: a100-80gb-sxm}, nodes: 1}"), "need links between them"));
  CHECK(contains(cluster_faults("{node: {device: a100-80gb-sxm}, nodes: 1}"), "node.gpus: missing"));
  CHECK(contains(cluster_faults("{node: {base: dgx-a100, nic: {count: 16}}, nodes: 2}"), "joint bandwidth"));
}

}  // namespace

TEST_CASE("cluster: the ways to the memory of a node's CPUs and back") {
  const Cluster c = cluster_of("{node: dgx-a100, nodes: 2, fabric: {topology: switch}}");
  const auto names = [&](const std::vector<LinkId>& route) {
    std::vector<std::string> out;
    for (const LinkId link : route) out.push_back(c.links()[index(link)].name);
    return out;
  };
  using Names = std::vector<std::string>;
  CHECK(names(c.route_to_host(9)) == Names{"node1/gpu1/pcie/up", "node1/host/memory"});
  CHECK(names(c.route_from_host(9)) == Names{"node1/host/memory", "node1/gpu1/pcie/down"});
  const LinkId memory = c.route_to_host(9).back();
  CHECK(c.links()[index(memory)].kind == LinkKind::host);
  CHECK(c.directions(memory) == std::vector<LinkId>{memory});
  const Cluster without = cluster_of("{node: torus-node, nodes: 2, fabric: {topology: ring}}");
  CHECK(without.route_to_host(0).empty());
  CHECK(without.route_from_host(0).empty());
}

}  // namespace rehearse
