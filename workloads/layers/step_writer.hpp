// StepWriter: the sizes that the layers of a model share on one GPU, and the steps that they append. Private to
// workloads.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "workloads/steps.hpp"

namespace rehearse {

/// What becomes of a tensor that a backward pass needs.
enum class Recording : std::uint8_t {
  kept,       ///< from here to its backward pass
  forgotten,  ///< it is made again there: here it lives until end_part
  remade      ///< it is being made again
};

/// Appends the steps of one chunk. Sizes are of one micro batch on one GPU.
class StepWriter {
 public:
  StepWriter(const Model& model, const Plan& plan);

  void at(std::int16_t layer, std::string_view block, Kind kind) {
    layer_ = layer;
    block_ = block;
    kind_ = kind;
  }
  [[nodiscard]] std::int16_t layer() const { return layer_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  void set_kind(Kind kind) { kind_ = kind; }
  /// Whether what follows is the gradient of a weight (KernelStep::of_weight).
  void set_of_weight(bool of_weight) { of_weight_ = of_weight; }

  void gemm(std::string_view name, Layout layout, std::int64_t m, std::int64_t n, std::int64_t k,
            std::int64_t batch = 1);
  /// A memory-bound kernel that moves `per_element` bytes for each of `elements`, in so many launches.
  void stream(std::string_view name, StreamKind kind, std::int64_t per_element, std::int64_t elements,
              std::int64_t launches = 1);
  void kernel(std::string_view name, decltype(Kernel::work) work);

  /// A collective of the group (left out where it has one member).
  void collective(GroupKind group, CollectiveOp op, std::int64_t elements, std::int64_t element_bytes, Operand operand);
  /// The same beside what follows, until wait(handle); no_handle where it was left out.
  std::int32_t start_collective(GroupKind group, CollectiveOp op, std::int64_t elements, std::int64_t element_bytes,
                                Operand operand);
  void wait(std::int32_t handle);
  static constexpr std::int32_t no_handle = -1;
  /// Members of a group of this kind under the plan.
  [[nodiscard]] std::int64_t members(GroupKind group) const;

  /// Before a column-parallel product and after a row-parallel one: with sequence parallelism all_gather and
  /// reduce_scatter, without it nothing and all_reduce. Backward calls them the other way round.
  void enter_parallel_region() { enter_parallel_region(tokens * hidden); }
  void leave_parallel_region() { leave_parallel_region(tokens * hidden); }
  /// Of so many elements, those of all tensor ranks together.
  void enter_parallel_region(std::int64_t elements, Operand operand = Operand::region);
  void leave_parallel_region(std::int64_t elements, Operand operand = Operand::region);

  /// A tensor that the backward pass needs comes into being; what it was for is done.
  void keep(std::string_view name, std::int64_t bytes);
  void drop(std::string_view name, std::int64_t bytes);
  /// The same of a part's input. Where it is a checkpoint it is kept, whatever becomes of the rest.
  void keep_input(std::string_view name, std::int64_t bytes);
  void drop_input(std::string_view name, std::int64_t bytes);
  void set_input_is_checkpoint(bool is_checkpoint) { input_is_checkpoint_ = is_checkpoint; }
  /// A tensor that lives between two steps of this pass (or, of a backward pass in two pieces, of these).
  void make(std::string_view name, std::int64_t bytes) { memory(name, bytes, MemoryUse::workspace); }
  void unmake(std::string_view name, std::int64_t bytes) { memory(name, -bytes, MemoryUse::workspace); }
  void memory(std::string_view name, std::int64_t bytes, MemoryUse use);
  void set_recording(Recording recording) { recording_ = recording; }
  [[nodiscard]] Recording recording() const { return recording_; }
  /// The end of a layer's part: what was forgotten goes.
  void end_part();

  Steps take() { return std::move(steps_); }

  const Model& model;
  const Plan& plan;
  std::int64_t tokens;        ///< of a micro batch, of this context rank
  std::int64_t local_tokens;  ///< in norms and dropouts: a share under sequence parallelism
  std::int64_t hidden;
  std::int64_t heads, kv_heads;  ///< of this tensor rank
  std::int64_t vocab;            ///< of this tensor rank
  std::int64_t element;          ///< bytes of an activation
  std::int64_t mask;             ///< bytes of a dropout mask for each element: 1, or 0 without dropout
  std::int64_t stream_bytes;     ///< of the residual stream

 private:
  void add_collective(GroupKind group, CollectiveOp op, std::int64_t elements, std::int64_t element_bytes,
                      Operand operand, bool blocking, std::int32_t handle);

  Steps steps_;
  std::int16_t layer_ = -1;
  std::string_view block_;
  Kind kind_ = Kind::forward;
  bool of_weight_ = false;
  Recording recording_ = Recording::kept;
  bool input_is_checkpoint_ = false;
  std::int32_t handles_ = 0;
  std::vector<std::pair<std::string_view, std::int64_t>> forgotten_;
};

/// While it lives, steps are of gradients of weights.
class OfWeight {
 public:
  explicit OfWeight(StepWriter& writer) : writer_(writer) { writer_.set_of_weight(true); }
  ~OfWeight() { writer_.set_of_weight(false); }
  OfWeight(const OfWeight&) = delete;
  OfWeight& operator=(const OfWeight&) = delete;

 private:
  StepWriter& writer_;
};

}  // namespace rehearse
