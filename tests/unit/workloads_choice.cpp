// Which ways a collective may be carried out, what each is expected to cost, and which is first.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "tests/support/cluster_text.hpp"
#include "tests/support/relative.hpp"
#include "workloads/collective_choice.hpp"

namespace rehearse {
namespace {

using testing::cluster_of;

constexpr std::int64_t MiB = 1 << 20;

/// The first GPUs of a cluster of this node type.
struct Group {
  Group(const std::string& node, std::uint32_t nodes, std::uint32_t ranks)
      : cluster(cluster_of(
            fmt::format("{{node: {}, nodes: {}{}}}", node, nodes, nodes > 1 ? ", fabric: {topology: switch}" : ""))),
        view(cluster, members(ranks)) {}
  Group(const Group&) = delete;  // the view refers to the cluster
  static std::vector<std::uint32_t> members(std::uint32_t ranks) {
    std::vector<std::uint32_t> out(ranks);
    std::iota(out.begin(), out.end(), 0U);
    return out;
  }
  [[nodiscard]] std::vector<CollectiveCandidate> candidates(const CollectiveTask& task,
                                                            const CollectiveWish& wish = {}) const {
    return collective_candidates(view, task, wish);
  }
  /// The first way of an all_reduce.
  [[nodiscard]] CollectiveWay best(std::int64_t bytes) const { return candidates(bytes_of(bytes)).front().way; }
  static CollectiveTask bytes_of(std::int64_t bytes) {
    return {.op = CollectiveOp::all_reduce, .elements = bytes / 4, .element_bytes = 4};
  }

  Cluster cluster;
  CollectiveGroup view;
};

/// Single GPUs on a switch, and nothing of a library.
Group bare(std::uint32_t ranks) { return {"torus-node", std::max(2U, ranks), ranks}; }

std::string message_of(const Group& group, const CollectiveTask& task, const CollectiveWish& wish) {
  try {
    static_cast<void>(group.candidates(task, wish));
    return {};
  } catch (const InputError& error) {
    return error.what();
  }
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::set<std::string_view> rows_of(const std::vector<CollectiveCandidate>& candidates) {
  std::set<std::string_view> out;
  for (const CollectiveCandidate& candidate : candidates) out.insert(candidate.way.row->name);
  return out;
}

TEST_CASE("choice: of every op there is a way, the quickest first") {
  for (const auto& [node, nodes, ranks] : {std::tuple{"dgx-a100", 1U, 1U},
                                           {"dgx-a100", 1U, 5U},
                                           {"dgx-h100", 2U, 16U},
                                           {"p4d", 3U, 20U},
                                           {"torus-node", 7U, 7U},
                                           {"single-a100", 1U, 1U}}) {
    const Group group(node, nodes, ranks);
    for (const CollectiveOp op : collective_ops)
      for (const std::int64_t elements : {std::int64_t{0}, std::int64_t{1}, 10 * MiB}) {
        CAPTURE(node);
        CAPTURE(collective_op_name(op));
        CAPTURE(elements);
        const auto found = group.candidates({.op = op, .elements = elements, .element_bytes = 4, .root = ranks - 1});
        REQUIRE(!found.empty());
        CHECK(std::ranges::is_sorted(found, {}, [](const CollectiveCandidate& c) { return c.time(); }));
        for (const CollectiveCandidate& c : found) {
          CHECK(c.way.row->op == op);
          CHECK(c.way.options.root == ranks - 1);
          CHECK(c.way.options.nodes == group.view.nodes());
          CHECK(c.start >= Seconds(0));
          CHECK(c.latency >= Seconds(0));
          CHECK(c.bandwidth >= Seconds(0));
          CHECK(c.time() == c.start + c.latency + c.bandwidth);
        }
      }
  }
}

TEST_CASE("choice: ways that take as long stay in the order of the tables") {
  const auto found = bare(1).candidates(Group::bytes_of(MiB));
  std::vector<std::string> rows;
  for (const CollectiveCandidate& c : found) rows.emplace_back(c.way.row->name);
  std::vector<std::string> table = collective_table(CollectiveOp::all_reduce).names();
  std::erase(table, "in_switch");
  CHECK(rows == table);
}

TEST_CASE("choice: what is asked for is done") {
  const Group group("dgx-h100", 1, 6);
  for (const CollectiveOp op : collective_ops)
    for (const CollectiveRow& row : collective_table(op))
      for (const Protocol protocol : all_protocols) {
        if (row.traits.needs_switch && (protocol == Protocol::ll || protocol == Protocol::ll128)) continue;
        CAPTURE(row.name);
        CAPTURE(protocol_name(protocol));
        const auto found =
            group.candidates({.op = op, .elements = 1000},
                             {.algorithm = std::string(row.name), .protocol = protocol, .channels = 3, .chunks = 5});
        REQUIRE(found.size() == 1);
        const CollectiveWay& way = found.front().way;
        CHECK(way.row == &row);
        CHECK(way.protocol == protocol);
        CHECK(way.options.channels.size() == 3);
        CHECK(way.options.chunks == 5);
      }
  for (const CollectiveCandidate& c : group.candidates({.elements = 1000}, {.protocol = Protocol::ll}))
    CHECK(c.way.protocol == Protocol::ll);
  for (const CollectiveCandidate& c : group.candidates({.elements = 1000}, {.channels = 2, .chunks = 7})) {
    CHECK(c.way.options.channels.size() == 2);
    CHECK(c.way.options.chunks == 7);
  }
}

TEST_CASE("choice: what cannot be done is refused with the alternatives") {
  const Group a100("dgx-a100", 1, 8), h100("dgx-h100", 2, 16), none = bare(4);
  const CollectiveTask task = Group::bytes_of(MiB);
  CHECK(contains(message_of(a100, task, {.algorithm = "rign"}),
                 "unknown all_reduce algorithm 'rign'; did you mean 'ring'"));
  CHECK(contains(message_of(a100, task, {.algorithm = "bruck"}), "one of: ring, bidirectional_ring, tree"));
  CHECK(
      contains(message_of(a100, task, {.algorithm = "in_switch"}), "nodes whose GPUs hang on a switch that computes"));
  CHECK(contains(message_of(a100, task, {.algorithm = "in_switch"}), "'dgx-a100' has none"));
  CHECK(contains(message_of(h100, task, {.algorithm = "in_switch", .protocol = Protocol::ll}),
                 "works on plain data: none or simple"));
  CHECK(contains(message_of(h100, task, {.protocol = Protocol::ll128}),
                 "'dgx-h100' has no ll128 between nodes; one of: none, ll, simple"));
  CHECK(contains(message_of(none, task, {.protocol = Protocol::simple}), "'torus-node' has no simple"));
  CHECK(message_of(h100, task, {.algorithm = "in_switch"}).empty());
}

TEST_CASE("choice: a protocol is used between nodes only where the NICs have it") {
  const Group inside("dgx-h100", 1, 8), across("dgx-h100", 2, 9);
  const CollectiveTask task = Group::bytes_of(MiB);
  const auto uses = [&](const Group& group, Protocol protocol) {
    return std::ranges::any_of(group.candidates(task),
                               [&](const CollectiveCandidate& c) { return c.way.protocol == protocol; });
  };
  CHECK(uses(inside, Protocol::ll128));
  CHECK_FALSE(uses(across, Protocol::ll128));
  CHECK(uses(across, Protocol::ll));
  CHECK(uses(across, Protocol::simple));
  CHECK_FALSE(uses(across, Protocol::none));
}

TEST_CASE("choice: where there is a library its algorithms, else all that the nodes can do") {
  for (const CollectiveOp op : collective_ops) {
    CAPTURE(collective_op_name(op));
    std::set<std::string_view> all, without_switch, library;
    for (const CollectiveRow& row : collective_table(op)) {
      all.insert(row.name);
      if (!row.traits.needs_switch) without_switch.insert(row.name);
      if (row.traits.nccl) library.insert(row.name);
    }
    const CollectiveTask task{.op = op, .elements = 1000};
    CHECK(rows_of(bare(5).candidates(task)) == without_switch);
    CHECK(rows_of(Group("dgx-h100", 1, 8).candidates(task)) == library);
    library.erase("in_switch");
    CHECK(rows_of(Group("dgx-a100", 1, 8).candidates(task)) == library);
    CHECK(rows_of(Group("{base: dgx-h100, nic: {protocols: null}, collectives: {protocols: null}}", 1, 8)
                      .candidates(task)) == all);
  }
}

TEST_CASE("choice: a library's algorithm is considered however many messages it has") {
  const CollectiveTask exchange{.op = CollectiveOp::all_to_all, .elements = 257};
  CHECK(Group("dgx-a100", 33, 257).candidates(exchange, {.protocol = Protocol::ll}).size() == 1);
  const auto large = Group("dgx-a100", 520, 4160).candidates(Group::bytes_of(1 << 16), {.protocol = Protocol::ll});
  CHECK(large.front().way.row->name == "nccl_tree");
}

TEST_CASE("choice: few bytes go by ll, many by simple, and it never turns back") {
  const Group group("dgx-a100", 1, 8);
  CHECK(group.best(8).protocol == Protocol::ll);
  CHECK(group.best(64 << 10).protocol == Protocol::ll);
  CHECK(group.best(64 * MiB).protocol == Protocol::simple);
  CHECK(group.best(1024 * MiB).protocol == Protocol::simple);
  for (const std::uint32_t ranks : {2U, 3U, 8U, 24U}) {
    const Group some("dgx-a100", 3, ranks);
    Protocol before = Protocol::ll;
    for (std::int64_t bytes = 8; bytes <= 4096 * MiB; bytes *= 2) {
      CAPTURE(ranks);
      CAPTURE(bytes);
      const Protocol now = some.best(bytes).protocol;
      CHECK(now >= before);
      before = now;
    }
  }
}

TEST_CASE("choice: a switch that computes is used for much, one without is not") {
  for (const std::int64_t bytes : {1 * MiB, 8 * MiB, 64 * MiB}) {
    CAPTURE(bytes);
    for (const std::uint32_t nodes : {1U, 2U}) {
      const CollectiveWay way = Group("dgx-h100", nodes, 8 * nodes).best(bytes);
      CHECK(way.row->name == "in_switch");
      CHECK(way.protocol == Protocol::simple);
    }
    CHECK(Group("dgx-a100", 1, 8).best(bytes).row->name == "ring");
  }
  CHECK(Group("dgx-h100", 1, 8).best(1024).row->name == "ring");
}

TEST_CASE("choice: one GPU sends nothing") {
  for (const std::string node : {"dgx-a100", "dgx-h100", "single-a100"}) {
    const Group group(node, 1, 1);
    for (const CollectiveOp op : collective_ops)
      for (const CollectiveCandidate& c : group.candidates({.op = op, .elements = MiB})) {
        CAPTURE(node);
        CAPTURE(c.way.row->name);
        CHECK(c.time() == group.cluster.node(0).collective_launch);
        CHECK(c.busiest.empty());
      }
  }
}

TEST_CASE("choice: the narrowest link is named") {
  CHECK(Group("dgx-a100", 1, 8).candidates(Group::bytes_of(MiB)).front().busiest == "nvlink");
  CHECK(Group("dgx-a100", 2, 16).candidates(Group::bytes_of(64), {.algorithm = "ring"}).front().busiest == "nic");
  CHECK(bare(4).candidates(Group::bytes_of(MiB)).front().busiest == "nic");
}

TEST_CASE("choice: the start of a collective adds up") {
  const std::string keys =
      "{base: dgx-h100, collectives: {launch: 3 us, copy: 500 GB/s, in_switch: {bandwidth: 200 GB/s, start: 40 us}, "
      "protocols: {ll: {start: 5 us}, simple: {start: 7 us}}}}";
  const Group group(keys, 1, 8), alone(keys, 1, 1);
  const CollectiveTask task{.op = CollectiveOp::all_reduce, .elements = 250'000, .element_bytes = 4};
  const auto start = [&](const Group& of, const std::string& row, Protocol protocol) {
    const CollectiveWay way{.row = collective_table(task.op).find(row), .protocol = protocol};
    return collective_start(of.view, task, way).value() * 1e6;
  };
  CHECK(start(group, "ring", Protocol::ll) == testing::relative(3 + 5 + 2, 1e-9));
  CHECK(start(group, "ring", Protocol::simple) == testing::relative(3 + 7 + 2, 1e-9));
  CHECK(start(group, "in_switch", Protocol::simple) == testing::relative(3 + 40 + 2, 1e-9));
  CHECK(start(group, "ring", Protocol::none) == testing::relative(3, 1e-9));
  CHECK(start(group, "in_switch", Protocol::none) == testing::relative(3, 1e-9));
  CHECK(start(alone, "ring", Protocol::simple) == testing::relative(3, 1e-9));
  const auto found = group.candidates(task, {.algorithm = "ring", .protocol = Protocol::ll});
  CHECK(found.front().start.value() == testing::relative(10e-6, 1e-9));
  const Group free("dgx-h100", 1, 8);
  CHECK(start(free, "ring", Protocol::ll) == testing::relative(6.6, 1e-9));
}

TEST_CASE("choice: a library's pipelines have chunks of its size, others as many as cost least") {
  const Group group("dgx-a100", 2, 16);
  const auto chunks = [&](const std::string& row, Protocol protocol, std::int64_t bytes) {
    return group.candidates(Group::bytes_of(bytes), {.algorithm = row, .protocol = protocol})
        .front()
        .way.options.chunks;
  };
  CHECK(chunks("nccl_tree", Protocol::simple, 0) == 1);
  CHECK(chunks("nccl_tree", Protocol::simple, 8 * MiB) == 1);
  CHECK(chunks("nccl_tree", Protocol::simple, 8 * MiB + 4) == 2);
  CHECK(chunks("nccl_tree", Protocol::ll, 8 * MiB) == 8);
  CHECK(chunks("ring", Protocol::simple, 80 * MiB) == 1);
  const Group plain = bare(8);
  for (const std::int64_t bytes : {std::int64_t{4}, 100'000L, 3 * MiB, 100 * MiB}) {
    const CollectiveCandidate best = plain.candidates(Group::bytes_of(bytes), {.algorithm = "tree"}).front();
    CAPTURE(bytes);
    CAPTURE(best.way.options.chunks);
    for (std::uint32_t other = 1; other <= 256; other *= 2)
      CHECK(best.time() <=
            plain.candidates(Group::bytes_of(bytes), {.algorithm = "tree", .chunks = other}).front().time());
  }
  const auto most = plain.candidates(Group::bytes_of(4), {.algorithm = "tree"}).front();
  CHECK(most.way.options.chunks == 1);  // of one element
}

}  // namespace
}  // namespace rehearse
