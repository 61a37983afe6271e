// validate(Schedule): what every pass over a schedule must leave true.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "engine/schedule.hpp"
#include "engine/topological_order.hpp"

namespace rehearse {

namespace {

class Validator {
 public:
  explicit Validator(const Schedule& schedule) : schedule_(schedule) {}

  std::vector<std::string> run() {
    for (std::size_t i = 0; i < schedule_.size(); ++i) check_op(i, schedule_.ops()[i]);
    for (const Lane& lane : schedule_.lanes()) {
      if (index(lane.rank) >= ranks()) fault("a lane is of rank {} of {}", index(lane.rank), ranks());
      if (!has_name(lane.name)) fault("a lane has no name {}", index(lane.name));
    }
    for (std::uint32_t i = 0; i < schedule_.part_group_count(); ++i) check_parts(i);
    for (std::uint32_t i = 0; i < schedule_.load_group_count(); ++i)
      for (const Load& load : schedule_.load_group(i))
        if (load.bytes < Bytes()) fault("loads {}: {} bytes", i, load.bytes.value());
    position_.assign(schedule_.size(), no_index);
    const std::vector<OpId> order = topological_order(schedule_);
    for (std::size_t i = 0; i < order.size(); ++i) position_[index(order[i])] = static_cast<std::uint32_t>(i);
    if (order.size() < schedule_.size()) fault("{} ops lie on a cycle or behind one", schedule_.size() - order.size());
    seen_by_.assign(schedule_.size(), no_index);
    for (std::uint32_t i = 0; i < schedule_.spans().size(); ++i) check_span(i, schedule_.spans()[i]);
    return std::move(faults_);
  }

 private:
  template <class... Args>
  void fault(fmt::format_string<Args...> text, Args&&... args) {
    faults_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] std::size_t ranks() const { return schedule_.rank_count(); }
  [[nodiscard]] bool has_name(NameId id) const { return index(id) < schedule_.names().size(); }

  void check_op(std::size_t i, const Op& op) {
    if (!std::isfinite(op.amount) || op.amount < 0) fault("op {}: amount {} is not a finite number >= 0", i, op.amount);
    if (!has_name(op.name)) fault("op {}: no name {}", i, index(op.name));
    if (op.type == OpType::compute) check_compute(i, op);
    if (op.type == OpType::flow) check_flow(i, op);
  }

  void check_compute(std::size_t i, const Op& op) {
    if (op.where != no_index && op.where >= schedule_.lanes().size()) fault("op {}: no lane {}", i, op.where);
    if (op.extra != no_index && op.extra >= schedule_.load_group_count()) fault("op {}: no loads {}", i, op.extra);
    if (op.detail == no_index) return;
    if (op.detail >= schedule_.part_group_count()) return fault("op {}: no parts {}", i, op.detail);
    double sum = 0;
    for (const Part& part : schedule_.parts(op)) sum += part.duration.value();
    if (!(std::abs(sum - op.amount) <= 1e-9 * std::max(sum, op.amount)))  // so written, not-a-number is a fault
      fault("op {}: its parts take {} s, it takes {} s", i, sum, op.amount);
  }

  void check_parts(std::uint32_t group) {
    for (const Part& part : schedule_.part_group(group)) {
      const double duration = part.duration.value(), flops = part.flops.value();
      if (!has_name(part.name)) fault("parts {}: no name {}", group, index(part.name));
      if (!std::isfinite(duration) || duration < 0 || !std::isfinite(flops) || flops < 0)
        fault("parts {}: {} s and {} FLOPs are not finite numbers >= 0", group, duration, flops);
    }
  }

  void check_flow(std::size_t i, const Op& op) {
    if (op.detail >= ranks() || op.extra >= ranks())
      fault("op {}: flow {} -> {} of {} ranks", i, op.detail, op.extra, ranks());
    if (op.amount != std::floor(op.amount)) fault("op {}: {} is not a whole number of bytes", i, op.amount);
  }

  void check_span(std::uint32_t number, const Span& span) {
    if (!has_name(span.name)) return fault("span {}: no name {}", number, index(span.name));
    const std::string& name = schedule_.name(span.name);
    if (index(span.opens) >= schedule_.size() || index(span.closes) >= schedule_.size())
      return fault("span '{}' names an op that is not there", name);
    if (index(span.lane) >= schedule_.lanes().size()) fault("span '{}' has no lane", name);
    if (span.bytes < Bytes()) fault("span '{}' has {} bytes", name, span.bytes.value());
    if (!(span.share >= 0 && span.share < 1)) fault("span '{}' takes a share of {}", name, span.share);
    if (!reaches(span.opens, span.closes, number)) fault("span '{}' does not open before it closes", name);
  }

  /// Whether a chain of edges leads from one op to another. Walks only ops that stand before the latter in
  /// topological order; `mark` is the walk's own.
  bool reaches(OpId from, OpId to, std::uint32_t mark) {
    std::vector<OpId> walk{from};
    while (!walk.empty()) {
      const OpId at = walk.back();
      walk.pop_back();
      if (at == to) return true;
      for (OpId next : schedule_.successors(at)) {
        if (position_[index(next)] > position_[index(to)] || seen_by_[index(next)] == mark) continue;
        seen_by_[index(next)] = mark;
        walk.push_back(next);
      }
    }
    return false;
  }

  const Schedule& schedule_;
  std::vector<std::uint32_t> position_, seen_by_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> validate(const Schedule& schedule) { return Validator(schedule).run(); }

}  // namespace rehearse
