// Jobs of collectives: what is read, and times that have closed forms.
#include <doctest/doctest.h>

#include <algorithm>

#include <fmt/format.h>

#include "scenarios/collective_simulate.hpp"
#include "scenarios/collective_ways.hpp"
#include "tests/support/forked.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

/// Single GPUs on one switch: 10 GB/s and 1 us to it and from it.
const std::string eight =
    "cluster: {node: {gpus: 1, device: a100-80gb-sxm, nic: {count: 1, bandwidth: 10 GB/s, latency: 1 us}}, nodes: 8, "
    "fabric: {topology: switch}}\n";
/// The network alone.
const std::string bare = eight + "protocol: none\nchannels: 1\n";

CollectiveJob job_of(const std::string& yaml, const std::vector<std::string>& settings = {}) {
  return read_collective_job(parse_yaml(yaml, "job.yaml"), settings);
}

std::vector<Fault> faults_of(const std::string& yaml, const std::vector<std::string>& settings = {}) {
  try {
    job_of(yaml, settings);
    return {};
  } catch (const InputError& error) {
    return error.faults();
  }
}

/// The only fault, as text.
std::string fault_of(const std::string& yaml) {
  const std::vector<Fault> faults = faults_of(yaml);
  return faults.size() == 1 ? faults.front().to_string() : fmt::format("{} faults", faults.size());
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::int64_t> values(const std::vector<Bytes>& sizes) {
  std::vector<std::int64_t> out;
  for (const Bytes bytes : sizes) out.push_back(bytes.value());
  return out;
}

/// Times of the job's points, in order.
std::vector<double> times_of(const std::string& yaml) {
  return in_child([&] {
    std::vector<double> times;
    for (const CollectivePoint& point : simulate_collectives(job_of(yaml))) times.push_back(point.time.value());
    return times;
  });
}

}  // namespace

TEST_CASE("collective job: what is left out") {
  const CollectiveJob job = job_of(eight);
  CHECK(job.op == CollectiveOp::all_reduce);
  CHECK(job.algorithm == "auto");
  CHECK(job.ranks == std::vector<std::uint32_t>{8});
  CHECK(job.bytes.size() == 25);
  CHECK(job.bytes.front() == Bytes(8));
  CHECK(job.bytes.back() == Bytes(128 << 20));
  CHECK(job.type.name == "float");
  CHECK(!job.protocol);
  CHECK(!job.channels);
  CHECK(!job.chunk);
  CHECK(job.fidelity == Fidelity::automatic);
}

TEST_CASE("collective job: sizes and ranks") {
  const auto sizes = [](const std::string& bytes) { return values(job_of(eight + "bytes: " + bytes + "\n").bytes); };
  using Sizes = std::vector<std::int64_t>;
  CHECK(sizes("1024") == Sizes{1024});
  CHECK(sizes("0") == Sizes{0});
  CHECK(sizes("1 MB") == Sizes{1'000'000});
  CHECK(sizes("1.5KiB") == Sizes{1536});
  CHECK(sizes("2k") == Sizes{2048});
  CHECK(sizes("128M") == Sizes{128 << 20});
  CHECK(sizes("8:64") == Sizes{8, 16, 32, 64});
  CHECK(sizes("3:1KiB\nstep_factor: 10") == Sizes{3, 30, 300});
  CHECK(job_of(eight + "ranks: 2:8\n").ranks == std::vector<std::uint32_t>{2, 4, 8});
  CHECK(job_of(eight + "ranks: 3:8\n").ranks == std::vector<std::uint32_t>{3, 6});
}

TEST_CASE("collective job: the resolved mapping reads as the same job") {
  const CollectiveJob job = job_of(eight + "ranks: 2:8\nbytes: 1KiB:4KiB\nop: reduce\nroot: 1\nchunk: 1KiB\n");
  CHECK(to_yaml(job.resolved) == to_yaml(read_collective_job(job.resolved).resolved));
  CHECK(job.root == 1);
  CHECK(job.chunk == Bytes(1024));
}

TEST_CASE("collective job: a node type is a cluster of as many as the ranks need") {
  CHECK(job_of("cluster: dgx-a100\n").cluster.gpu_count() == 8);
  CHECK(job_of("cluster: dgx-a100\nranks: 17\n").cluster.node_count() == 3);
  CHECK(job_of("cluster: {base: dgx-a100, gpus: 8}\nranks: 16\n").cluster.node_count() == 2);
  CHECK(job_of("cluster: dgx-a100\n", {"nodes=4"}).ranks.front() == 32);
  CHECK(job_of("cluster: selene\nranks: 16\n").cluster.node_count() == 560);
  const CollectiveJob wide = job_of("cluster: dgx-a100\n", {"node.interconnect.efficiency=1"});
  CHECK(wide.cluster.node(0).gpu_efficiency == 1.0);
}

TEST_CASE("collective job: elements as nccl-tests has them") {
  const CollectiveJob reduce = job_of(eight), gather = job_of(eight + "op: all_gather\n");
  CHECK(elements_of(reduce, 8, Bytes(1027)) == 256);
  CHECK(elements_of(gather, 8, Bytes(1027 + 28)) == 256);
  CHECK(sizes_of(gather, 8).front() == Bytes(32));  // 8 and 16 bytes are no element for each
  CHECK(values(sizes_of(job_of(eight + "op: all_gather\nbytes: 8\n"), 8)) == std::vector<std::int64_t>{0});
}

TEST_CASE("collective point: bandwidths as nccl-tests has them") {
  CollectivePoint point;
  point.ranks = 8;
  point.bytes = Bytes(8'000'000);
  point.elements = 2'000'000;
  point.time = Seconds(1e-3);
  CHECK(point.algbw() == doctest::Approx(8e9));
  const auto factor = [&](CollectiveOp op) {
    point.op = op;
    return point.busbw() / point.algbw();
  };
  CHECK(factor(CollectiveOp::all_reduce) == doctest::Approx(1.75));
  for (const CollectiveOp op : {CollectiveOp::all_gather, CollectiveOp::reduce_scatter, CollectiveOp::all_to_all})
    CHECK(factor(op) == doctest::Approx(0.875));
  for (const CollectiveOp op : {CollectiveOp::broadcast, CollectiveOp::reduce, CollectiveOp::send_recv})
    CHECK(factor(op) == doctest::Approx(1));
  CHECK(point.count() == 2'000'000);
  point.op = CollectiveOp::all_gather;
  CHECK(point.count() == 250'000);
  point.time = Seconds(0);
  CHECK(point.busbw() == 0);
}

TEST_CASE("collective job: faults, each with its key") {
  CHECK(contains(fault_of(""), "cluster: missing; expected the name of a cluster or of a node type"));
  CHECK(
      contains(fault_of("cluster: dgx-a10\n"), "cluster: unknown cluster or node type 'dgx-a10'; did you mean 'dgx-"));
  CHECK(
      contains(fault_of(eight + "op: all_reduc\n"), "op: unknown collective 'all_reduc'; did you mean 'all_reduce'?"));
  CHECK(
      contains(fault_of(eight + "algorithm: rnig\n"), "algorithm: unknown all_reduce algorithm 'rnig'; did you mean"));
  CHECK(contains(fault_of(eight + "ranks: 0\n"), "ranks: expected at least 1, found 0"));
  CHECK(
      contains(fault_of(eight + "ranks: 9\n"), "ranks: expected at most 8: the cluster has 8 nodes of 1 GPU; found 9"));
  CHECK(contains(fault_of(eight + "ranks: 4:2\n"), "ranks: expected the smaller number first"));
  CHECK(contains(fault_of(eight + "ranks: many\n"), "ranks: expected a number of ranks"));
  CHECK(contains(fault_of(eight + "op: broadcast\nroot: 8\n"), "root: expected a rank below 8, found 8"));
  CHECK(contains(fault_of(eight + "op: broadcast\nroot: -1\n"), "root: expected at least 0, found -1"));
  CHECK(contains(fault_of(eight + "root: 0\n"), "root: all_reduce has no root"));
  CHECK(contains(fault_of(eight + "op: barrier\nbytes: 8\n"), "bytes: a barrier has no bytes"));
  CHECK(contains(fault_of(eight + "bytes: 1MiB:1KiB\n"), "bytes: expected the smaller size first"));
  CHECK(contains(fault_of(eight + "bytes: 0:8\n"), "bytes: expected a first size above 0"));
  CHECK(contains(fault_of(eight + "bytes: -8\n"), "bytes: expected a size of at least 0, found -8"));
  CHECK(contains(fault_of(eight + "bytes: -1MiB\n"), "bytes: expected a size of at least 0, found '-1MiB'"));
  CHECK(contains(fault_of(eight + "bytes: eight\n"), "bytes: 'eight' is not a quantity"));
  CHECK(contains(fault_of(eight + "bytes: 8:16:32\n"), "bytes: expected one or FIRST:LAST"));
  CHECK(contains(fault_of(eight + "bytes: 4611686018427387905\n"), "bytes: expected at most 1 EiB"));
  CHECK(contains(fault_of(eight + "bytes: 99999999999999999999\n"), "bytes: '99999999999999999999' is out of range"));
  CHECK(contains(fault_of(eight + "step_factor: 1\n"), "step_factor: expected at least 2, found 1"));
  CHECK(contains(fault_of(eight + "datatype: flaot\n"), "datatype: unknown datatype 'flaot'; did you mean 'float'?"));
  CHECK(contains(fault_of(eight + "protocol: l128\n"), "protocol: unknown protocol 'l128'; did you mean 'll128'?"));
  CHECK(contains(fault_of(eight + "channels: 0\n"), "channels: expected at least 1, found 0"));
  CHECK(contains(fault_of(eight + "channels: 5000\n"), "channels: expected at most 1024, found 5000"));
  CHECK(contains(fault_of(eight + "chunk: 0\n"), "chunk: expected a size above 0"));
  CHECK(
      contains(fault_of(eight + "fidelity: exact\n"), "fidelity: unknown fidelity 'exact'; one of: auto, flow, fluid"));
  CHECK(contains(fault_of(eight + "rank: 8\n"), "rank: unknown key; did you mean 'ranks'?"));
}

TEST_CASE("collective job: all faults together") {
  const std::vector<Fault> faults =
      faults_of("cluster: dgx-a10\nop: broadcas\nranks: 0\nbytes: -1\nchannels: 0\nfidelity: x\n", {"nodes"});
  std::vector<std::string> keys;
  for (const Fault& fault : faults) keys.push_back(fault.key_path);
  CHECK(keys == std::vector<std::string>{"cluster", "op", "ranks", "bytes", "channels", "fidelity"});
  CHECK(faults_of(eight + "ranks: 0\n", {"nodes", "fabric.topolgy=ring"}).size() == 3);
}

TEST_CASE("collective: a ring on a switch takes 2(n-1)(S/(nB) + 2L)") {
  for (const std::uint32_t n : {2U, 5U, 8U})
    for (const std::string fidelity : {"flow", "fluid"}) {
      const std::int64_t bytes = std::int64_t{4} * n * 1000;
      const double expected = 2.0 * (n - 1) * (4000.0 / 10e9 + 2e-6);
      const std::vector<double> times =
          times_of(bare + fmt::format("algorithm: ring\nranks: {}\nbytes: {}\nfidelity: {}\n", n, bytes, fidelity));
      REQUIRE(times.size() == 1);
      CHECK(times[0] == relative(expected, 1e-9));
    }
}

TEST_CASE("collective: points by ranks, then bytes, of all then by time") {
  const std::vector<double> numbers = in_child([] {
    std::vector<double> out;
    std::size_t told = 0;
    const auto count = [&told](std::size_t done, std::size_t all) { told += done <= all ? 1 : 100; };
    for (const CollectivePoint& point :
         simulate_collectives(job_of(bare + "ranks: 4:8\nbytes: 1KiB:2KiB\nalgorithm: all\n"), count)) {
      out.push_back(point.ranks);
      out.push_back(static_cast<double>(point.bytes.value()));
      out.push_back(point.time.value());
    }
    out.push_back(static_cast<double>(told));
    return out;
  });
  const std::size_t rows = collective_table(CollectiveOp::all_reduce).names().size();
  CHECK(numbers.back() == 4);
  REQUIRE(numbers.size() > 12);
  CHECK(numbers.size() / 3 <= 4 * rows);
  std::vector<std::array<double, 3>> points;
  for (std::size_t i = 0; i + 2 < numbers.size(); i += 3)
    points.push_back({numbers[i], numbers[i + 1], numbers[i + 2]});
  CHECK(std::ranges::is_sorted(points));
}

TEST_CASE("collective: every algorithm, every op, few ranks and bytes") {
  for (const CollectiveOp op : collective_ops)
    for (const std::uint32_t ranks : {1U, 2U, 3U, 8U}) {
      const std::string bytes = op == CollectiveOp::barrier ? "" : "bytes: 1:100000\nstep_factor: 100000\n";
      CAPTURE(collective_op_name(op));
      CAPTURE(ranks);
      const std::string yaml =
          bare + fmt::format("op: {}\nranks: {}\nalgorithm: all\n{}", collective_op_name(op), ranks, bytes);
      for (const double time : times_of(yaml)) {
        CHECK(time >= 0);
        CHECK(time < 0.01);
      }
    }
}

TEST_CASE("collective: auto is the first of the candidates") {
  const CollectiveJob job = job_of("cluster: dgx-a100\nbytes: 1MiB\n");
  const CollectiveGroup group = group_of(job, 8);
  const std::vector<CollectiveCandidate> candidates = candidates_of(job, group, Bytes(1 << 20), "auto");
  REQUIRE(!candidates.empty());
  const std::vector<CollectiveWay> ways = ways_of(job, group, Bytes(1 << 20));
  REQUIRE(ways.size() == 1);
  CHECK(ways[0].row == candidates.front().way.row);
  CHECK(std::ranges::is_sorted(candidates, {}, [](const CollectiveCandidate& c) { return c.time(); }));
}

TEST_CASE("collective: a chunk of a size is as many chunks as a channel needs") {
  const CollectiveJob job = job_of(bare + "algorithm: ring\nchunk: 3KiB\n");
  const auto chunks = [&](std::int64_t bytes) {
    return ways_of(job, group_of(job, 8), Bytes(bytes)).front().options.chunks;
  };
  CHECK(chunks(0) == 1);
  CHECK(chunks(3072) == 1);
  CHECK(chunks(3076) == 2);
  CHECK(chunks(30720) == 10);
  CHECK_THROWS_AS(chunks(std::int64_t{1} << 50), InputError);
}

TEST_CASE("collective: the timeline takes as long, and has every message") {
  for (const std::string fidelity : {"flow", "fluid"}) {
    const std::vector<double> numbers = in_child([&] {
      const CollectiveTimeline t =
          trace_collective(job_of("cluster: dgx-a100\nalgorithm: ring\nbytes: 1MiB\nfidelity: " + fidelity + "\n"));
      double last = 0;
      for (std::size_t i = 0; i < t.result.schedule.size(); ++i)
        if (t.result.schedule.ops()[i].type == OpType::flow) last = std::max(last, t.result.timeline.end[i].value());
      return std::vector<double>{t.point.time.value(),
                                 t.result.timeline.makespan.value(),
                                 last,
                                 static_cast<double>(t.point.flows),
                                 static_cast<double>(t.result.schedule.flow_count()),
                                 static_cast<double>(t.result.gpus.size()),
                                 static_cast<double>(t.result.schedule.spans().size()),
                                 static_cast<double>(validate(t.result.schedule).size())};
    });
    REQUIRE(numbers.size() == 8);
    CHECK(numbers[1] == relative(numbers[0], 1e-9));
    CHECK(numbers[2] == relative(numbers[0], 1e-9));
    CHECK(numbers[3] == numbers[4]);
    CHECK(numbers[5] == 8);
    CHECK(numbers[6] == 8);
    CHECK(numbers[7] == 0);
  }
}

TEST_CASE("collective: one of one, and traces of few messages only") {
  CHECK_THROWS_AS(simulate_collective(job_of(bare)), std::logic_error);
  CHECK_THROWS_AS(trace_collective(job_of(bare + "bytes: 8\nalgorithm: all\n")), std::logic_error);
  const std::string many = "cluster: torus-node\nranks: 1024\nalgorithm: ring\nbytes: 1MiB\nprotocol: none\n";
  CHECK_THROWS_AS(trace_collective(job_of(many + "fidelity: flow\n", {"fabric.topology=switch"})), InputError);
}
