// DualPipe (DeepSeek-AI 2024, arXiv 2412.19437, Section 3.2.1 and Figure 5): two replicas of the model lie against each
// other and each takes half of the micro batches. In the middle a stage does the forward of one direction hand in hand
// with the backward of the other; at both ends the backward is in two pieces, so that gradients of weights fill what
// was idle. A stage holds at most p + 1 micro batches. The bubble is (p / 2 - 1)(F&B + B - 3 W) (Table 2: B is the
// whole backward, F&B a pair) where a forward takes as long as the gradients of inputs, and those of weights not
// longer.
#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const PipelineShape& shape) {
  std::vector<std::string> reasons = from_both_ends("dualpipe", shape);
  if (shape.micro_batches % 2 != 0)
    reasons.push_back(
        fmt::format("dualpipe takes micro batches from both ends: they must be even, not {}", shape.micro_batches));
  if (shape.micro_batches < 2 * shape.stages)
    reasons.push_back(fmt::format("dualpipe needs at least 2 x pipeline = {} micro batches, not {}", 2 * shape.stages,
                                  shape.micro_batches));
  return reasons;
}

/// Writes the passes of a stage. Direction 0 enters the pipeline at the end that the stage is nearer to, 1 at the
/// other; `out` is the stage's distance from its end, `in` that from the middle.
class Stage {
 public:
  Stage(const PipelineShape& shape, std::int32_t stage)
      : shape_(shape),
        out_(std::min(stage, shape.stages - 1 - stage)),
        in_(shape.stages / 2 - 1 - out_),
        first_replica_(stage < shape.stages / 2 ? 0 : 1) {}

  std::vector<Pass> build() {
    for (std::int32_t i = 0; i < 2 * in_; ++i) forward(0);
    for (std::int32_t i = 0; i <= out_; ++i) {
      forward(0);
      forward(1);
    }
    for (std::int32_t i = 0; i < in_; ++i) {
      input(1);
      weight();
      forward(1);
    }
    middle();
    cool_down();
    return std::move(passes_);
  }

 private:
  void middle() {
    for (std::int32_t i = 0; i < shape_.micro_batches / 2 - shape_.stages + out_ + 1; ++i) {
      // On the innermost stages that forward would wait for its backward.
      const bool apart = i == 0 && in_ == 0;
      forward(0, !apart);
      backward(1);
      forward(1, true);
      backward(0);
    }
    for (std::int32_t i = 0; i < in_; ++i) {
      backward(1);
      forward(1, true);
      backward(0);
    }
  }

  /// The last backwards; from the middle of them on the gradients of weights are put off.
  void cool_down() {
    for (std::int32_t i = 0; i < 2 * (out_ + 1); ++i) {
      const std::int32_t direction = i % 2 == 0 ? 1 : 0;
      if (i <= out_) {
        backward(direction);
      } else {
        input(direction);
      }
    }
    for (std::int32_t i = 0; i < in_; ++i) {
      weight();
      input(0);
    }
    for (std::int32_t i = 0; i <= out_; ++i) weight();
  }

  /// The next pass of that phase of a direction.
  Pass next(Phase phase, std::int32_t direction, std::int32_t& count) {
    const std::int32_t replica = first_replica_ ^ direction;
    return {phase, 2 * count++ + replica, replica};
  }
  static std::size_t at(std::int32_t direction) { return static_cast<std::size_t>(direction); }

  void forward(std::int32_t direction, bool paired = false) {
    passes_.push_back(next(Phase::forward, direction, forwards_[at(direction)]));
    passes_.back().paired = paired;
  }
  void backward(std::int32_t direction) {
    passes_.push_back(next(Phase::backward, direction, backwards_[at(direction)]));
  }
  void input(std::int32_t direction) {
    passes_.push_back(next(Phase::backward_input, direction, backwards_[at(direction)]));
    put_off_.push_back(passes_.back());
  }
  void weight() {
    passes_.push_back(put_off_.front());
    passes_.back().phase = Phase::backward_weight;
    put_off_.pop_front();
  }

  PipelineShape shape_;
  std::int32_t out_, in_, first_replica_;
  std::array<std::int32_t, 2> forwards_{}, backwards_{};  // so far, by direction
  std::deque<Pass> put_off_;                              // whose gradients of weights are still to be done
  std::vector<Pass> passes_;
};

}  // namespace

const PipelineRow dualpipe_row{.name = "dualpipe",
                               .description =
                                   "micro batches from both ends, forwards hand in hand with backwards "
                                   "(DeepSeek-V3)",
                               .layout = ChunkLayout::bidirectional,
                               .check = check,
                               .order = stage_by_stage<Stage>,
                               .default_chunks = 2};

}  // namespace rehearse
