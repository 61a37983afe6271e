#include "engine/topological_order.hpp"

namespace rehearse {

std::vector<OpId> topological_order(const Schedule& schedule) {
  std::vector<std::uint32_t> waiting(schedule.size());
  std::vector<OpId> order;
  order.reserve(schedule.size());
  for (std::uint32_t i = 0; i < schedule.size(); ++i) {
    waiting[i] = schedule.predecessor_count(OpId{i});
    if (waiting[i] == 0) order.push_back(OpId{i});
  }
  for (std::size_t next = 0; next < order.size(); ++next)
    for (OpId successor : schedule.successors(order[next]))
      if (--waiting[index(successor)] == 0) order.push_back(successor);
  return order;
}

}  // namespace rehearse
