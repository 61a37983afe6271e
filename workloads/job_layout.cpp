#include "workloads/job_layout.hpp"

#include <algorithm>
#include <map>

namespace rehearse {

PlanLayout::PlanLayout(const Plan& plan, const std::array<Degree, degree_count>& order)
    : size_{static_cast<std::uint32_t>(plan.tensor), static_cast<std::uint32_t>(plan.context),
            static_cast<std::uint32_t>(plan.data), static_cast<std::uint32_t>(plan.pipeline)},
      stride_{} {
  std::uint32_t stride = 1;
  for (const Degree degree : order) {
    stride_[static_cast<std::size_t>(degree)] = stride;
    stride *= size_[static_cast<std::size_t>(degree)];
  }
}

Coordinates PlanLayout::coordinates(std::uint32_t rank) const {
  Coordinates at{};
  for (std::size_t d = 0; d < degree_count; ++d) at[d] = coordinate(rank, static_cast<Degree>(d));
  return at;
}

JobLayout::JobLayout(std::span<const Job> jobs, const Cluster& cluster) {
  for (std::uint32_t job = 0; job < jobs.size(); ++job) {
    ranks_.emplace_back(jobs[job].plan, jobs[job].placement.order);
    first_.push_back(workers());
    std::vector<Role> of_rank;
    for (std::uint32_t rank = 0; rank < ranks_.back().ranks(); ++rank) {
      gpu_.push_back(jobs[job].gpus[rank]);
      of_rank.push_back({job, ranks_.back().coordinate(rank, Degree::pipeline), cluster.group_number(gpu_.back())});
    }
    std::vector<Role> distinct = of_rank;
    std::ranges::sort(distinct);
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    const std::size_t before = roles_.size();
    roles_.insert(roles_.end(), distinct.begin(), distinct.end());
    for (const Role& role : of_rank)
      role_.push_back(static_cast<std::uint32_t>(
          before + static_cast<std::size_t>(std::ranges::lower_bound(distinct, role) - distinct.begin())));
  }
}

std::uint32_t JobLayout::peer(std::uint32_t worker, std::uint32_t stage) const {
  const std::uint32_t job = job_of(worker);
  const PlanLayout& ranks = ranks_[job];
  Coordinates at = ranks.coordinates(worker - first_[job]);
  at[static_cast<std::size_t>(Degree::pipeline)] = stage;
  return first_[job] + ranks.rank(at);
}

}  // namespace rehearse
