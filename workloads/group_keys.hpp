// GroupKeys: which groups a rank of a plan belongs to. Private to workloads.
#pragma once

#include <cstdint>
#include <optional>

#include "workloads/job_layout.hpp"
#include "workloads/steps.hpp"

namespace rehearse {

/// Ranks with the same `group` of a kind communicate; `place` orders them.
struct GroupMember {
  std::uint32_t group = 0, place = 0;
};

class GroupKeys {
 public:
  /// Keeps references to both.
  GroupKeys(const Job& job, const PlanLayout& ranks) : job_(job), ranks_(ranks) {}
  /// None: the rank is in no group of this kind.
  [[nodiscard]] std::optional<GroupMember> of(GroupKind kind, std::uint32_t rank) const;

 private:
  /// The number of the group of ranks that differ in `degree` alone, and the rank's place in it.
  [[nodiscard]] GroupMember along(Degree degree, std::uint32_t rank) const;
  /// Of ranks that differ in their replica alone, those of one part, `part` of them by `place`.
  [[nodiscard]] GroupMember of_replicas(std::uint32_t rank, std::uint32_t part, std::uint32_t place) const;
  [[nodiscard]] std::optional<GroupMember> of_stages(GroupKind kind, std::uint32_t rank) const;

  const Job& job_;
  const PlanLayout& ranks_;
};

}  // namespace rehearse
