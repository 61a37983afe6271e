// Degradation as it is read: what a selector names, how effects compose, epochs, faults.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include <fmt/format.h>

#include "tests/support/cluster_text.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/relative.hpp"
#include "topologies/topology.hpp"

namespace rehearse {
namespace {

using testing::cluster_faults;
using testing::cluster_of;
using testing::contains;
using testing::relative;

/// Four nodes of two GPUs and two NICs; leaves of two NICs, two spines.
std::string yaml_of(const std::string& list) {
  return "{node: {base: dgx-a100, gpus: 2, nic: {count: 2}}, nodes: 4, fabric: {topology: fat_tree, radix: 4}, "
         "degradation: [" +
         list + "]}";
}
Cluster degraded(const std::string& list) { return cluster_of(yaml_of(list)); }
std::string faults(const std::string& list) { return cluster_faults(yaml_of(list)); }

std::map<std::string, LinkState> states(const Cluster& cluster, std::size_t epoch = 0) {
  std::map<std::string, LinkState> out;
  for (const auto& [link, state] : cluster.degradation().epochs[epoch].links)
    out[cluster.links()[index(link)].name] = state;
  return out;
}

std::set<std::string> names(const std::string& list) {
  std::set<std::string> out;
  for (const auto& entry : states(degraded(list))) out.insert(entry.first);
  return out;
}

std::map<std::uint32_t, double> slowed(const std::string& list) {
  return degraded(list).degradation().epochs.front().slowdown;
}

using Names = std::set<std::string>;
using Slowed = std::map<std::uint32_t, double>;

TEST_CASE("degradation: links by name and pattern, both directions of a cable") {
  const Names cable{"fabric/leaf0->spine1", "fabric/spine1->leaf0"};
  CHECK(names("{link: fabric/leaf0->spine1, down: true}") == cable);
  CHECK(names("{link: fabric/spine1->leaf0, down: true}") == cable);
  CHECK(names("{link: node3/nic1/up, down: true}") == Names{"node3/nic1/up", "node3/nic1/down"});
  CHECK(names("{link: 'node3/*/up', down: true}") ==
        Names{"node3/gpu0/nvlink/up", "node3/gpu0/nvlink/down", "node3/gpu0/pcie/up", "node3/gpu0/pcie/down",
              "node3/gpu1/nvlink/up", "node3/gpu1/nvlink/down", "node3/gpu1/pcie/up", "node3/gpu1/pcie/down",
              "node3/nic0/up", "node3/nic0/down", "node3/nic1/up", "node3/nic1/down"});
  CHECK(names("{link: 'node?/nic0/*', down: true}").size() == 8);
  CHECK(names("{link: '*', down: true}").size() == degraded("").links().size());
  for (const auto& [name, state] : states(degraded("{link: 'fabric/*', bandwidth: 0.5, latency: 1 us}"))) {
    const bool is_so = state == LinkState{0.5, Seconds(1e-6)};
    if (!is_so) FAIL_CHECK(name);
  }
}

TEST_CASE("degradation: switches, nodes and GPUs") {
  CHECK(names("{switch: spine1, down: true}").size() == 8);
  CHECK(names("{switch: leaf0, down: true}") == Names{"node0/nic0/up", "node0/nic0/down", "node0/nic1/up",
                                                      "node0/nic1/down", "fabric/leaf0->spine0", "fabric/spine0->leaf0",
                                                      "fabric/leaf0->spine1", "fabric/spine1->leaf0"});
  CHECK(names("{switch: 'spine*', down: true}").size() == 16);
  CHECK(names("{node: 3, down: true}") == names("{link: 'node3/*', down: true}"));
  CHECK(degraded("{node: [1, 3], down: true}").degradation().epochs.front().nodes_down ==
        std::set<std::uint32_t>{1, 3});
  CHECK(degraded("{node: [1, 3], bandwidth: 0.5}").degradation().epochs.front().nodes_down.empty());
  CHECK(slowed("{gpu: 5, slowdown: 1.5}") == Slowed{{5, 1.5}});
  CHECK(slowed("{gpu: [1, 6], slowdown: 2}") == Slowed{{1, 2.0}, {6, 2.0}});
  CHECK(slowed("{gpu: '*', slowdown: 2}").size() == 8);
  CHECK(slowed("{node: 2, slowdown: 3}") == Slowed{{4, 3.0}, {5, 3.0}});
  const Degradation jittery = degraded("{gpu: [0, 7], jitter: 0.1, seed: 4}").degradation();
  CHECK(jittery.jitter == std::map<std::uint32_t, Jitter>{{0, {0.1, 4}}, {7, {0.1, 4}}});
  CHECK_FALSE(jittery.changes());
  // A direct network has no ports with the node's name at both ends.
  const Cluster torus = cluster_of(
      "{node: torus-node, nodes: 9, fabric: {topology: torus, dimensions: [3, 3]}, degradation: [{node: 4, down: "
      "true}]}");
  CHECK(states(torus).size() == 8);
  for (const auto& [name, state] : states(torus)) CHECK(contains(name, "node4/nic0"));
}

TEST_CASE("degradation: a share is drawn by its seed, cable by cable, at least one") {
  const auto drawn = [](const char* what, const char* share, int seed) {
    return fmt::format("{{{}, share: {}, seed: {}", what, share, seed);
  };
  const std::string cables = "link: 'fabric/*'";  // 8 of them
  for (const auto& [share, count] : {std::pair{"0.001", 1}, {"0.25", 2}, {"0.3", 2}, {"0.32", 3}, {"0.9", 7}, {"1", 8}})
    for (int seed = 0; seed < 5; ++seed) {
      CAPTURE(seed);
      const Names once = names(drawn(cables.c_str(), share, seed) + ", down: true}");
      CHECK(once.size() == 2 * static_cast<std::size_t>(count));
      CHECK(once == names(drawn(cables.c_str(), share, seed) + ", down: true}"));
    }
  std::set<Names> links, switches;
  std::set<Slowed> gpus;
  for (int seed = 0; seed < 20; ++seed) {
    links.insert(names(drawn("link: 'fabric/*'", "0.25", seed) + ", down: true}"));
    switches.insert(names(drawn("switch: '*'", "0.5", seed) + ", down: true}"));
    gpus.insert(slowed(drawn("gpu: '*'", "0.5", seed) + ", slowdown: 2}"));
    CHECK(slowed(drawn("gpu: [1, 2, 3]", "0.6", seed) + ", slowdown: 2}").size() == 2);
    const auto nodes = degraded(drawn("node: '*'", "0.5", seed) + ", down: true}").degradation().epochs[0].nodes_down;
    CHECK(nodes.size() == 2);
  }
  CHECK(links.size() > 10);
  CHECK(switches.size() > 8);
  CHECK(gpus.size() > 10);
}

TEST_CASE("degradation: effects compose, and links() are those of the start") {
  const Cluster whole = degraded(""), c = degraded(
                                          "{link: node0/nic0/up, bandwidth: 0.5, latency: 1 us}, {switch: leaf0, "
                                          "bandwidth: 0.4, latency: 2 us}, {gpu: 1, slowdown: 1.5}, {node: 0, "
                                          "slowdown: 2}, {link: node1/nic0/up, down: true}");
  const auto state = states(c);
  CHECK(state.at("node0/nic0/up").share == relative(0.2, 1e-12));
  CHECK(state.at("node0/nic0/down").latency.value() == relative(3e-6, 1e-12));
  CHECK(state.at("node0/nic1/up") == LinkState{0.4, Seconds(2e-6)});
  CHECK(slowed("{gpu: 1, slowdown: 1.5}, {node: 0, slowdown: 2}") == Slowed{{0, 2.0}, {1, 3.0}});
  for (std::size_t l = 0; l < c.links().size(); ++l) {
    const Link &before = whole.links()[l], &now = c.links()[l];
    const LinkId id{static_cast<std::uint32_t>(l)};
    CAPTURE(now.name);
    const LinkState of = state.contains(now.name) ? state.at(now.name) : LinkState{};
    CHECK(now.bandwidth.value() == relative(before.bandwidth.value() * (of.share > 0 ? of.share : 1), 1e-12));
    CHECK((now.latency - of.latency).value() == relative(before.latency.value(), 1e-9));
    CHECK(c.bandwidth(id, 0).value() == doctest::Approx(before.bandwidth.value() * of.share));
    CHECK(whole.bandwidth(id, 0) == before.bandwidth);
  }
}

TEST_CASE("degradation: epochs from `from` and `until`, bandwidth in each") {
  const Cluster c = degraded(
      "{link: node0/nic0/up, bandwidth: 0.5}, {link: node0/nic0/up, bandwidth: 0.5, from: 1 s, until: 3 s}, "
      "{link: node0/nic0/up, down: true, from: 2 s, until: 4 s}, {gpu: 3, slowdown: 2, from: 2 s}, "
      "{gpu: 3, slowdown: 1.5, until: 4 s}, {node: 3, down: true, from: 5 s}");
  const std::vector<Epoch>& epochs = c.degradation().epochs;
  CHECK(c.degradation().changes());
  const std::vector<double> from{0, 1, 2, 3, 4, 5}, share{0.5, 0.25, 0, 0, 0.5, 0.5}, slow{1.5, 1.5, 3, 3, 2, 2};
  REQUIRE(epochs.size() == from.size());
  const auto link = [&] {
    for (std::uint32_t l = 0; l < c.links().size(); ++l)
      if (c.links()[l].name == "node0/nic0/up") return LinkId{l};
    return LinkId{};
  }();
  const double own = 25e9 * c.node(0).nic_efficiency;
  CHECK(c.links()[index(link)].bandwidth.value() == relative(own / 2, 1e-12));
  for (std::size_t e = 0; e < epochs.size(); ++e) {
    CAPTURE(e);
    CHECK(epochs[e].from == Seconds(from[e]));
    CHECK(epochs[e].link(link).share == share[e]);
    CHECK(c.bandwidth(link, e).value() == doctest::Approx(own * share[e]));
    CHECK(epochs[e].slowdown_of(3) == relative(slow[e], 1e-12));
    CHECK(epochs[e].slowdown_of(2) == 1.0);
    CHECK(epochs[e].nodes_down.contains(3) == (from[e] >= 5));
  }
  CHECK_FALSE(degraded("{gpu: 0, slowdown: 2}").degradation().changes());
  CHECK_FALSE(degraded("").degradation().changes());
  // Down at the start, back later.
  const Cluster back = degraded("{link: node0/nic0/up, down: true, until: 1 s}");
  CHECK(back.bandwidth(link, 0) == BytesPerSecond(0));
  CHECK(back.bandwidth(link, 1).value() == relative(own, 1e-12));
}

TEST_CASE("degradation: the directions of a link, also where it has one only") {
  const Cluster c = degraded("");
  for (std::uint32_t l = 0; l < c.links().size(); ++l) {
    const std::vector<LinkId> both = c.directions(LinkId{l});
    if (c.links()[l].kind == LinkKind::host) {  // a memory has one bandwidth for both
      CHECK(both == std::vector{LinkId{l}});
      continue;
    }
    REQUIRE(both.size() == 2);
    CHECK((both[0] == LinkId{l} || both[1] == LinkId{l}));
    CHECK(both[0] < both[1]);
    CHECK(c.directions(both[0]) == c.directions(both[1]));
  }
  const Cluster one_way = cluster_of(
      "{node: {base: torus-node}, nodes: 2, fabric: {topology: custom, vertices: [s], links: [{from: endpoint0, to: "
      "s}, "
      "{from: endpoint1, to: s}, {from: endpoint0, to: endpoint1, one_way: true}]}, degradation: [{link: "
      "'node0/nic0->node1/nic0', down: true}]}");
  CHECK(states(one_way).size() == 1);
}

TEST_CASE("degradation: faults") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{down: true}", "test.yaml:1: degradation.0: expected one of link, switch, node and gpu: what is degraded"},
      {"{gpu: 1, node: 0, slowdown: 2}", "degradation.0: expected one of link, switch, node and gpu"},
      {"{link: '*'}", "degradation.0: expected one of down, bandwidth, latency, slowdown and jitter"},
      {"{link: fabric/leaf0->spine2, down: true}",
       "no link of the cluster matches 'fabric/leaf0->spine2'; did you "
       "mean 'fabric/leaf0->spine"},
      {"{link: fabric/leaf0->spine2, down: true}", "there are links such as node0/gpu0/nvlink/up and "},
      {"{switch: 'core*', down: true}", "degradation.0.switch: no switch of the fabric matches 'core*'"},
      {"{link: '*', share: 0, down: true}", "degradation.0.share: expected a part of them, above 0 and at most 1"},
      {"{link: '*', share: 2, down: true}", "degradation.0.share: expected a part of them"},
      {"{link: '*', seed: 2, down: true}", "degradation.0.seed: there is no `share` to draw"},
      {"{link: '*', bandwidth: 0}", "degradation.0.bandwidth: expected a share of the link's bandwidth"},
      {"{link: '*', bandwidth: 1.5}", "degradation.0.bandwidth: expected a share of the link's bandwidth"},
      {"{gpu: 1, down: true}", "degradation.0.down: a gpu has no down"},
      {"{gpu: 1, latency: 1 us}", "degradation.0.latency: a gpu has no latency"},
      {"{link: '*', slowdown: 2}", "degradation.0.slowdown: a link has no slowdown"},
      {"{switch: '*', jitter: 0.1}", "degradation.0.jitter: a switch has no jitter"},
      {"{gpu: 1, slowdown: 0.9}", "degradation.0.slowdown: expected at least 1: kernels take so many times as long"},
      {"{gpu: 1, jitter: -0.1}", "degradation.0.jitter: expected "},
      {"{link: '*', latency: -1 us}", "degradation.0.latency: expected zero or more: it is added"},
      {"{link: '*', down: true, from: -1 s}", "degradation.0.from: expected zero or more"},
      {"{link: '*', down: true, from: 2 s, until: 1 s}", "degradation.0.until: expected a time after `from`"},
      {"{link: '*', down: true, from: 2 s, until: 2 s}", "degradation.0.until: expected a time after `from`"},
      {"{gpu: 1, jitter: 0.1, from: 1 s}", "degradation.0.from: jitter is there from the start on"},
      {"{link: '*', down: true, form: 1 s}", "degradation.0.form: unknown key; did you mean 'from'?"},
      {"{gpu: 8, slowdown: 2}", "degradation.0.gpu: there is no GPU 8: the cluster has 8"},
      {"{gpu: [1, -1], slowdown: 2}", "degradation.0.gpu.1: there is no GPU -1"},
      {"{node: 4, down: true}", "degradation.0.node: there is no node 4: the cluster has 4"},
      {"{node: one, down: true}", "degradation.0.node: expected a whole number"},
      {"3", "degradation.0: expected a mapping"},
  };
  for (const auto& entry : cases) {
    const std::string &list = entry.first, &message = entry.second;
    CAPTURE(list);
    const std::string found = faults(list);
    CAPTURE(found);
    CHECK(contains(found, message));
    CHECK(!contains(found, "\n"));  // one fault, and one only
  }
  CHECK(contains(cluster_faults("{node: dgx-a100, nodes: 1, degradation: {gpu: 1, slowdown: 2}}"),
                 "degradation: expected a list, found a mapping"));
  CHECK(contains(faults("{gpu: 9, slowdown: 2}, {link: x, down: 3}"), "degradation.1.down: expected true or false"));
}

}  // namespace
}  // namespace rehearse
