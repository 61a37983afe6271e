// JobLayout: which worker does what. A worker is one rank of one job; those of all jobs are numbered one job after
// another.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "workloads/job.hpp"

namespace rehearse {

/// Where a rank stands in its plan, by degree.
using Coordinates = std::array<std::uint32_t, degree_count>;

/// The ranks of a plan. Where nothing else is said tensor ranks are neighbours, then context, then data, then pipeline
/// (Megatron-LM's order).
class PlanLayout {
 public:
  PlanLayout(const Plan& plan, const std::array<Degree, degree_count>& order);

  [[nodiscard]] std::uint32_t ranks() const { return size_[0] * size_[1] * size_[2] * size_[3]; }
  [[nodiscard]] std::uint32_t rank(const Coordinates& at) const {
    return at[0] * stride_[0] + at[1] * stride_[1] + at[2] * stride_[2] + at[3] * stride_[3];
  }
  [[nodiscard]] std::uint32_t coordinate(std::uint32_t rank, Degree degree) const {
    const auto d = static_cast<std::size_t>(degree);
    return rank / stride_[d] % size_[d];
  }
  [[nodiscard]] Coordinates coordinates(std::uint32_t rank) const;
  /// Among the ranks that hold the same dense parameters: context ranks are neighbours.
  [[nodiscard]] std::uint32_t replica(std::uint32_t rank) const {
    return coordinate(rank, Degree::data) * size_[static_cast<std::size_t>(Degree::context)] +
           coordinate(rank, Degree::context);
  }

 private:
  Coordinates size_, stride_;
};

/// What a worker's program depends on. Workers of a role run the same program.
struct Role {
  std::uint32_t job = 0;
  std::uint32_t stage = 0;  ///< of the job's pipeline
  std::uint32_t group = 0;  ///< of the cluster's nodes: the device
  friend auto operator<=>(const Role&, const Role&) = default;
};

class JobLayout {
 public:
  JobLayout(std::span<const Job> jobs, const Cluster& cluster);

  [[nodiscard]] std::uint32_t workers() const { return static_cast<std::uint32_t>(gpu_.size()); }
  [[nodiscard]] std::uint32_t job_of(std::uint32_t worker) const { return roles_[role_[worker]].job; }
  [[nodiscard]] std::uint32_t stage_of(std::uint32_t worker) const { return roles_[role_[worker]].stage; }
  [[nodiscard]] std::uint32_t gpu_of(std::uint32_t worker) const { return gpu_[worker]; }
  [[nodiscard]] std::span<const Role> roles() const { return roles_; }
  [[nodiscard]] std::uint32_t role_of(std::uint32_t worker) const { return role_[worker]; }
  [[nodiscard]] const PlanLayout& ranks(std::uint32_t job) const { return ranks_[job]; }
  /// The first of the job's workers: its rank 0.
  [[nodiscard]] std::uint32_t first_worker(std::uint32_t job) const { return first_[job]; }
  /// The worker that does the same on another stage of its job.
  [[nodiscard]] std::uint32_t peer(std::uint32_t worker, std::uint32_t stage) const;

 private:
  std::vector<PlanLayout> ranks_;          // by job
  std::vector<std::uint32_t> first_;       // by job
  std::vector<std::uint32_t> gpu_, role_;  // by worker
  std::vector<Role> roles_;
};

}  // namespace rehearse
