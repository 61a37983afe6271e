// ZB-V (Qi et al. 2024, "Pipeline Parallelism with Controllable Memory", arXiv 2405.15362): the model goes down the
// stages and back up, so that a stage holds an early chunk, long in flight, and a late one, short in flight; in the
// steady state it does the three passes of the one and of the other in turn. No stage holds more than p micro batches
// (2 p passes through chunks), and none is idle between its passes if all three kinds take the same time.
#include <algorithm>
#include <array>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const PipelineShape& shape) { return only_two_chunks("zb_v", shape); }

/// Writes the passes of a stage, those of each chunk and phase by micro batch. Fewer than 2 p - 1 micro batches are
/// that many with the passes of the others left out.
class Stage {
 public:
  Stage(const PipelineShape& shape, std::int32_t stage)
      : stages_(shape.stages), stage_(stage), real_(shape.micro_batches), all_(std::max(real_, 2 * stages_ - 1)) {}

  std::vector<Pass> build() {
    warm_up();
    for (std::int32_t i = 0; i < all_ - stages_; ++i) {
      if (count(Phase::forward, 0) < all_) next(Phase::forward, 0);
      backward(0);
      next(Phase::forward, 1);
      backward(1);
    }
    cool_down();
    return std::move(passes_);
  }

 private:
  /// As many forwards as there is time for before the first backward comes up again.
  void warm_up() {
    for (std::int32_t i = 0; i < 2 * (stages_ - stage_) - 1; ++i) next(Phase::forward, 0);
    for (std::int32_t i = 0; i < stage_; ++i) {
      next(Phase::forward, 1);
      next(Phase::forward, 0);
    }
    for (std::int32_t i = 0; i < stages_ - stage_; ++i) {
      next(Phase::forward, 1);
      backward(1);
    }
  }

  /// Gradients of inputs go first, since another stage waits for them; those of weights fill the end.
  void cool_down() {
    for (std::int32_t i = 0; i < stage_; ++i) {
      next(Phase::backward_input, 0);
      next(Phase::backward_input, 1);
    }
    for (std::int32_t i = 0; i < stages_ - stage_; ++i) backward(0);
    for (std::int32_t chunk : {1, 0})
      for (std::int32_t i = 0; i < stage_; ++i) next(Phase::backward_weight, chunk);
  }

  void backward(std::int32_t chunk) {
    next(Phase::backward_input, chunk);
    next(Phase::backward_weight, chunk);
  }

  std::int32_t& count(Phase phase, std::int32_t chunk) {
    return counts_[2 * static_cast<std::size_t>(phase) + static_cast<std::size_t>(chunk)];
  }

  void next(Phase phase, std::int32_t chunk) {
    const std::int32_t micro_batch = count(phase, chunk)++;
    if (micro_batch < real_) passes_.push_back({phase, micro_batch, chunk});
  }

  std::int32_t stages_, stage_, real_, all_;
  std::array<std::int32_t, 8> counts_{};  // by phase and chunk
  std::vector<Pass> passes_;
};

}  // namespace

const PipelineRow zb_v_row{.name = "zb_v",
                           .description =
                               "zero bubble on a model that goes down the stages and up again, in the memory "
                               "of 1F1B (Qi et al. 2024)",
                           .layout = ChunkLayout::v_shaped,
                           .check = check,
                           .order = stage_by_stage<Stage>,
                           .default_chunks = 2};

}  // namespace rehearse
