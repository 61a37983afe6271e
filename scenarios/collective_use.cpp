#include "scenarios/collective_use.hpp"

#include <map>
#include <tuple>

namespace rehearse {

std::vector<CollectiveUse> collective_uses(const Program& program, const Communication& communication,
                                           std::uint32_t worker) {
  using Key = std::tuple<GroupKind, CollectiveOp, Kind, std::string_view, Protocol, std::size_t, bool>;
  std::map<Key, CollectiveUse> uses;
  for (const Instruction& i : program.roles.at(communication.layout().role_of(worker))) {
    if (i.type != Instruction::Type::collective) continue;
    const CollectiveStep& step = program.calls[i.index].step;
    const std::uint32_t id = communication.group_of(worker, step.group);
    if (id == no_group) continue;
    const CommGroup& group = communication.groups()[id];
    const CollectiveSpec spec = padded_spec(step, group.view);
    const PreparedCollective& prepared = communication.prepared(group, spec);
    const CollectiveWay& way = prepared.chosen.way;
    const std::size_t channels = way.options.channels.size();
    CollectiveUse& use = uses[{step.group, step.op, step.kind, way.row->name, way.protocol, channels, prepared.fluid}];
    if (use.calls == 0)
      use = {.group = step.group,
             .op = step.op,
             .kind = step.kind,
             .ranks = group.view.ranks(),
             .nodes = static_cast<std::uint32_t>(group.view.nodes().size()),
             .algorithm = std::string(way.row->name),
             .protocol = way.protocol,
             .channels = static_cast<std::uint32_t>(channels),
             .fidelity = prepared.fluid ? Fidelity::fluid : Fidelity::flow};
    ++use.calls;
    use.bytes += static_cast<double>(spec.elements) * static_cast<double>(spec.element_bytes);
  }
  std::vector<CollectiveUse> out;
  for (auto& [key, use] : uses) out.push_back(std::move(use));
  return out;
}

}  // namespace rehearse
