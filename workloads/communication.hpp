// Communication: every group and every wire that a plan uses on a cluster.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "platforms/cluster.hpp"
#include "workloads/collectives/collective.hpp"
#include "workloads/plan_layout.hpp"
#include "workloads/program.hpp"

namespace rehearse {

inline constexpr std::uint32_t no_group = no_index;

/// A way from one GPU to another that flows take again and again: one neighbour of one channel of a collective, or one
/// neighbour of the pipeline.
struct Wire {
  std::uint32_t from = 0, to = 0;  ///< GPUs
  std::uint32_t group = no_group;  ///< index into Communication::groups; no_group: pipeline
  Phase phase = Phase::forward;    ///< of a pipeline wire: activations or gradients
  std::vector<LinkId> route;       ///< links of the cluster
  Seconds latency;
};

/// The algorithm, channels and fidelity with which a group does one kind of collective.
struct CollectiveSpec {
  CollectiveOp op = CollectiveOp::all_reduce;
  std::int64_t elements = 0, element_bytes = 1;
  friend auto operator<=>(const CollectiveSpec&, const CollectiveSpec&) = default;
};

struct CommGroup {
  GroupKind kind = GroupKind::tensor;
  std::vector<std::uint32_t> members;                ///< GPUs, in rank order
  std::vector<std::vector<std::uint32_t>> channels;  ///< for each channel the order of positions
  std::vector<std::uint32_t> wires;                  ///< indices into Communication::wires
  /// (source position, destination position, channel) -> index into `wires`.
  std::map<std::array<std::uint32_t, 3>, std::uint32_t> wire_of;
};

/// How collectives are carried out.
struct CollectiveChoice {
  std::map<CollectiveOp, std::string> algorithm;  ///< a row of collective_table(op)
  Fidelity fidelity = Fidelity::automatic;
};

class Communication {
 public:
  /// The groups and wires of `program` under `plan` on `cluster`.
  Communication(const Plan& plan, const Program& program, const Cluster& cluster, CollectiveChoice choice);

  [[nodiscard]] const PlanLayout& layout() const { return layout_; }
  [[nodiscard]] std::span<const Wire> wires() const { return wires_; }
  [[nodiscard]] std::span<const CommGroup> groups() const { return groups_; }
  /// The group of `kind` that the GPU belongs to; no_group: none (a group of one is none).
  [[nodiscard]] std::uint32_t group_of(std::uint32_t gpu, GroupKind kind) const {
    return group_of_[static_cast<std::size_t>(kind)][gpu];
  }
  /// The pipeline wire from the GPU to its peer on `stage`.
  [[nodiscard]] std::uint32_t pipeline_wire(std::uint32_t from_gpu, std::uint32_t to_stage, Phase phase) const;
  /// The collectives that groups of a kind are called for, each once.
  [[nodiscard]] const std::vector<CollectiveSpec>& specs(GroupKind kind) const {
    return specs_[static_cast<std::size_t>(kind)];
  }
  /// The transfers of one collective of a group; made once for all groups with the same channels.
  [[nodiscard]] const Pattern& pattern(const CommGroup& group, const CollectiveSpec& spec) const;

 private:
  void add_groups(const Plan& plan);
  void add_group(GroupKind kind, std::vector<std::uint32_t> members);
  void add_collective_wires(std::uint32_t group);
  void add_pipeline_wires(const Program& program);
  std::uint32_t add_wire(Wire wire);

  PlanLayout layout_;
  const Cluster& cluster_;
  CollectiveChoice choice_;
  std::vector<Wire> wires_;
  std::vector<CommGroup> groups_;
  std::array<std::vector<std::uint32_t>, group_kind_count> group_of_;
  std::array<std::vector<CollectiveSpec>, group_kind_count> specs_;
  std::map<std::array<std::uint32_t, 3>, std::uint32_t> pipeline_wire_;
  using PatternKey = std::pair<CollectiveSpec, std::vector<std::vector<std::uint32_t>>>;
  mutable std::map<PatternKey, Pattern> patterns_;
};

/// The spec of a call in a group of `ranks` over `channels`: the vector padded so that it divides evenly (as training
/// frameworks pad their buffers).
CollectiveSpec padded_spec(const CollectiveStep& step, std::size_t ranks, std::size_t channels);

/// Orders for the channels of a ring over `members`: where several members share a node and each node has as many, one
/// channel for each of them, rotated within the node so that every channel leaves and enters through other NICs (NCCL's
/// rings do the same); else one channel in rank order.
std::vector<std::vector<std::uint32_t>> ring_channels(const std::vector<std::uint32_t>& members,
                                                      const Cluster& cluster);

}  // namespace rehearse
