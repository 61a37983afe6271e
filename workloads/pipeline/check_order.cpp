#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "workloads/pipeline/order_clock.hpp"

namespace rehearse {

namespace {

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::forward: return "forward";
    case Phase::backward: return "backward";
    case Phase::backward_input: return "backward_input";
    case Phase::backward_weight: return "backward_weight";
  }
  return "";
}

std::string text_of(const Pass& pass) {
  return fmt::format("{} of micro batch {} through chunk {}", name_of(pass.phase), pass.micro_batch, pass.chunk);
}

class OrderCheck {
 public:
  OrderCheck(const PipelineRow& row, const PipelineShape& shape) : row_(row), shape_(shape) {}

  /// Faults of the passes of a stage by themselves.
  void stage(const std::vector<Pass>& passes, std::size_t stage) {
    std::map<std::tuple<std::int32_t, std::int32_t, Phase>, int> times;
    for (const Pass& pass : passes) {
      if (exists(pass))
        ++times[{pass.micro_batch, pass.chunk, pass.phase}];
      else
        fault(stage, fmt::format("{}, which there is not", text_of(pass)));
    }
    for (std::int32_t i = 0; i < shape_.micro_batches; ++i)
      for (std::int32_t chunk = 0; chunk < shape_.chunks; ++chunk) {
        if (!exists({Phase::forward, i, chunk})) continue;
        const auto times_of = [&](Phase phase) { return times[{i, chunk, phase}]; };
        const int whole = times_of(Phase::backward), inputs = times_of(Phase::backward_input),
                  weights = times_of(Phase::backward_weight);
        once(stage, {Phase::forward, i, chunk}, times_of(Phase::forward));
        if (whole > 0 || inputs + weights == 0) {
          once(stage, {Phase::backward, i, chunk}, whole + std::max(inputs, weights));
        } else {
          once(stage, {Phase::backward_input, i, chunk}, inputs);
          once(stage, {Phase::backward_weight, i, chunk}, weights);
        }
      }
    if (!passes.empty() && passes.back().paired)
      fault(stage, fmt::format("{} is paired with a pass after the last", text_of(passes.back())));
  }

  /// A wait in a circle, in an order without other faults.
  void waits(const std::vector<std::vector<Pass>>& order) {
    const OrderTimes times = time_order(row_.layout, shape_, order, {});
    for (std::size_t s = 0; s < order.size(); ++s)
      if (times.spans[s].size() < order[s].size())
        fault(s, fmt::format("waits for ever to begin {}", text_of(order[s][times.spans[s].size()])));
  }

  void fault(std::size_t stage, std::string_view what) {
    faults.push_back(fmt::format("{}: stage {}: {}", row_.name, stage, what));
  }

  std::vector<std::string> faults;

 private:
  [[nodiscard]] bool exists(const Pass& pass) const {
    if (pass.micro_batch < 0 || pass.micro_batch >= shape_.micro_batches) return false;
    if (pass.chunk < 0 || pass.chunk >= shape_.chunks) return false;
    return row_.layout != ChunkLayout::bidirectional || pass.chunk == replica_of(row_.layout, pass.micro_batch);
  }

  void once(std::size_t stage, const Pass& pass, int times) {
    if (times == 1) return;
    fault(stage, times == 0 ? fmt::format("{} is missing", text_of(pass))
                            : fmt::format("{} is done {} times", text_of(pass), times));
  }

  const PipelineRow& row_;
  const PipelineShape& shape_;
};

}  // namespace

std::vector<std::string> check_order(const PipelineRow& row, const PipelineShape& shape,
                                     const std::vector<std::vector<Pass>>& order) {
  if (order.size() != static_cast<std::size_t>(shape.stages))
    return {fmt::format("{}: passes of {} stages, not of {}", row.name, order.size(), shape.stages)};
  OrderCheck check(row, shape);
  for (std::size_t s = 0; s < order.size(); ++s) check.stage(order[s], s);
  if (check.faults.empty()) check.waits(order);
  return check.faults;
}

}  // namespace rehearse
