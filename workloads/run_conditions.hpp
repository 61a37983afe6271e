// RunConditions: a cluster's degradation, and routings that decide when a flow starts, as conditions of a replay.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "engine/conditions.hpp"
#include "engine/replay.hpp"
#include "platforms/cluster.hpp"

namespace rehearse {

/// Whether a run on the cluster needs them: links or GPUs change while it goes on, or routes depend on what is under
/// way.
bool has_conditions(const Cluster& cluster);

/// Whether nothing of that concerns the way between two GPUs, or these links of a node.
bool is_undisturbed(const Cluster& cluster, std::uint32_t from, std::uint32_t to);
bool is_undisturbed(const Cluster& cluster, const std::vector<LinkId>& inside);

class RunConditions final : public Conditions {
 public:
  /// The replayer's links are those of the cluster, under their own numbers. Keeps references to both.
  RunConditions(const Cluster& cluster, Replayer& replayer) : cluster_(cluster), replayer_(replayer) {}

  /// What flows on a path are: their GPUs, and what tells them apart (Cluster::route). `every_latency`: flows pay the
  /// latency of every link; else only of those between switches of the fabric, and what degradation adds. A path that
  /// is not made known is left alone.
  struct Wire {
    std::uint32_t from = 0, to = 0;
    std::uint64_t flow = 0;
    bool every_latency = false;
    std::vector<LinkId> only = {};  ///< where there is no other way: to or from a switch that computes
  };
  void add_path(PathId path, const Wire& wire) { wires_[path] = {wire, {}, {}, {}}; }
  /// GPUs by rank of the schedules; none: ranks compute undisturbed.
  void set_gpus(std::vector<std::uint32_t> gpu_of_rank) { gpus_ = std::move(gpu_of_rank); }

  void begin() override;
  [[nodiscard]] const std::vector<Seconds>& dates() const override { return dates_; }
  std::vector<LinkChange> change(std::size_t date) override;
  Way way(PathId path, const Load& load) override;
  [[nodiscard]] Seconds end_of_compute(Rank rank, Seconds begin, Seconds duration) const override;
  [[nodiscard]] Seconds computed(Rank rank, Seconds begin, Seconds end) const override;

 private:
  struct Known {
    Wire wire;
    std::vector<LinkId> at_start;  // its route; empty until it is asked for
    std::vector<Way> by_epoch;     // of a wire whose routes are not live; filled as they are asked for
    std::vector<bool> is_known;
  };
  [[nodiscard]] Way only_way(PathId path, const Wire& wire) const;
  [[nodiscard]] Way make_way(PathId path, Known& known, const std::vector<LinkId>& route);
  /// How many times as long kernels take in an epoch as at the start.
  [[nodiscard]] double slowdown(std::uint32_t gpu, std::size_t epoch) const;
  [[nodiscard]] Seconds latency(const Wire& wire, const std::vector<LinkId>& route, std::size_t epoch) const;

  const Cluster& cluster_;
  Replayer& replayer_;
  std::unordered_map<PathId, Known> wires_;
  std::map<std::vector<LinkId>, PathId> path_of_route_;
  std::vector<std::uint32_t> gpus_;
  std::vector<Seconds> dates_;
  std::size_t epoch_ = 0;
  std::unordered_map<std::uint32_t, std::uint64_t> started_;  // flows, by GPU
};

}  // namespace rehearse
