// Communication: every group and every wire that jobs use on a cluster.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "platforms/cluster.hpp"
#include "workloads/collectives/transfer_graph.hpp"
#include "workloads/job_layout.hpp"
#include "workloads/program.hpp"

namespace rehearse {

inline constexpr std::uint32_t no_group = no_index;

/// A way from one worker to another that flows take again and again: one neighbour of one channel of a collective, or
/// one neighbour of the pipeline.
struct Wire {
  std::uint32_t from = 0, to = 0;  ///< workers; of a message to or from a switch that computes: both are the same
  std::uint32_t group = no_group;  ///< index into Communication::groups; no_group: pipeline
  Phase phase = Phase::forward;    ///< of a pipeline wire: activations or gradients
  std::vector<LinkId> route;       ///< links of the cluster
  std::uint64_t flow = 0;          ///< as Cluster::route has it
  bool to_switch = false;          ///< or from one
  bool beside = false;             ///< of collectives that may run beside other work of their members
  std::uint32_t use = 0;           ///< wires of one group that differ in it never carry flows at the same time
  std::optional<HostWay> host;     ///< no message: a copy of one worker's, or what its CPUs do
  bool every_latency = false;      ///< flows pay that of all links, not only of those between switches of the fabric
  Seconds latency;  ///< of a pipeline's message, or a copy; a collective's flows have their own (FlowCost)
};

/// A collective that groups of one kind are called for.
struct CollectiveSpec {
  CollectiveOp op = CollectiveOp::all_reduce;
  std::int64_t elements = 0, element_bytes = 1;
  friend auto operator<=>(const CollectiveSpec&, const CollectiveSpec&) = default;
};

/// One flow of a collective in a group: its bytes on the wire, the time from the last byte leaving to its arrival, and
/// which of CommGroup::wires it takes.
struct FlowCost {
  Bytes bytes;
  Seconds latency;
  std::uint32_t wire = 0;
  friend auto operator<=>(const FlowCost&, const FlowCost&) = default;
};
using FlowCosts = std::vector<FlowCost>;  ///< by flow of Communication::prepared

struct CommGroup {
  GroupKind kind = GroupKind::tensor;
  std::uint32_t job = 0;
  std::vector<std::uint32_t> members;  ///< workers, by position
  CollectiveGroup view;
  /// What groups of its kind and job are called for, each once. Groups that are spread in different ways have
  /// different channels of rings, and so may pad one call to different lengths.
  std::vector<CollectiveSpec> specs;
  std::set<CollectiveSpec> beside;   ///< those of calls that may run beside other work of their members
  std::vector<std::uint32_t> wires;  ///< indices into Communication::wires
  /// Groups whose flows cost the same share one.
  std::map<CollectiveSpec, std::shared_ptr<const FlowCosts>> costs;
};

/// When flows of a job can be under way together.
struct Concurrency {
  bool blocking_sends = true;  ///< pipeline sends keep the sender from doing anything else
  bool repeated = false;       ///< the next iteration's messages may meet the collectives at the end of this one
  std::set<std::uint32_t> overlapped;           ///< calls of the program that may run beside what their members do
  std::array<bool, group_kind_count> during{};  ///< by kind of group: some come before a member's last receive
};

/// A collective of one group: what was chosen, and its messages.
struct PreparedCollective {
  CollectiveCandidate chosen;
  bool fluid = false;
  TransferGraph graph;
};

class Communication {
 public:
  /// The groups and wires of `program`, which is that of the jobs on `cluster`. Keeps references to both.
  Communication(std::span<const Job> jobs, const Program& program, const Cluster& cluster);

  [[nodiscard]] const JobLayout& layout() const { return layout_; }
  [[nodiscard]] const Cluster& cluster() const { return cluster_; }
  [[nodiscard]] std::span<const Wire> wires() const { return wires_; }
  [[nodiscard]] std::span<const CommGroup> groups() const { return groups_; }
  [[nodiscard]] const Concurrency& concurrency(std::uint32_t job) const { return concurrency_[job]; }
  /// The group of `kind` that the worker belongs to; no_group: none (a group of one is none).
  [[nodiscard]] std::uint32_t group_of(std::uint32_t worker, GroupKind kind) const {
    return group_of_[static_cast<std::size_t>(kind)][worker];
  }
  /// The pipeline wire from the worker to its peer on `stage`.
  [[nodiscard]] std::uint32_t pipeline_wire(std::uint32_t from, std::uint32_t to_stage, Phase phase) const;
  /// The worker's wire to its host, or from it, or within.
  [[nodiscard]] std::uint32_t host_wire(std::uint32_t worker, HostWay way) const;
  /// One collective of a group; chosen and made once for all groups of a job that are spread alike over nodes of the
  /// same types.
  [[nodiscard]] const PreparedCollective& prepared(const CommGroup& group, const CollectiveSpec& spec) const;

 private:
  void add_groups(std::uint32_t job);
  void add_concurrency(const Program& program);
  void add_group(GroupKind kind, std::uint32_t job, std::vector<std::uint32_t> members);
  void add_specs(const Program& program);
  void add_collective_wires(std::uint32_t group);
  void add_pipeline_wires(const Program& program);
  void add_host_wires(const Program& program);
  std::uint32_t add_wire(Wire wire);
  std::shared_ptr<const FlowCosts> shared(const PreparedCollective& collective, FlowCosts costs);

  std::span<const Job> jobs_;
  JobLayout layout_;
  const Cluster& cluster_;
  std::vector<Wire> wires_;
  std::vector<CommGroup> groups_;
  std::vector<Concurrency> concurrency_;  // by job
  std::array<std::vector<std::uint32_t>, group_kind_count> group_of_;
  std::map<std::array<std::uint32_t, 3>, std::uint32_t> pipeline_wire_;
  std::map<std::pair<std::uint32_t, HostWay>, std::uint32_t> host_wire_;
  std::map<const PreparedCollective*, std::vector<std::shared_ptr<const FlowCosts>>> costs_;
  using Spread = std::vector<std::vector<std::uint32_t>>;  // positions by node
  using Types = std::vector<std::uint32_t>;                // groups of the cluster's nodes
  mutable std::map<std::tuple<std::uint32_t, CollectiveSpec, Spread, Types, bool>, PreparedCollective> prepared_;
};

/// The spec of a call in a group: the vector padded so that it divides evenly over ranks and ring channels (as training
/// frameworks pad their buffers).
CollectiveSpec padded_spec(const CollectiveStep& step, const CollectiveGroup& group);

}  // namespace rehearse
