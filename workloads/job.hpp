// Job: one training run on a cluster, which it may share with others.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "workloads/collective_choice.hpp"
#include "workloads/fidelity.hpp"
#include "workloads/framework.hpp"
#include "workloads/model.hpp"
#include "workloads/placement.hpp"
#include "workloads/plan.hpp"

namespace rehearse {

/// How collectives are carried out.
struct CollectiveChoice {
  std::map<CollectiveOp, CollectiveWish> wish;
  Fidelity fidelity = Fidelity::automatic;
};

struct Job {
  std::string name;
  Model model;
  Plan plan;
  Framework framework;
  Placement placement;
  std::vector<std::uint32_t> gpus;  ///< of the cluster, by rank
  CollectiveChoice collectives;
  Seconds start;  ///< when its first iteration begins
  /// One after another. Alone: the first is not counted if there are others, for it begins with empty pipelines; 0:
  /// one. Beside other jobs 0 is as many as it takes to outlast one of each of them.
  std::uint32_t iterations = 0;
};

}  // namespace rehearse
