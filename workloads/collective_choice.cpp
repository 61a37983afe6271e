#include "workloads/collective_choice.hpp"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "engine/base/error.hpp"
#include "workloads/collectives/transfer_graph.hpp"
#include "workloads/pattern_cost.hpp"

namespace rehearse {

namespace {

/// Without a library "auto" does not look at patterns of more messages than this, unless all are.
constexpr std::size_t most_messages = 1 << 16;
/// Without a library's chunks: 1, 2, 4, ... up to so many are tried.
constexpr std::uint32_t most_chunks = 256;

Bytes payload(const CollectiveTask& task) { return Bytes(task.elements * task.element_bytes); }

class Candidates {
 public:
  Candidates(const CollectiveGroup& group, const CollectiveTask& task, const CollectiveWish& wish)
      : group_(group), task_(task), wish_(wish) {}

  std::vector<CollectiveCandidate> run() {
    const bool choose = wish_.algorithm == "auto";
    look(choose && !has_library() ? most_messages : no_limit);
    if (out_.empty() && choose) look(no_limit);
    if (out_.empty()) explain_none();
    std::ranges::stable_sort(out_, {}, [](const CollectiveCandidate& c) { return c.time(); });
    return std::move(out_);
  }

 private:
  static constexpr std::size_t no_limit = SIZE_MAX;

  void look(std::size_t messages) {
    for (const CollectiveRow& row : collective_table(task_.op)) {
      if (wish_.algorithm == "auto" ? !may_choose(row) : row.name != wish_.algorithm) continue;
      if (row.traits.needs_switch && !group_.has_switches()) continue;
      for (const Protocol protocol : all_protocols)
        if (fits(row, protocol)) add(row, protocol, messages);
    }
  }
  [[nodiscard]] bool has_library() const { return !group_.node().protocols.empty(); }
  [[nodiscard]] bool may_choose(const CollectiveRow& row) const { return has_library() ? row.traits.nccl : true; }

  /// The switch works on plain data; a library with protocols uses one of them unless told otherwise.
  [[nodiscard]] bool fits(const CollectiveRow& row, Protocol protocol) const {
    if (!group_.has_protocol(protocol)) return false;
    if (wish_.protocol) return protocol == *wish_.protocol && (!row.traits.needs_switch || protocol == plain());
    if (row.traits.needs_switch) return protocol == plain();
    return (protocol == Protocol::none) != has_library();
  }
  [[nodiscard]] Protocol plain() const {
    const bool simple = group_.has_protocol(Protocol::simple) && wish_.protocol != Protocol::none;
    return simple ? Protocol::simple : Protocol::none;
  }

  void add(const CollectiveRow& row, Protocol protocol, std::size_t messages) {
    CollectiveWay way{.row = &row, .protocol = protocol, .options = {}};
    way.options.root = task_.root;
    way.options.nodes = group_.nodes();
    const auto& rings = group_.ring_channels();
    const std::size_t channels = wish_.channels ? *wish_.channels : row.traits.rotates ? rings.size() : 1;
    for (std::size_t c = 0; c < channels; ++c) way.options.channels.push_back(rings[c % rings.size()]);
    if (messages != no_limit && count_flows(pattern_of(way), true, messages) > messages) return;
    way.options.chunks = wish_.chunks ? *wish_.chunks : 1;
    if (!wish_.chunks && row.traits.pipelined)
      way.options.chunks = protocol == Protocol::none ? best_chunks(way) : library_chunks(protocol);
    out_.push_back(cost_of(std::move(way)));
  }

  [[nodiscard]] Pattern pattern_of(const CollectiveWay& way) const {
    return build_collective(*way.row, group_.ranks(), task_.elements, way.options);
  }

  [[nodiscard]] std::uint32_t library_chunks(Protocol protocol) const {
    const Bytes chunk = group_.node().protocols.at(protocol).chunk;
    const std::int64_t chunks = (payload(task_).value() + chunk.value() - 1) / chunk.value();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(chunks, 1, 1 << 20));
  }

  /// The number with the least cost where every step of the pipeline pays its latency.
  [[nodiscard]] std::uint32_t best_chunks(CollectiveWay way) const {
    std::uint32_t best = 1;
    Seconds least;
    const auto most = static_cast<std::uint32_t>(std::clamp<std::int64_t>(task_.elements, 1, most_chunks));
    for (std::uint32_t chunks = 1; chunks <= most; chunks *= 2) {
      way.options.chunks = chunks;
      const PatternCost cost = pattern_cost(pattern_of(way), group_, way.protocol, task_.element_bytes);
      if (chunks > 1 && !(cost.latency + cost.bandwidth < least)) break;
      least = cost.latency + cost.bandwidth;
      best = chunks;
    }
    return best;
  }

  [[nodiscard]] CollectiveCandidate cost_of(CollectiveWay way) const {
    CollectiveWay whole = way;
    if (way.protocol != Protocol::none) whole.options.chunks = 1;
    const PatternCost cost = pattern_cost(pattern_of(whole), group_, way.protocol, task_.element_bytes);
    const bool overlaps = way.row->traits.pipelined && way.protocol != Protocol::none;
    CollectiveCandidate out{.way = std::move(way),
                            .start = {},
                            .latency = cost.latency,
                            .bandwidth = overlaps ? cost.busiest : cost.bandwidth,
                            .busiest = cost.link_kind};
    out.start = collective_start(group_, task_, out.way);
    return out;
  }

  /// "none, ll"
  [[nodiscard]] std::string own_protocols() const {
    std::string out;
    for (const Protocol protocol : all_protocols)
      if (group_.has_protocol(protocol)) out += fmt::format("{}{}", out.empty() ? "" : ", ", protocol_name(protocol));
    return out;
  }

  [[noreturn]] void explain_none() const {
    const std::string_view op = collective_op_name(task_.op);
    const std::string& node = group_.node().name;
    if (wish_.protocol && !group_.has_protocol(*wish_.protocol))
      throw InputError(fmt::format("protocol: the node type '{}' has no {}{}; one of: {}", node,
                                   protocol_name(*wish_.protocol), group_.nodes().size() > 1 ? " between nodes" : "",
                                   own_protocols()));
    const CollectiveRow* row = collective_table(task_.op).find(wish_.algorithm);
    if (row == nullptr)
      throw InputError(
          unknown_name(collective_table(task_.op).what(), wish_.algorithm, collective_table(task_.op).names()));
    if (row->traits.needs_switch && !group_.has_switches())
      throw InputError(
          fmt::format("algorithm: {} of {} needs nodes whose GPUs hang on a switch that computes "
                      "(collectives.in_switch of the node type); '{}' has none",
                      row->name, op, node));
    throw InputError(fmt::format("protocol: {} of {} works on plain data: none or simple", row->name, op));
  }

  const CollectiveGroup& group_;
  const CollectiveTask& task_;
  const CollectiveWish& wish_;
  std::vector<CollectiveCandidate> out_;
};

}  // namespace

std::vector<CollectiveCandidate> collective_candidates(const CollectiveGroup& group, const CollectiveTask& task,
                                                       const CollectiveWish& wish) {
  return Candidates(group, task, wish).run();
}

Seconds collective_start(const CollectiveGroup& group, const CollectiveTask& task, const CollectiveWay& way) {
  const Node& node = group.node();
  Seconds start = node.collective_launch;
  if (way.protocol == Protocol::none || group.ranks() < 2) return start;
  start += way.row->traits.needs_switch ? node.computing_switch->start : node.protocols.at(way.protocol).start;
  if (node.collective_copy > BytesPerSecond()) start += payload(task) / node.collective_copy;
  return start;
}

}  // namespace rehearse
