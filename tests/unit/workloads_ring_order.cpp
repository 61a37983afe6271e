// Rings of scattered GPUs, and groups on nodes of several types.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "tests/support/cluster_text.hpp"
#include "tests/support/dice.hpp"
#include "workloads/collective_group.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

using Ring = std::vector<std::uint32_t>;
using Rings = std::vector<Ring>;

Cluster three_nodes() { return cluster_of("{node: {base: dgx-a100, gpus: 4, nic: {count: 4}}, nodes: 3}"); }

/// How often a ring goes from one node to another.
std::size_t crossings(const CollectiveGroup& group, const Ring& ring) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < ring.size(); ++i)
    if (group.cluster().node_of(group.members()[ring[i]]) !=
        group.cluster().node_of(group.members()[ring[(i + 1) % ring.size()]]))
      ++count;
  return count;
}

}  // namespace

TEST_CASE("ring order: scattered members go node by node, a channel for each member of a node") {
  const Cluster cluster = three_nodes();
  // Nodes in the order of their first members; positions, not GPUs.
  const CollectiveGroup scattered(cluster, {8, 5, 1, 0, 4, 9});
  CHECK(scattered.nodes() == Rings{{0, 5}, {1, 4}, {2, 3}});
  CHECK(scattered.ring_channels() == Rings{{0, 5, 4, 1, 2, 3}, {5, 0, 1, 4, 3, 2}});
  const CollectiveGroup one_each(cluster, {4, 0, 8});
  CHECK(one_each.ring_channels() == Rings{{0, 1, 2}});
  const CollectiveGroup one_node(cluster, {2, 0, 3});
  CHECK(one_node.ring_channels() == Rings{{0, 1, 2}});
}

TEST_CASE("ring order: between nodes a ring stays on its rail, but once round an odd number of them") {
  for (const std::uint32_t nodes : {2u, 3u, 4u, 7u, 8u}) {
    CAPTURE(nodes);
    const Cluster cluster = testing::cluster_of("{node: dgx-a100, nodes: " + std::to_string(nodes) + "}");
    Ring members(cluster.gpu_count());
    std::iota(members.begin(), members.end(), 0U);
    const CollectiveGroup group(cluster, members);
    CHECK(group.ring_channels().size() == 8);
    for (const Ring& ring : group.ring_channels()) {
      std::uint32_t changes = 0;
      for (std::size_t i = 0; i < ring.size(); ++i) {
        const std::uint32_t from = ring[i], to = ring[(i + 1) % ring.size()];
        if (from / 8 != to / 8 && from % 8 != to % 8) ++changes;
      }
      CHECK(changes == nodes % 2);
    }
  }
}

TEST_CASE("ring order: one channel where nodes have different numbers of members") {
  const Cluster cluster = three_nodes();
  CHECK(CollectiveGroup(cluster, {0, 4, 1}).ring_channels() == Rings{{0, 2, 1}});
  CHECK(CollectiveGroup(cluster, {8, 0, 9, 4, 1, 10}).ring_channels() == Rings{{0, 2, 5, 4, 1, 3}});
}

TEST_CASE("ring order: every channel passes every member once and every node once") {
  const Cluster cluster = three_nodes();
  Dice dice(5);
  for (int draw = 0; draw < 200; ++draw) {
    std::vector<std::uint32_t> members;
    for (std::uint32_t gpu = 0; gpu < cluster.gpu_count(); ++gpu)
      if (dice.one_in(2)) members.insert(members.begin() + dice.below(std::ssize(members) + 1), gpu);
    if (members.size() < 2) continue;
    const CollectiveGroup group(cluster, members);
    std::set<Ring> unique;
    for (const Ring& ring : group.ring_channels()) {
      CHECK(std::set<std::uint32_t>(ring.begin(), ring.end()).size() == members.size());
      CHECK(ring.size() == members.size());
      CHECK(crossings(group, ring) == (group.nodes().size() > 1 ? group.nodes().size() : 0));
      CHECK(unique.insert(ring).second);
    }
    std::set<std::size_t> sizes;
    for (const auto& node : group.nodes()) sizes.insert(node.size());
    CHECK(group.ring_channels().size() == (sizes.size() == 1 && group.nodes().size() > 1 ? *sizes.begin() : 1));
  }
}

TEST_CASE("mixed groups: protocols that all members have, and what the slowest makes of them") {
  const Cluster cluster = cluster_of("{groups: [{node: dgx-a100, nodes: 1}, {node: dgx-h100, nodes: 2}]}");
  const Node &a100 = cluster.node(0), &h100 = cluster.node(1);
  REQUIRE(a100.protocols.at(Protocol::ll128).between.has_value());
  REQUIRE_FALSE(h100.protocols.at(Protocol::ll128).between.has_value());
  const CollectiveGroup both(cluster, {0, 8}), lone(cluster, {8, 16}), inside(cluster, {0, 1});
  CHECK(both.node().name == "dgx-a100 and dgx-h100");
  CHECK(both.node().collective_launch == a100.collective_launch);  // the H100's is none
  CHECK_FALSE(both.has_protocol(Protocol::ll128));
  CHECK(both.has_protocol(Protocol::simple));
  CHECK(both.has_protocol(Protocol::none));
  CHECK_FALSE(both.has_switches());
  CHECK(&lone.node() == &h100);
  CHECK(lone.has_switches());
  CHECK(&inside.node() == &a100);
  CHECK(inside.has_protocol(Protocol::ll128));
}
