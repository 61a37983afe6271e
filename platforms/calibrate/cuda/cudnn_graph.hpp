// A graph of operations that cuDNN plans as one kernel, or a few.
#pragma once

#include "platforms/calibrate/cuda/cudnn_library.hpp"

#if REHEARSE_CUDNN

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace rehearse::cuda {

/// Of tensors of four dimensions: (batch, heads, rows, columns).
using Dims = std::array<std::int64_t, 4>;
/// The strides of a dense row-major tensor.
Dims dense(const Dims& dims);

/// Built once: tensors, then the operations between them, then `plan`. Faults are CannotRun.
class CudnnGraph {
 public:
  using Tensor = std::size_t;

  explicit CudnnGraph(std::string name) : name_(std::move(name)) {}
  CudnnGraph(const CudnnGraph&) = delete;
  CudnnGraph& operator=(const CudnnGraph&) = delete;
  ~CudnnGraph() = default;

  /// In memory: `run` is given the buffers of these in the order in which they were named.
  Tensor buffer(const Dims& dims, const Dims& strides, cudnnDataType_t type);
  /// In memory, dense, in the workspace of the graph.
  Tensor scratch(const Dims& dims, cudnnDataType_t type) { return scratch(dims, type, CUDNN_TENSOR_REORDERING_NONE); }
  /// A scratch tensor of fp32 in an order of cuDNN's own, to which the tiles of one product add in any order.
  Tensor accumulator(const Dims& dims) { return scratch(dims, CUDNN_DATA_FLOAT, CUDNN_TENSOR_REORDERING_F16x16); }
  Tensor scalar(float value);
  Tensor scalar(std::int32_t value);
  /// Lives inside the kernel only.
  Tensor temporary(const Dims& dims, cudnnDataType_t type) { return temporary(dims, dense(dims), type); }
  Tensor temporary(const Dims& dims, const Dims& strides, cudnnDataType_t type);

  // Each computes in fp32 unless `math` says otherwise.
  void matmul(Tensor a, Tensor b, Tensor out);
  void unary(cudnnPointwiseMode_t mode, Tensor x, Tensor out);
  void binary(cudnnPointwiseMode_t mode, Tensor x, Tensor b, Tensor out, cudnnDataType_t math = CUDNN_DATA_FLOAT);
  /// The place of each element along an axis, as int32.
  void index(std::int64_t axis, Tensor like, Tensor out);
  /// yes where `mask`, else no.
  void select(Tensor mask, Tensor yes, Tensor no, Tensor out);
  /// Over each axis where `out` has one element and x several, or a divisor of x's.
  void reduce(cudnnReduceTensorOp_t op, Tensor x, Tensor out);
  /// The same elements under other dimensions and strides.
  void reshape(Tensor x, Tensor out);

  /// The first of cuDNN's own choices that can be built.
  void plan();
  [[nodiscard]] std::size_t workspace_bytes() const { return scratch_bytes_ + plan_bytes_; }
  /// The workspace is aligned to 256 bytes; nothing in it is kept from one run to the next.
  void run(const std::vector<void*>& buffers, void* workspace, cudaStream_t stream) const;

 private:
  struct Scalar {
    std::size_t tensor = 0;
    std::variant<float, std::int32_t> value;
  };
  struct Scratch {
    std::size_t tensor = 0, offset = 0, cleared_bytes = 0;
  };
  Tensor scratch(const Dims& dims, cudnnDataType_t type, cudnnBackendTensorReordering_t order);
  Tensor tensor(const Dims& dims, const Dims& strides, cudnnDataType_t type, bool is_virtual, bool by_value,
                cudnnBackendTensorReordering_t order = CUDNN_TENSOR_REORDERING_NONE);
  CudnnDescriptor& pointwise(cudnnPointwiseMode_t mode, cudnnDataType_t math, std::int64_t axis);
  void add(const CudnnDescriptor& operation);
  CudnnDescriptor& keep(cudnnBackendDescriptorType_t type, const char* what);
  [[nodiscard]] std::string step(const std::string& what) const { return name_ + ", " + what; }

  std::string name_;
  std::deque<CudnnDescriptor> tensors_, others_;
  std::vector<Tensor> buffers_;
  std::vector<Scratch> scratch_;
  std::deque<Scalar> scalars_;
  std::vector<cudnnBackendDescriptor_t> operations_;
  std::optional<CudnnDescriptor> plan_;
  std::size_t scratch_bytes_ = 0, plan_bytes_ = 0;
};

}  // namespace rehearse::cuda

#endif
