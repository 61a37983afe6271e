#include "engine/schedule.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <stdexcept>

namespace rehearse {

namespace {

constexpr std::array<std::string_view, kind_count> kind_names{
    "forward",        "backward", "recompute",       "optimizer",    "tensor_comm", "pipeline_comm", "data_comm",
    "embedding_comm", "other",    "backward_weight", "context_comm", "expert_comm", "offload"};

/// The slice of a flat array that an interned index names; empty for `no_index`.
template <class T>
std::span<const T> slice(const std::vector<T>& all, const std::vector<std::uint32_t>& first, std::uint32_t i) {
  if (i == no_index) return {};
  return std::span(all).subspan(first[i], first[i + 1] - first[i]);
}

}  // namespace

std::string_view kind_name(Kind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

Kind kind_of_name(std::string_view name) {
  const auto found = std::ranges::find(kind_names, name);
  if (found == kind_names.end()) throw std::invalid_argument("unknown kind '" + std::string(name) + "'");
  return static_cast<Kind>(found - kind_names.begin());
}

std::string_view op_type_name(OpType type) {
  constexpr std::array<std::string_view, 3> names{"compute", "flow", "join"};
  return names[static_cast<std::size_t>(type)];
}

std::span<const OpId> Schedule::successors(OpId id) const {
  const std::size_t i = index(id);
  return std::span(successors_).subspan(first_successor_[i], first_successor_[i + 1] - first_successor_[i]);
}

std::span<const Part> Schedule::parts(const Op& op) const {
  return op.type == OpType::compute ? part_group(op.detail) : std::span<const Part>{};
}

std::span<const Load> Schedule::loads(const Op& op) const {
  return op.type == OpType::compute ? load_group(op.extra) : std::span<const Load>{};
}

std::span<const Part> Schedule::part_group(std::uint32_t i) const { return slice(parts_, first_part_, i); }
std::span<const Load> Schedule::load_group(std::uint32_t i) const { return slice(loads_, first_load_, i); }

LaneId ScheduleBuilder::add_lane(Rank rank, std::string_view lane_name) {
  schedule_.lanes_.push_back({rank, name(lane_name)});
  return LaneId{static_cast<std::uint32_t>(schedule_.lanes_.size() - 1)};
}

std::uint32_t ScheduleBuilder::add_parts(std::span<const Part> parts) {
  if (parts.empty()) return no_index;
  schedule_.parts_.insert(schedule_.parts_.end(), parts.begin(), parts.end());
  schedule_.first_part_.push_back(static_cast<std::uint32_t>(schedule_.parts_.size()));
  return static_cast<std::uint32_t>(schedule_.first_part_.size() - 2);
}

std::uint32_t ScheduleBuilder::add_loads(std::span<const Load> loads) {
  if (loads.empty()) return no_index;
  schedule_.loads_.insert(schedule_.loads_.end(), loads.begin(), loads.end());
  schedule_.first_load_.push_back(static_cast<std::uint32_t>(schedule_.loads_.size()));
  return static_cast<std::uint32_t>(schedule_.first_load_.size() - 2);
}

OpId ScheduleBuilder::add(const Op& op) {
  schedule_.ops_.push_back(op);
  return OpId{static_cast<std::uint32_t>(schedule_.ops_.size() - 1)};
}

OpId ScheduleBuilder::add_compute(NameId name, Kind kind, LaneId lane, Seconds duration, Tags tags, std::uint32_t parts,
                                  std::uint32_t loads) {
  return add({.amount = duration.value(),
              .name = name,
              .where = static_cast<std::uint32_t>(lane),
              .detail = parts,
              .extra = loads,
              .tags = tags,
              .type = OpType::compute,
              .kind = kind});
}

OpId ScheduleBuilder::add_flow(NameId name, Kind kind, Rank source, Rank destination, Bytes bytes, PathId path,
                               Tags tags, std::uint32_t rounds) {
  ++schedule_.flow_count_;
  return add({.amount = static_cast<double>(bytes.value()),
              .name = name,
              .where = static_cast<std::uint32_t>(path),
              .detail = static_cast<std::uint32_t>(source),
              .extra = static_cast<std::uint32_t>(destination),
              .rounds = rounds,
              .tags = tags,
              .type = OpType::flow,
              .kind = kind});
}

OpId ScheduleBuilder::add_join(NameId name, Kind kind, Tags tags) {
  return add({.name = name, .tags = tags, .type = OpType::join, .kind = kind});
}

Schedule ScheduleBuilder::build() {
  const std::size_t n = schedule_.ops_.size();
  schedule_.predecessor_count_.assign(n, 0);
  schedule_.first_successor_.assign(n + 1, 0);
  for (const Edge& e : edges_) {
    if (index(e.before) >= n || index(e.after) >= n) throw std::logic_error("an edge names an op that is not there");
    ++schedule_.first_successor_[index(e.before) + 1];
    ++schedule_.predecessor_count_[index(e.after)];
  }
  for (std::size_t i = 0; i < n; ++i) schedule_.first_successor_[i + 1] += schedule_.first_successor_[i];
  schedule_.successors_.resize(edges_.size());
  std::vector<std::uint32_t> next(schedule_.first_successor_.begin(), schedule_.first_successor_.end() - 1);
  for (const Edge& e : edges_) schedule_.successors_[next[index(e.before)]++] = e.after;
  for (std::size_t i = 0; i < n; ++i)  // one order whatever the order of the edges: the same bytes for the same graph
    std::sort(schedule_.successors_.begin() + schedule_.first_successor_[i],
              schedule_.successors_.begin() + schedule_.first_successor_[i + 1]);
  Schedule done = std::move(schedule_);
  *this = ScheduleBuilder(0);
  return done;
}

}  // namespace rehearse
