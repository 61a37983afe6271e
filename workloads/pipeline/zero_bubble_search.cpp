// The heuristic of Qi et al. 2024, Section 3.1. A stage warms up with forwards until the first backward comes or its
// memory is full; then it does a backward and a forward in turn. Gradients of weights fill gaps that are as long as
// they, and shorter ones on the stage that has been idle longest; they give back memory where it is full, and come at
// the end. How far stages warm up against each other is tried both ways, and the order whose longest stage is shortest
// is taken; that by hand, where forwards are so long that it is the shorter.
#include <algorithm>

#include "workloads/pipeline/order_clock.hpp"
#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

class Search {
 public:
  Search(const PipelineShape& shape, const PassTimes& times, double limit, bool descending)
      : shape_(shape),
        times_(times),
        limit_(limit),
        descending_(descending),
        stages_(static_cast<std::size_t>(shape.stages)) {}

  PipelineOrder build() {
    for (std::size_t s = 0; s < stages_.size(); ++s) warm_up(s);
    while (stages_.front().inputs.size() < micro_batches()) {
      for (std::size_t s = stages_.size(); s-- > 0;) backward(s);
      for (std::size_t s = 0; s < stages_.size(); ++s) forward(s);
    }
    PipelineOrder order;
    for (Stage& stage : stages_) {
      while (weight_left(stage)) weight(stage);
      order.push_back(std::move(stage.passes));
    }
    return order;
  }

 private:
  struct Stage {
    std::vector<Pass> passes;
    std::vector<double> forwards, inputs;  // when they ended, by micro batch
    std::size_t weights = 0;               // done
    double now = 0, idle = 0, held = 0;
  };

  void warm_up(std::size_t s) {
    const auto p = static_cast<double>(stages_.size()), after = static_cast<double>(stages_.size() - 1 - s);
    const double first_backward =
        p * times_.forward + (p - 1) * times_.message + after * (times_.backward_input + times_.message);
    std::size_t most = micro_batches();
    if (s > 0) most = stages_[s - 1].forwards.size();
    if (s > 0 && descending_) most = std::max<std::size_t>(most, 2) - 1;
    Stage& stage = stages_[s];
    while (stage.forwards.size() < most && stage.held + 1 <= limit_ + slack) {
      const double end = std::max(stage.now, forward_ready(s)) + times_.forward;
      if (!stage.forwards.empty() && end > first_backward * (1 + slack)) break;
      forward(s);
    }
  }

  [[nodiscard]] double forward_ready(std::size_t s) const {
    return s == 0 ? 0 : stages_[s - 1].forwards[stages_[s].forwards.size()] + times_.message;
  }

  /// The next forward, if the stage before has done it and memory can be had for it.
  void forward(std::size_t s) {
    Stage& stage = stages_[s];
    if (stage.forwards.size() == (s == 0 ? micro_batches() : stages_[s - 1].forwards.size())) return;
    while (stage.held + 1 > limit_ + slack) {
      if (!weight_left(stage)) return;
      weight(stage);
    }
    wait(stage, forward_ready(s));
    stage.held += 1;
    stage.forwards.push_back(run(stage, Phase::forward, stage.forwards.size(), times_.forward));
  }

  /// The next gradient of inputs, if the stage after has done it.
  void backward(std::size_t s) {
    Stage& stage = stages_[s];
    const std::size_t i = stage.inputs.size();
    if (i == stage.forwards.size()) return;
    const bool last = s + 1 == stages_.size();
    if (!last && i == stages_[s + 1].inputs.size()) return;
    wait(stage, last ? stage.forwards[i] : stages_[s + 1].inputs[i] + times_.message);
    stage.held -= 1 - times_.kept;
    stage.inputs.push_back(run(stage, Phase::backward_input, i, times_.backward_input));
  }

  static bool weight_left(const Stage& stage) { return stage.weights < stage.inputs.size(); }

  void weight(Stage& stage) {
    stage.held -= times_.kept;
    run(stage, Phase::backward_weight, stage.weights++, times_.backward_weight);
  }

  /// Until then the stage does gradients of weights, or nothing.
  void wait(Stage& stage, double until) {
    while (weight_left(stage) && stage.now + times_.backward_weight <= until * (1 + slack)) weight(stage);
    if (stage.now >= until) return;
    if (weight_left(stage) && stage.idle + until - stage.now > most_idle_) weight(stage);
    if (!stage.passes.empty()) stage.idle += std::max(0.0, until - stage.now);  // before the first it is no loss
    most_idle_ = std::max(most_idle_, stage.idle);
    stage.now = std::max(stage.now, until);
  }

  /// When it ends.
  double run(Stage& stage, Phase phase, std::size_t micro_batch, double duration) {
    stage.passes.push_back({phase, static_cast<std::int32_t>(micro_batch)});
    return stage.now += duration;
  }

  [[nodiscard]] std::size_t micro_batches() const { return static_cast<std::size_t>(shape_.micro_batches); }

  static constexpr double slack = 1e-9;  // of sums that are equal but for their rounding

  PipelineShape shape_;
  PassTimes times_;
  double limit_;
  bool descending_;  // a stage warms up with fewer forwards than the one before, even if it had time for more
  std::vector<Stage> stages_;
  double most_idle_ = 0;  // of a stage
};

}  // namespace

PipelineOrder search_zero_bubble(const PipelineShape& shape, const PassTimes& times, std::int32_t depth) {
  const auto cost_of = [&](const PipelineOrder& order) {
    return time_order(ChunkLayout::looped, shape, order, times).longest_stage;
  };
  PipelineOrder best = delayed_weights(shape, depth);
  double least = cost_of(best);
  for (bool descending : {false, true}) {
    PipelineOrder order = Search(shape, times, depth * shape.stages, descending).build();
    const double cost = cost_of(order);
    if (cost >= least) continue;
    least = cost;
    best = std::move(order);
  }
  return best;
}

}  // namespace rehearse
