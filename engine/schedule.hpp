// Schedule: a directed acyclic graph of ops in flat arrays.
//
// An op is a *compute* (a lane, a duration), a *flow* (source, destination, bytes, the path it takes) or a *join*
// (no time; gathers predecessors). An op starts when all its predecessors have ended; a compute also waits for its
// lane, which serves ready ops in order of readiness, then of id.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/names.hpp"
#include "engine/base/units.hpp"

namespace rehearse {

enum class OpType : std::uint8_t { compute, flow, join };

/// What an op is for: colours in the trace, rows of the breakdown.
enum class Kind : std::uint8_t {
  forward,
  backward,
  recompute,
  optimizer,
  tensor_comm,
  pipeline_comm,
  data_comm,
  embedding_comm,  ///< of parameters that two stages share
  other,
  backward_weight,  ///< gradients of weights, where they are a pass of their own
  context_comm,
  expert_comm,
  offload  ///< to the host's memory and back
};
inline constexpr std::size_t kind_count = 13;
std::string_view kind_name(Kind kind);
/// The inverse; throws std::invalid_argument.
Kind kind_of_name(std::string_view name);
std::string_view op_type_name(OpType type);

inline constexpr LaneId no_lane{std::numeric_limits<std::uint32_t>::max()};
inline constexpr std::uint32_t no_index = std::numeric_limits<std::uint32_t>::max();

/// Where an op belongs; -1: does not apply.
struct Tags {
  std::int32_t micro_batch = -1;
  std::int16_t layer = -1;
  std::int16_t stage = -1;
  friend bool operator==(const Tags&, const Tags&) = default;
};

/// One op. The meaning of the shared words depends on the type; use the named accessors of Schedule.
struct Op {
  double amount = 0;  ///< compute: seconds; flow: bytes (whole); join: 0
  NameId name{};
  std::uint32_t where = no_index;   ///< compute: lane; flow: path
  std::uint32_t detail = no_index;  ///< compute: parts (interned) or none; flow: source rank
  std::uint32_t extra = no_index;   ///< compute: traffic (interned) or none; flow: destination rank
  std::uint32_t rounds = 1;         ///< flow: how many times the path's latency is paid; 0: what follows pays it
  Tags tags;
  OpType type = OpType::join;
  Kind kind = Kind::other;
};
static_assert(sizeof(Op) <= 56, "with the two words of its edges an op stays within 64 bytes");

/// A serial resource: one GPU's compute stream or communication stream.
struct Lane {
  Rank rank{};
  NameId name{};  ///< "compute", "communication"
};

/// A piece of a merged compute op, kept for the trace and for FLOP accounting.
struct Part {
  NameId name{};
  Seconds duration;
  Flops flops;
};

/// Bytes that a compute op stands for (a collective whose time was replayed once): they count on the path's links.
struct Load {
  PathId path{};
  Bytes bytes;
};

/// A slice that covers several ops on one lane: from the end of `opens` to the end of `closes` (a collective on a
/// communication stream). While it is open it may take a share of its rank's GPU from compute ops on the rank's lanes:
/// they go at 1 - share of their rate, and where several are open at the product.
struct Span {
  NameId name{};
  LaneId lane = no_lane;
  OpId opens{}, closes{};
  Bytes bytes;
  Tags tags;
  Kind kind = Kind::other;
  double share = 0;  ///< from 0 to less than 1
};

/// Built by ScheduleBuilder; read only.
class Schedule {
 public:
  [[nodiscard]] std::size_t size() const { return ops_.size(); }
  [[nodiscard]] std::span<const Op> ops() const { return ops_; }
  [[nodiscard]] const Op& op(OpId id) const { return ops_[index(id)]; }
  [[nodiscard]] std::span<const OpId> successors(OpId id) const;
  /// Of all ops one after another, in the order of ops.
  [[nodiscard]] std::span<const OpId> all_successors() const { return successors_; }
  [[nodiscard]] std::uint32_t predecessor_count(OpId id) const { return predecessor_count_[index(id)]; }
  [[nodiscard]] std::size_t edge_count() const { return successors_.size(); }
  [[nodiscard]] std::span<const Lane> lanes() const { return lanes_; }
  [[nodiscard]] std::span<const Span> spans() const { return spans_; }
  [[nodiscard]] const NamePool& names() const { return names_; }
  [[nodiscard]] const std::string& name(NameId id) const { return names_[id]; }
  [[nodiscard]] std::uint32_t rank_count() const { return rank_count_; }
  [[nodiscard]] std::size_t flow_count() const { return flow_count_; }

  // Named views of the shared words. Calling one on an op of another type is a programming error (assert).
  [[nodiscard]] static Seconds duration(const Op& op) { return Seconds(op.amount); }
  [[nodiscard]] static LaneId lane(const Op& op) { return LaneId{op.where}; }
  [[nodiscard]] static Bytes bytes(const Op& op) { return Bytes(static_cast<std::int64_t>(op.amount)); }
  [[nodiscard]] static PathId path(const Op& op) { return PathId{op.where}; }
  [[nodiscard]] static Rank source(const Op& op) { return Rank{op.detail}; }
  [[nodiscard]] static Rank destination(const Op& op) { return Rank{op.extra}; }
  [[nodiscard]] std::span<const Part> parts(const Op& op) const;  ///< of a compute; empty where none were kept
  [[nodiscard]] std::span<const Load> loads(const Op& op) const;  ///< of a compute
  [[nodiscard]] std::size_t part_group_count() const { return first_part_.size() - 1; }
  [[nodiscard]] std::span<const Part> part_group(std::uint32_t i) const;
  [[nodiscard]] std::size_t load_group_count() const { return first_load_.size() - 1; }
  [[nodiscard]] std::span<const Load> load_group(std::uint32_t i) const;

 private:
  friend class ScheduleBuilder;
  std::vector<Op> ops_;
  std::vector<std::uint32_t> first_successor_;  // size()+1
  std::vector<OpId> successors_;
  std::vector<std::uint32_t> predecessor_count_;
  std::vector<Lane> lanes_;
  std::vector<Span> spans_;
  std::vector<Part> parts_;
  std::vector<std::uint32_t> first_part_{0};
  std::vector<Load> loads_;
  std::vector<std::uint32_t> first_load_{0};
  NamePool names_;
  std::uint32_t rank_count_ = 0;
  std::size_t flow_count_ = 0;
};

/// Appends ops and edges, then `build()`. Edges from lower to higher ids cannot make a cycle; `validate` looks for one.
class ScheduleBuilder {
 public:
  explicit ScheduleBuilder(std::uint32_t rank_count) { schedule_.rank_count_ = rank_count; }

  NameId name(std::string_view text) { return schedule_.names_.intern(text); }
  LaneId add_lane(Rank rank, std::string_view name);
  /// Keep the pieces of a merged compute op / the loads of a replayed collective, as a group that ops may share: pass
  /// the index to add_compute. No pieces: `no_index`.
  std::uint32_t add_parts(std::span<const Part> parts);
  std::uint32_t add_loads(std::span<const Load> loads);

  OpId add_compute(NameId name, Kind kind, LaneId lane, Seconds duration, Tags tags = {},
                   std::uint32_t parts = no_index, std::uint32_t loads = no_index);
  OpId add_flow(NameId name, Kind kind, Rank source, Rank destination, Bytes bytes, PathId path, Tags tags = {},
                std::uint32_t rounds = 1);
  OpId add_join(NameId name = {}, Kind kind = Kind::other, Tags tags = {});
  /// `after` starts only when `before` has ended. A second identical edge is harmless.
  void add_edge(OpId before, OpId after) { edges_.push_back({before, after}); }
  void add_edges(std::span<const OpId> before, OpId after) {
    for (OpId b : before) add_edge(b, after);
  }
  void add_span(Span span) { schedule_.spans_.push_back(span); }
  [[nodiscard]] std::size_t size() const { return schedule_.ops_.size(); }

  /// Hands the schedule over; the builder is empty afterwards.
  Schedule build();

 private:
  struct Edge {
    OpId before, after;
  };
  OpId add(const Op& op);
  Schedule schedule_;
  std::vector<Edge> edges_;
};

/// What `validate` found wrong, a line each; empty for a good schedule. Checks: edges acyclic, ids in range (but for
/// paths: those are the network's), durations finite and not negative, bytes whole and not negative, ranks below
/// rank_count, spans that open before they close (`opens` reaches `closes`) and have a share of 0 to less than 1, part
/// durations adding up to the op's within 1e-9 of it.
std::vector<std::string> validate(const Schedule& schedule);

/// The text form: one op a line, readable and readable back (`read_text(write_text(s))` gives the same schedule).
void write_text(const Schedule& schedule, std::ostream& out);
/// Throws InputError with file and line for what it cannot read.
Schedule read_text(std::istream& in, const std::string& file);

}  // namespace rehearse
