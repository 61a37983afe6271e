// For tests: when a simulated GPU is at which kernel, communication and all.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "scenarios/simulate.hpp"
#include "tests/support/forked.hpp"

namespace rehearse::testing {

/// Begin and end of the ops that `wanted` takes, of the compute lane of the first GPU that is simulated: the first that
/// begins.
struct KernelWindow {
  double begin = std::numeric_limits<double>::infinity(), end = 0;
};
template <class Wanted>
KernelWindow first_kernel(const Result& result, Wanted wanted) {
  KernelWindow first;
  for (std::uint32_t i = 0; i < result.schedule.size(); ++i) {
    const Op& op = result.schedule.ops()[i];
    if (op.type != OpType::compute || Schedule::lane(op) == no_lane || !wanted(op)) continue;
    if (index(result.schedule.lanes()[op.where].rank) != 0) continue;
    if (result.timeline.begin[i].value() < first.begin)
      first = {result.timeline.begin[i].value(), result.timeline.end[i].value()};
  }
  return first;
}

/// Of the first kernel of each name ("layer 0 mlp ffn 1"), each kernel simulated by itself.
inline std::vector<KernelWindow> kernel_windows(const Scenario& scenario, const std::vector<std::string>& names) {
  const std::vector<double> times = in_child([&] {
    const Result result = simulate(scenario, {.merge_kernels = false});
    std::vector<double> out;
    for (const std::string& name : names) {
      const KernelWindow found =
          first_kernel(result, [&](const Op& op) { return result.schedule.name(op.name) == name; });
      if (found.end == 0) throw std::runtime_error("no kernel '" + name + "'");
      out.insert(out.end(), {found.begin, found.end});
    }
    return out;
  });
  std::vector<KernelWindow> out;
  for (std::size_t i = 0; i < times.size(); i += 2) out.push_back({times[i], times[i + 1]});
  return out;
}

}  // namespace rehearse::testing
