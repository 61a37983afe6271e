#include <algorithm>
#include <array>
#include <cassert>

#include "workloads/collectives/collective.hpp"

namespace rehearse {

std::uint32_t Pattern::add(const Transfer& transfer, std::span<const std::uint32_t> after) {
  assert(std::ranges::all_of(after, [&](std::uint32_t t) { return t < transfers_.size(); }));
  transfers_.push_back(transfer);
  after_.insert(after_.end(), after.begin(), after.end());
  first_after_.push_back(static_cast<std::uint32_t>(after_.size()));
  return static_cast<std::uint32_t>(transfers_.size() - 1);
}

std::span<const std::uint32_t> Pattern::after(std::size_t transfer) const {
  return std::span(after_).subspan(first_after_[transfer], first_after_[transfer + 1] - first_after_[transfer]);
}

std::string_view collective_op_name(CollectiveOp op) {
  constexpr std::array<std::string_view, 3> names{"all_reduce", "all_gather", "reduce_scatter"};
  return names[static_cast<std::size_t>(op)];
}

}  // namespace rehearse
