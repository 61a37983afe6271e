#include <unordered_map>

#include "workloads/lowering.hpp"
#include "workloads/refinement.hpp"

namespace rehearse {

FoldedCollective fold_collective(const Communication& communication, const Folding& folding, std::uint32_t group_class,
                                 const CollectiveSpec& spec) {
  const CommGroup& group = communication.groups()[folding.group_of_class[group_class]];
  const Pattern& pattern = communication.pattern(group, spec);
  std::vector<std::uint64_t> wire_colour;
  std::unordered_map<std::uint64_t, std::uint32_t> first_of_class;  // the wire of the group that stands for its class
  for (std::uint32_t w = 0; w < group.wires.size(); ++w) {
    wire_colour.push_back(folding.wire_class[group.wires[w]]);
    first_of_class.try_emplace(wire_colour.back(), w);
  }
  const std::vector<std::uint64_t> colours = transfer_colours(pattern, group, wire_colour);
  const auto wire_of = [&](const Transfer& t) { return group.wire_of.at({t.source, t.destination, t.channel}); };
  // Each transfer of the wire that stands for a class becomes a flow. Transfers of one colour begin and end together,
  // so to wait for one of them is to wait for the flow of that colour.
  std::vector<std::size_t> standing;
  std::unordered_map<std::uint64_t, std::uint32_t> flow_of_colour;
  for (std::size_t t = 0; t < colours.size(); ++t) {
    const std::uint32_t wire = wire_of(pattern.transfers()[t]);
    if (first_of_class.at(wire_colour[wire]) != wire) continue;
    flow_of_colour.try_emplace(colours[t], static_cast<std::uint32_t>(standing.size()));
    standing.push_back(t);
  }
  FoldedCollective out;
  out.flows.resize(standing.size(), {.last = true});
  for (std::size_t f = 0; f < standing.size(); ++f) {
    const Transfer& transfer = pattern.transfers()[standing[f]];
    FoldedCollective::Flow& flow = out.flows[f];
    flow.path = folding.path(group.wires[wire_of(transfer)]);
    flow.source = Rank{folding.gpu_class[group.members[transfer.source]]};
    flow.destination = Rank{folding.gpu_class[group.members[transfer.destination]]};
    flow.bytes = Bytes(transfer.count * spec.element_bytes);
    flow.rounds = transfer.rounds;
    for (std::uint32_t before : pattern.after(standing[f])) {
      const std::uint32_t b = flow_of_colour.at(colours[before]);
      out.flows[b].last = false;
      if (flow.after.empty() || flow.after.back() != b) flow.after.push_back(b);
    }
  }
  return out;
}

Schedule lone_schedule(const FoldedCollective& collective, std::uint32_t rank_count) {
  ScheduleBuilder builder(rank_count);
  const NameId name = builder.name("collective");
  for (const FoldedCollective::Flow& flow : collective.flows) {
    const OpId id =
        builder.add_flow(name, Kind::other, flow.source, flow.destination, flow.bytes, flow.path, {}, flow.rounds);
    for (std::uint32_t before : flow.after) builder.add_edge(OpId{before}, id);
  }
  return builder.build();
}

std::vector<std::pair<std::uint32_t, CollectiveSpec>> reusable_collectives(const Communication& communication,
                                                                           const Folding& folding) {
  std::vector<std::pair<std::uint32_t, CollectiveSpec>> out;
  for (std::uint32_t c = 0; c < folding.group_of_class.size(); ++c)
    if (folding.isolated[c])
      for (const CollectiveSpec& spec : communication.specs(communication.groups()[folding.group_of_class[c]].kind))
        out.emplace_back(c, spec);
  return out;
}

}  // namespace rehearse
