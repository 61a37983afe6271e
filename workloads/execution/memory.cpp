#include <algorithm>
#include <cassert>
#include <functional>
#include <numeric>

#include "workloads/execution/execute.hpp"
#include "workloads/execution/machine_memory.hpp"
#include "workloads/execution/roles.hpp"

namespace rehearse {

Bytes execution_memory(const Pattern& pattern, std::uint32_t positions) {
  assert(positions <= pattern.positions());
  std::vector<std::int64_t> roles = role_bytes(pattern);  // any may be on this machine: the largest
  std::ranges::sort(roles, std::greater<>());
  const auto end = roles.begin() + positions;
  const Bytes buffers(pattern.buffer * static_cast<std::int64_t>(sizeof(float)) * positions);
  return buffers + Bytes(std::accumulate(roles.begin(), end, std::int64_t{0}));
}

Bytes available_memory() { return available_memory_below("/"); }

}  // namespace rehearse
