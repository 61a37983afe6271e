// What a node type says of collectives: protocols, copies, a switch that computes; and the bad values of these keys.
#include <doctest/doctest.h>

#include "tests/support/cluster_text.hpp"
#include "tests/support/relative.hpp"

namespace rehearse {
namespace {

using testing::cluster_faults;
using testing::cluster_of;

/// A node of two GPUs with these keys under `collectives`, and of `nic` if any.
std::string node_with(const std::string& collectives, const std::string& nic = {}) {
  return "{node: {gpus: 2, device: a100-80gb-sxm, interconnect: {bandwidth: 100 GB/s, latency: 1 us}" +
         (nic.empty() ? std::string() : ", nic: {count: 2, bandwidth: 10 GB/s, latency: 1 us" + nic + "}") +
         ", pcie: {bandwidth: 20 GB/s, latency: 1 us}, collectives: {" + collectives +
         "}}, nodes: " + (nic.empty() ? "1}" : "2, fabric: {topology: switch}}");
}

constexpr const char* two_protocols =
    "launch: 3 us, copy: 500 GB/s, in_switch: {bandwidth: 80 GB/s, start: 9 us}, protocols: {ll: {start: 1 us, "
    "latency: 2 us, efficiency: 0.5, chunk: 64 KiB}, simple: {start: 4 us, latency: 5 us, chunk: 1 MiB}}";

TEST_CASE("protocols: every key is read, and efficiency is 1 unless given") {
  const Cluster cluster = cluster_of(
      node_with(two_protocols, ", protocols: {ll: {latency: 6 us, efficiency: 0.25}, simple: {latency: 7 us}}"));
  const Node& node = cluster.node(0);
  CHECK(node.collective_launch == Seconds(3e-6));
  CHECK(node.collective_copy == BytesPerSecond(500e9));
  REQUIRE(node.computing_switch.has_value());
  CHECK(node.computing_switch->bandwidth == BytesPerSecond(80e9));
  CHECK(node.computing_switch->start == Seconds(9e-6));
  REQUIRE(node.protocols.size() == 2);
  const ProtocolProfile &ll = node.protocols.at(Protocol::ll), &simple = node.protocols.at(Protocol::simple);
  CHECK(ll.start == Seconds(1e-6));
  CHECK(ll.chunk == Bytes(64 << 10));
  CHECK(ll.inside.latency == Seconds(2e-6));
  CHECK(ll.inside.efficiency == 0.5);
  REQUIRE(ll.between.has_value());
  CHECK(ll.between->latency == Seconds(6e-6));
  CHECK(ll.between->efficiency == 0.25);
  CHECK(simple.inside.efficiency == 1);
  CHECK(simple.between->efficiency == 1);
}

TEST_CASE("protocols: none of a library by default") {
  const Cluster cluster = cluster_of(node_with(""));
  CHECK(cluster.node(0).protocols.empty());
  CHECK_FALSE(cluster.node(0).computing_switch.has_value());
  CHECK(cluster.node(0).collective_launch == Seconds(0));
  CHECK(cluster.node(0).collective_copy == BytesPerSecond(0));
  CHECK(cluster.collective_share(0) == 0);
}

TEST_CASE("protocols: a collective takes multiprocessors of its GPU's, fewer than all") {
  const Cluster mixed = cluster_of("{groups: [{node: dgx-a100, nodes: 1}, {node: dgx-h100, nodes: 1}], fabric: {}}");
  CHECK(mixed.collective_share(7) == 16.0 / 108);
  CHECK(mixed.collective_share(8) == 16.0 / 132);
  CHECK(cluster_of("{node: {base: dgx-a100, collectives: {multiprocessors: 107}}, nodes: 1}").collective_share(0) ==
        107.0 / 108);
}

TEST_CASE("protocols: null takes away what a base has") {
  const Cluster without = cluster_of(
      "{node: {base: dgx-h100, nic: {protocols: {ll128: null}}}, nodes: 2, fabric: {topology: "
      "switch}}");
  CHECK(without.node(0).protocols.size() == 3);
  CHECK_FALSE(without.node(0).protocols.at(Protocol::ll128).between.has_value());
  CHECK(without.node(0).protocols.at(Protocol::ll).between.has_value());
  const Cluster no_switch = cluster_of("{node: {base: dgx-h100, collectives: {in_switch: null}}, nodes: 1}");
  CHECK_FALSE(no_switch.node(0).computing_switch.has_value());
}

TEST_CASE("protocols: bad values name the key") {
  const auto check = [](const std::string& yaml, const std::string& part) {
    const std::string found = cluster_faults(yaml);
    CAPTURE(yaml);
    CHECK_MESSAGE(found.find(part) != std::string::npos, found);
  };
  check(node_with("launch: -1 us"), "collectives.launch: expected zero or more");
  check(node_with("copy: 0 GB/s"), "collectives.copy");
  check(node_with("multiprocessors: -1"), "collectives.multiprocessors: expected");
  check(node_with("multiprocessors: 108"),
        "collectives.multiprocessors: expected fewer than the 108 of the device, found 108");
  check(node_with("in_switch: {bandwidth: 80 GB/s}"), "collectives.in_switch.start");
  check(node_with("in_switch: {start: 1 us}"), "collectives.in_switch.bandwidth");
  check(node_with("protocols: {lll: {start: 1 us}}"), "did you mean 'll'");
  check(node_with("protocols: {ll: {start: 1 us, latency: 1 us}}"), "protocols.ll.chunk");
  check(node_with("protocols: {ll: {start: 1 us, latency: -1 us, chunk: 1 KiB}}"), "protocols.ll.latency");
  check(node_with("protocols: {ll: {start: 1 us, latency: 1 us, efficiency: 1.5, chunk: 1 KiB}}"),
        "protocols.ll.efficiency");
  check(node_with("protocols: {ll: {start: 1 us, latency: 1 us, chunk: 0 B}}"), "protocols.ll.chunk");
  check(node_with(two_protocols, ", protocols: {ll128: {latency: 1 us}}"), "nic.protocols.ll128");
  check(node_with("", ", protocols: {simple: {latency: 1 us}}"), "collectives.protocols of the node has no simple");
}

TEST_CASE("protocols: the bytes that they add") {
  CHECK(wire_overhead(Protocol::none) == 1);
  CHECK(wire_overhead(Protocol::simple) == 1);
  CHECK(wire_overhead(Protocol::ll) == 2);
  CHECK(wire_overhead(Protocol::ll128) == testing::relative(16.0 / 15, 1e-12));
}

}  // namespace
}  // namespace rehearse
