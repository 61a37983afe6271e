// PlanLayout: which GPU does what. Tensor ranks are neighbours, then data, then pipeline (Megatron-LM's order).
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/plan.hpp"

namespace rehearse {

class PlanLayout {
 public:
  explicit PlanLayout(const Plan& plan)
      : tensor_(static_cast<std::uint32_t>(plan.tensor)),
        data_(static_cast<std::uint32_t>(plan.data)),
        stages_(static_cast<std::uint32_t>(plan.pipeline)) {}

  [[nodiscard]] std::uint32_t gpus() const { return tensor_ * data_ * stages_; }
  [[nodiscard]] std::uint32_t stages() const { return stages_; }
  [[nodiscard]] std::uint32_t gpus_per_stage() const { return tensor_ * data_; }
  [[nodiscard]] std::uint32_t gpu(std::uint32_t tensor, std::uint32_t data, std::uint32_t stage) const {
    return (stage * data_ + data) * tensor_ + tensor;
  }
  [[nodiscard]] std::uint32_t stage_of(std::uint32_t gpu) const { return gpu / (tensor_ * data_); }
  [[nodiscard]] std::uint32_t data_of(std::uint32_t gpu) const { return gpu / tensor_ % data_; }
  [[nodiscard]] std::uint32_t tensor_of(std::uint32_t gpu) const { return gpu % tensor_; }
  /// The GPU that does the same on another stage.
  [[nodiscard]] std::uint32_t peer(std::uint32_t gpu_id, std::uint32_t stage) const {
    return gpu(tensor_of(gpu_id), data_of(gpu_id), stage);
  }

 private:
  std::uint32_t tensor_, data_, stages_;
};

}  // namespace rehearse
