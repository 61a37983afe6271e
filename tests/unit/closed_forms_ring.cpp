// Ring collectives on idle networks: 2(n-1)(S/(nB) + latency) for an all_reduce (Patarasuk and Yuan 2009), half of it
// for a reduce_scatter or an all_gather.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/closed_forms.hpp"
#include "tests/support/relative.hpp"
#include "workloads/collectives/collective.hpp"

namespace rehearse {
namespace {

using testing::CollectiveReplay;
using testing::Fabric;
using testing::ring_order;

constexpr double bandwidth = 50e9, latency = 500e-9, tolerance = 1e-9;
constexpr CollectiveOp ops[] = {CollectiveOp::all_reduce, CollectiveOp::all_gather, CollectiveOp::reduce_scatter};

double passes(CollectiveOp op) { return op == CollectiveOp::all_reduce ? 2 : 1; }

Pattern ring(CollectiveOp op, std::uint32_t n, std::int64_t elements,
             std::vector<std::vector<std::uint32_t>> channels = {}) {
  return build_collective(*collective_table(op).find("ring"), n, elements, {.channels = std::move(channels)});
}

const Fabric& idle_switch() {
  static const Fabric fabric = testing::fabric_of(testing::topology_of("{topology: switch}", 64, bandwidth, latency));
  return fabric;
}

// One time to be checked, against what the closed form says.
struct Check {
  std::string what;
  double expected = 0;
};

void run(const Fabric& fabric, const std::vector<CollectiveReplay>& replays, const std::vector<Check>& checks) {
  const std::vector<double> found = testing::collective_seconds(fabric, replays);
  REQUIRE(found.size() == checks.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(checks[i].what);
    CHECK(found[i] == testing::relative(checks[i].expected, tolerance));
  }
}

std::string name_of(CollectiveOp op, std::uint32_t n, bool fluid, std::size_t channels = 1) {
  return std::string(collective_op_name(op)) + ", " + std::to_string(n) + " ranks, " + (fluid ? "fluid" : "flow") +
         ", " + std::to_string(channels) + " channels";
}

TEST_CASE("ring: 2 to 64 ranks on an idle switch, flow and fluid") {
  constexpr std::int64_t chunk = 100'000, element_bytes = 4;  // so that S = n chunks divides
  std::vector<CollectiveReplay> replays;
  std::vector<Check> checks;
  for (std::uint32_t n = 2; n <= 64; ++n)
    for (const CollectiveOp op : ops)
      for (const bool fluid : {false, true}) {
        replays.push_back({ring(op, n, chunk * n), fluid, element_bytes});
        checks.push_back(
            {name_of(op, n, fluid), passes(op) * (n - 1) * (chunk * element_bytes / bandwidth + 2 * latency)});
      }
  run(idle_switch(), replays, checks);
}

TEST_CASE("ring: channels share the ports, so they change nothing on a switch") {
  constexpr std::int64_t chunk = 25'000, element_bytes = 4;
  std::vector<CollectiveReplay> replays;
  std::vector<Check> checks;
  for (const std::uint32_t n : {2u, 3u, 4u, 7u, 8u, 16u, 27u})
    for (const std::uint32_t count : {2u, 4u})
      for (const CollectiveOp op : ops)
        for (const bool fluid : {false, true})
          for (const bool mixed : {false, true}) {  // the same way round or, for half of them, backwards
            std::vector<std::vector<std::uint32_t>> channels;
            for (std::uint32_t c = 0; c < count; ++c)
              channels.push_back(ring_order(n, c, mixed && c % 2 == 1 ? n - 1 : 1));
            const Pattern pattern = ring(op, n, chunk * n * count, channels);
            replays.push_back({pattern, fluid, element_bytes});
            checks.push_back({name_of(op, n, fluid, count),
                              passes(op) * (n - 1) * (chunk * count * element_bytes / bandwidth + 2 * latency)});
          }
  run(idle_switch(), replays, checks);
}

TEST_CASE("ring: sizes that do not divide cost at most an element's time a step") {
  // Flow: a largest chunk, ceil(S/n) elements, goes round without a pause and nothing is slower: exactly
  // 2(n-1)(ceil(S/n)/B + latency). Fluid: a wire carries all chunks but one each pass; the busiest has at least the
  // mean of all wires, and less than an element a pass more.
  constexpr double element = 4 / bandwidth;
  for (const CollectiveOp op : ops) {
    std::vector<CollectiveReplay> flows, fluids;
    std::vector<double> ceilings, means, steps;
    std::vector<std::uint32_t> ranks;
    for (std::uint32_t n = 2; n <= 33; n += n < 18 ? 1 : 5)
      for (const std::int64_t elements :
           {std::int64_t{1}, std::int64_t{n} - 1, std::int64_t{n} + 1, std::int64_t{100'003}}) {
        flows.push_back({ring(op, n, elements), false, 4});
        fluids.push_back({ring(op, n, elements), true, 4});
        ceilings.push_back(static_cast<double>((elements + n - 1) / n));
        means.push_back(static_cast<double>(elements) / n);
        steps.push_back(passes(op) * (n - 1));
        ranks.push_back(n);
      }
    const auto flow = testing::collective_seconds(idle_switch(), flows);
    const auto fluid = testing::collective_seconds(idle_switch(), fluids);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      CAPTURE(name_of(op, ranks[i], false));
      CAPTURE(means[i]);
      CHECK(flow[i] == testing::relative(steps[i] * (ceilings[i] * element + 2 * latency), tolerance));
      const double mean = steps[i] * (means[i] * element + 2 * latency);
      CHECK(fluid[i] >= mean * (1 - tolerance));
      CHECK(fluid[i] <= (mean + passes(op) * element) * (1 + tolerance));
    }
  }
}

TEST_CASE("ring: on a ring of cables, one way round or both") {
  // torus-node: 50 GB/s and 500 ns a link, one hop a step. Both ways round: the halves do not meet.
  for (const std::uint32_t n : {2u, 3u, 5u, 8u, 13u}) {
    const Fabric fabric = testing::fabric_of(
        testing::cluster_of("{node: torus-node, nodes: " + std::to_string(n) + ", fabric: {topology: ring}}"));
    const std::int64_t bytes = 1'000'000 * 2 * n;
    std::vector<CollectiveReplay> replays;
    std::vector<Check> checks;
    for (const CollectiveOp op : ops)
      for (const bool fluid : {false, true}) {
        const double steps = passes(op) * (n - 1), chunk = static_cast<double>(bytes) / n;
        replays.push_back({ring(op, n, bytes), fluid, 1});
        checks.push_back({name_of(op, n, fluid), steps * (chunk / 50e9 + 500e-9)});
        if (n == 2) continue;  // one cable: both ways are the same
        replays.push_back({ring(op, n, bytes, {ring_order(n), ring_order(n, 0, n - 1)}), fluid, 1});
        checks.push_back({name_of(op, n, fluid, 2), steps * (chunk / 2 / 50e9 + 500e-9)});
      }
    run(fabric, replays, checks);
  }
}

TEST_CASE("ring: on a torus, along a closed walk over all nodes") {
  // Row 0 from left to right and, below it, column by column up and down: each step is one cable, used once.
  constexpr std::uint32_t side = 6, n = side * side;
  const Fabric fabric = testing::fabric_of(
      testing::cluster_of("{node: torus-node, nodes: 36, fabric: {topology: torus, dimensions: [6, 6]}}"));
  std::vector<std::uint32_t> walk;
  for (std::uint32_t x = 0; x < side; ++x) walk.push_back(x);
  for (std::uint32_t x = side; x-- > 0;)
    for (std::uint32_t k = 1; k < side; ++k) walk.push_back(x + side * (x % 2 == 1 ? k : side - k));
  constexpr std::int64_t bytes = 500'000 * n;
  std::vector<CollectiveReplay> replays;
  std::vector<Check> checks;
  for (const CollectiveOp op : ops)
    for (const bool fluid : {false, true}) {
      replays.push_back({ring(op, n, bytes, {walk}), fluid, 1});
      checks.push_back({name_of(op, n, fluid), passes(op) * (n - 1) * (500e3 / 50e9 + 500e-9)});
    }
  run(fabric, replays, checks);
}

TEST_CASE("ring: within a DGX A100, and over two with a channel for each NIC") {
  const Cluster cluster = testing::cluster_of(
      "{node: {base: dgx-a100, interconnect: {efficiency: 0.8}}, nodes: 2, fabric: {topology: switch}}");
  const Fabric fabric = testing::fabric_of(cluster);
  const Node& node = cluster.node(0);
  const double nvlink = node.gpu_bandwidth.value() * node.gpu_efficiency,
               nic = node.nic_bandwidth.value() * node.nic_efficiency;
  const double step = 2 * node.gpu_latency.value(), between = 2 * (node.pcie_latency + node.nic_latency).value();
  constexpr std::int64_t bytes = 16 * 8 * 1'000'000;
  // Channel c visits each node's GPUs from its c-th on, so that it leaves and enters by NICs of its own. A GPU's NVLink
  // then carries seven of the eight channels, its NIC one: the NIC is the slower if nic < nvlink / 7.
  REQUIRE(nic < nvlink / 7);
  std::vector<std::vector<std::uint32_t>> channels(8);
  for (std::uint32_t c = 0; c < 8; ++c)
    for (std::uint32_t i = 0; i < 16; ++i) channels[c].push_back(i / 8 * 8 + (i + c) % 8);
  std::vector<CollectiveReplay> replays;
  std::vector<Check> checks;
  for (const CollectiveOp op : ops) {
    for (const bool fluid : {false, true}) {
      replays.push_back({ring(op, 8, bytes), fluid, 1});
      checks.push_back({name_of(op, 8, fluid), passes(op) * 7 * (bytes / 8.0 / nvlink + step)});
    }
    // Fluid: the NIC is never idle, so that all latencies but the last message's are hidden behind its chunks, of which
    // it carries (n-1)/n of an eighth of the bytes a pass.
    replays.push_back({ring(op, 16, bytes, channels), true, 1});
    checks.push_back({name_of(op, 16, true, 8), passes(op) * 15 * bytes / 8.0 / 16 / nic + between});
  }
  run(fabric, replays, checks);
}

}  // namespace
}  // namespace rehearse
