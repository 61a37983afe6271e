// Collectives message by message (flow) and as long flows (fluid) take as long, within 2 % from 1 MiB on; auto is one
// of the two.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "scenarios/collective_simulate.hpp"
#include "tests/support/forked.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

/// A point's time without what it costs before its first message, its messages, and whether it is fluid.
struct Simulated {
  double time = 0, flows = 0, fluid = 0;
};
/// By what was simulated: "ring of 8 ranks, 1048576 bytes, ll, 1 channel".
using Times = std::map<std::string, Simulated>;

/// All points of a job.
Times times_of(const std::string& keys, const std::string& fidelity) {
  const std::string lines = in_child([&] {
    std::string out;
    for (const CollectivePoint& p :
         simulate_collectives(read_collective_job(parse_yaml(keys + "fidelity: " + fidelity + "\n", "job.yaml"))))
      out += fmt::format("{} {} of {} ranks on {} nodes, {} bytes, {}, {} channels, {} chunks|{} {} {}\n",
                         collective_op_name(p.op), p.algorithm, p.ranks, p.nodes, p.bytes.value(),
                         protocol_name(p.protocol), p.channels, p.chunks, (p.time - p.start).value(), p.flows,
                         p.fluid ? 1 : 0);
    return out;
  });
  Times times;
  std::istringstream in(lines);
  for (std::string name; std::getline(in, name, '|');) {
    Simulated& t = times[name];
    in >> t.time >> t.flows >> t.fluid >> std::ws;
  }
  return times;
}

/// Two that are known to be further apart. A chain of ranks that shares its ports with its way back loses a little
/// between single chunks, which a stream of chunks does not; and the ring of scatter_all_gather begins on each rank
/// when its share has come, though long flows are made as if it began everywhere at once.
const std::map<std::string, double> known{
    {"all_reduce nccl_tree of 4 ranks on 1 nodes, 16777216 bytes, ll128, 1 channels, 16 chunks", 0.03},
    {"broadcast scatter_all_gather of 12 ranks on 2 nodes, 1048576 bytes, ll128, 1 channels, 1 chunks", 0.05}};

/// Where flow and fluid are further apart than that, and how many rows there were.
struct Comparison {
  std::string apart;
  std::size_t rows = 0;
};
void compare(Comparison& out, const std::string& keys, double tolerance) {
  const Times flow = times_of(keys, "flow"), fluid = times_of(keys, "fluid");
  if (flow.size() != fluid.size()) out.apart += "not the same rows: " + keys;
  for (const auto& [name, a] : flow) {
    const auto found = fluid.find(name);
    const double b = found == fluid.end() ? NAN : found->second.time;
    const double limit = known.contains(name) ? known.at(name) : tolerance;
    if (!(std::abs(a.time - b) <= limit * a.time))
      out.apart += fmt::format("{}: flow {:.2f} us, fluid {:.2f} us\n", name, a.time * 1e6, b * 1e6);
  }
  out.rows += flow.size();
}

/// `node`: a node type, so many on one crossbar.
std::string job(const std::string& node, int nodes, std::string_view op, const std::string& more) {
  const std::string fabric = nodes > 1 ? ", fabric: {topology: switch}" : "";
  return fmt::format("cluster: {{node: {}, nodes: {}{}}}\nop: {}\n{}", node, nodes, fabric, op, more);
}
std::string all_rows(CollectiveOp op, const std::string& ranks) {
  const std::string sizes = op == CollectiveOp::barrier ? "" : "bytes: 1MiB:16MiB\nstep_factor: 16\n";
  return fmt::format("algorithm: all\nranks: {}\n{}", ranks, sizes);
}

}  // namespace

TEST_CASE("fidelity: every row of every op, any number of ranks on a switch") {
  Comparison all;
  for (const CollectiveOp op : collective_ops)
    for (const char* ranks : {"1:16", "3:12", "5", "7", "17"})
      compare(all, job("torus-node", 17, collective_op_name(op), all_rows(op, ranks)), 0.02);
  CHECK(all.apart == "");
  CHECK(all.rows > 700);
}

TEST_CASE("fidelity: every row of every op inside a node, by every protocol") {
  Comparison all;
  for (const CollectiveOp op : collective_ops)
    for (const auto& [node, protocol] :
         {std::pair{"dgx-a100", "none"}, {"dgx-a100", "ll"}, {"dgx-h100", "ll128"}, {"dgx-h100", "simple"}})
      compare(all, job(node, 1, collective_op_name(op), all_rows(op, "2:8") + "protocol: " + protocol + "\n"), 0.02);
  CHECK(all.apart == "");
  CHECK(all.rows > 700);
}

TEST_CASE("fidelity: every row of every op over nodes, alike or not, that share NICs or not") {
  Comparison all;
  for (const CollectiveOp op : collective_ops) {
    compare(all, job("dgx-a100", 2, collective_op_name(op), all_rows(op, "12")), 0.02);
    compare(all, job("dgx-h100", 2, collective_op_name(op), all_rows(op, "16")), 0.02);
    compare(all, job("p4d", 2, collective_op_name(op), all_rows(op, "16")), 0.02);
  }
  CHECK(all.apart == "");
  CHECK(all.rows > 180);
}

TEST_CASE("fidelity: chunks of few elements and of none") {
  Comparison all;
  for (const char* op : {"all_reduce", "all_gather"})
    compare(all, job("dgx-a100", 2, op, "algorithm: all\nbytes: 4:64KiB\nstep_factor: 16\nprotocol: ll\n"), 0.005);
  CHECK(all.apart == "");
}

TEST_CASE("fidelity: where single messages contend in an order that long flows do not know, they stay near") {
  Comparison rings, grids;
  compare(rings, job("dgx-h100", 3, "all_reduce", "algorithm: ring\nbytes: 1MiB:64MiB\nstep_factor: 8\n"), 0.05);
  // Rows inside a node are done long before those between nodes, and their columns' long flows get in the way.
  compare(grids, job("dgx-h100", 3, "all_reduce", "algorithm: torus_2d\nbytes: 1MiB:64MiB\nstep_factor: 8\n"), 0.07);
  CHECK(rings.apart == "");
  CHECK(grids.apart == "");
}

TEST_CASE("fidelity: auto is flow up to so many messages, and fluid beyond") {
  for (const auto& [ranks, fluid] : {std::pair{181, false}, {182, true}}) {
    static_assert(2 * 181 * 180 <= lone_flow_limit && 2 * 182 * 181 > lone_flow_limit);
    const std::string keys =
        job("torus-node", 182, "all_reduce", fmt::format("algorithm: ring\nbytes: 1MiB\nranks: {}\n", ranks));
    const Simulated chosen = times_of(keys, "auto").begin()->second;
    const Simulated same = times_of(keys, fluid ? "fluid" : "flow").begin()->second;
    CAPTURE(ranks);
    CHECK(chosen.fluid == (fluid ? 1 : 0));
    CHECK(chosen.time == same.time);
    CHECK(chosen.flows == same.flows);
  }
}

TEST_CASE("fidelity: the comparison finds a difference") {
  Comparison none;
  compare(none, job("dgx-h100", 3, "all_reduce", "algorithm: torus_2d\nbytes: 64MiB\n"), 0.02);
  CHECK(none.apart.starts_with("all_reduce torus_2d of 24 ranks on 3 nodes, 67108864 bytes, simple"));
  CHECK(none.rows == 1);
}
