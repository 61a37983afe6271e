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
    for (const Lane& lane : schedule_.lanes())
      if (index(lane.rank) >= schedule_.rank_count()) fault("a lane is of rank {} of {}", index(lane.rank), ranks());
    position_.assign(schedule_.size(), no_index);
    const std::vector<OpId> order = topological_order(schedule_);
    for (std::size_t i = 0; i < order.size(); ++i) position_[index(order[i])] = static_cast<std::uint32_t>(i);
    if (order.size() < schedule_.size()) fault("{} ops lie on a cycle or behind one", schedule_.size() - order.size());
    for (const Span& span : schedule_.spans()) check_span(span);
    return std::move(faults_);
  }

 private:
  template <class... Args>
  void fault(fmt::format_string<Args...> text, Args&&... args) {
    faults_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] std::size_t ranks() const { return schedule_.rank_count(); }

  void check_op(std::size_t i, const Op& op) {
    if (!std::isfinite(op.amount) || op.amount < 0) fault("op {}: amount {} is not a finite number >= 0", i, op.amount);
    if (op.type == OpType::compute) check_compute(i, op);
    if (op.type == OpType::flow) check_flow(i, op);
  }

  void check_compute(std::size_t i, const Op& op) {
    if (op.where != no_index && op.where >= schedule_.lanes().size()) fault("op {}: no lane {}", i, op.where);
    if (op.detail == no_index) return;
    double sum = 0;
    for (const Part& part : schedule_.parts(op)) sum += part.duration.value();
    if (std::abs(sum - op.amount) > 1e-9 * std::max(sum, op.amount))
      fault("op {}: its parts take {} s, it takes {} s", i, sum, op.amount);
  }

  void check_flow(std::size_t i, const Op& op) {
    if (op.detail >= ranks() || op.extra >= ranks())
      fault("op {}: flow {} -> {} of {} ranks", i, op.detail, op.extra, ranks());
    if (op.amount != std::floor(op.amount)) fault("op {}: {} is not a whole number of bytes", i, op.amount);
    if (op.rounds < 1) fault("op {}: a flow pays its latency at least once", i);
  }

  void check_span(const Span& span) {
    const std::string& name = schedule_.name(span.name);
    if (index(span.opens) >= schedule_.size() || index(span.closes) >= schedule_.size())
      return fault("span '{}' names an op that is not there", name);
    if (index(span.lane) >= schedule_.lanes().size()) fault("span '{}' has no lane", name);
    if (position_[index(span.opens)] > position_[index(span.closes)]) fault("span '{}' closes before it opens", name);
  }

  const Schedule& schedule_;
  std::vector<std::uint32_t> position_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> validate(const Schedule& schedule) { return Validator(schedule).run(); }

}  // namespace rehearse
