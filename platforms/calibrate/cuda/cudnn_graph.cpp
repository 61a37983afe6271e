#include "platforms/calibrate/cuda/cudnn_graph.hpp"

#if REHEARSE_CUDNN

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {

Dims dense(const Dims& dims) { return {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1}; }

CudnnDescriptor& CudnnGraph::keep(cudnnBackendDescriptorType_t type, const char* what) {
  return others_.emplace_back(type, step(what));
}

CudnnGraph::Tensor CudnnGraph::tensor(const Dims& dims, const Dims& strides, cudnnDataType_t type, bool is_virtual,
                                      bool by_value, cudnnBackendTensorReordering_t order) {
  const Tensor index = tensors_.size();
  CudnnDescriptor& descriptor =
      tensors_.emplace_back(CUDNN_BACKEND_TENSOR_DESCRIPTOR, step("tensor " + std::to_string(index)));
  descriptor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, static_cast<std::int64_t>(index + 1));
  descriptor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
  descriptor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::int64_t{16});
  descriptor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims.data());
  descriptor.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides.data());
  descriptor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, is_virtual);
  descriptor.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, by_value);
  if (order != CUDNN_TENSOR_REORDERING_NONE)
    descriptor.set(CUDNN_ATTR_TENSOR_REORDERING_MODE, CUDNN_TYPE_TENSOR_REORDERING_MODE, order);
  descriptor.finalize();
  return index;
}

CudnnGraph::Tensor CudnnGraph::buffer(const Dims& dims, const Dims& strides, cudnnDataType_t type) {
  buffers_.push_back(tensor(dims, strides, type, false, false));
  return buffers_.back();
}

CudnnGraph::Tensor CudnnGraph::scratch(const Dims& dims, cudnnDataType_t type, cudnnBackendTensorReordering_t order) {
  const Tensor made = tensor(dims, dense(dims), type, false, false, order);
  // Whole tiles of rows, in case a kernel stores what lies beyond the last row of a tile.
  const std::int64_t rows = (dims[2] + 127) / 128 * 128, size = type == CUDNN_DATA_FLOAT ? 4 : 2;
  const auto bytes = static_cast<std::size_t>((dims[0] * dims[1] * rows * dims[3] * size + 255) / 256 * 256);
  // Before 9.6 cuDNN added to what it found in an accumulator.
  const bool cleared = order != CUDNN_TENSOR_REORDERING_NONE && cudnn().get_version() < 90600;
  scratch_.push_back({made, scratch_bytes_, cleared ? bytes : 0});
  scratch_bytes_ += bytes;
  return made;
}

CudnnGraph::Tensor CudnnGraph::scalar(float value) {
  const Tensor made = tensor({1, 1, 1, 1}, {1, 1, 1, 1}, CUDNN_DATA_FLOAT, false, true);
  scalars_.push_back({made, value});
  return made;
}

CudnnGraph::Tensor CudnnGraph::scalar(std::int32_t value) {
  const Tensor made = tensor({1, 1, 1, 1}, {1, 1, 1, 1}, CUDNN_DATA_INT32, false, true);
  scalars_.push_back({made, value});
  return made;
}

CudnnGraph::Tensor CudnnGraph::temporary(const Dims& dims, const Dims& strides, cudnnDataType_t type) {
  return tensor(dims, strides, type, true, false);
}

void CudnnGraph::add(const CudnnDescriptor& operation) { operations_.push_back(operation.raw()); }

void CudnnGraph::matmul(Tensor a, Tensor b, Tensor out) {
  CudnnDescriptor& how = keep(CUDNN_BACKEND_MATMUL_DESCRIPTOR, "matmul");
  how.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  how.finalize();
  CudnnDescriptor& operation = keep(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, "matmul operation");
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, how);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, tensors_[a]);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, tensors_[b]);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, tensors_[out]);
  operation.finalize();
  add(operation);
}

CudnnDescriptor& CudnnGraph::pointwise(cudnnPointwiseMode_t mode, cudnnDataType_t math, std::int64_t axis) {
  CudnnDescriptor& how = keep(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "pointwise");
  how.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
  how.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, math);
  if (axis >= 0) how.set(CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, axis);
  how.finalize();
  CudnnDescriptor& operation = keep(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "pointwise operation");
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
  return operation;
}

void CudnnGraph::unary(cudnnPointwiseMode_t mode, Tensor x, Tensor out) {
  CudnnDescriptor& operation = pointwise(mode, CUDNN_DATA_FLOAT, -1);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensors_[x]);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensors_[out]);
  operation.finalize();
  add(operation);
}

void CudnnGraph::binary(cudnnPointwiseMode_t mode, Tensor x, Tensor b, Tensor out, cudnnDataType_t math) {
  CudnnDescriptor& operation = pointwise(mode, math, -1);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensors_[x]);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, tensors_[b]);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensors_[out]);
  operation.finalize();
  add(operation);
}

void CudnnGraph::index(std::int64_t axis, Tensor like, Tensor out) {
  CudnnDescriptor& operation = pointwise(CUDNN_POINTWISE_GEN_INDEX, CUDNN_DATA_INT32, axis);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensors_[like]);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensors_[out]);
  operation.finalize();
  add(operation);
}

void CudnnGraph::select(Tensor mask, Tensor yes, Tensor no, Tensor out) {
  CudnnDescriptor& operation = pointwise(CUDNN_POINTWISE_BINARY_SELECT, CUDNN_DATA_FLOAT, -1);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensors_[yes]);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, tensors_[no]);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, tensors_[mask]);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensors_[out]);
  operation.finalize();
  add(operation);
}

void CudnnGraph::reduce(cudnnReduceTensorOp_t op, Tensor x, Tensor out) {
  CudnnDescriptor& how = keep(CUDNN_BACKEND_REDUCTION_DESCRIPTOR, "reduction");
  how.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, op);
  how.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  how.finalize();
  CudnnDescriptor& operation = keep(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, "reduction operation");
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, how);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, tensors_[x]);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, tensors_[out]);
  operation.finalize();
  add(operation);
}

void CudnnGraph::reshape(Tensor x, Tensor out) {
  CudnnDescriptor& operation = keep(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR, "reshape operation");
  operation.set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, tensors_[x]);
  operation.set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, tensors_[out]);
  operation.finalize();
  add(operation);
}

void CudnnGraph::plan() {
  CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, step("graph"));
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, cudnn().handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(operations_.size()),
            operations_.data());
  graph.finalize();

  CudnnDescriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, step("choice of an engine"));
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, CUDNN_HEUR_MODE_A);
  heuristic.finalize();

  constexpr std::int64_t most = 16;
  std::vector<CudnnDescriptor> configs;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < most; ++i) {
    raw.push_back(configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, step("engine's configuration")).raw());
  }
  std::int64_t found = 0;
  cudnn().check(cudnn().get_attribute(heuristic.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                      most, &found, raw.data()),
                step("engines"));

  std::string why = "cuDNN, " + step("no engine runs this graph");
  for (std::int64_t i = 0; i < found && i < most; ++i) {
    try {
      CudnnDescriptor candidate(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, step("plan"));
      candidate.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, cudnn().handle);
      candidate.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configs[static_cast<std::size_t>(i)]);
      candidate.finalize();
      plan_bytes_ = static_cast<std::size_t>(candidate.get_int64(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE));
      plan_.emplace(std::move(candidate));
      return;
    } catch (const CannotRun& fault) {
      why = fault.what();
    }
  }
  throw CannotRun(why);
}

void CudnnGraph::run(const std::vector<void*>& buffers, void* workspace, cudaStream_t stream) const {
  std::vector<std::int64_t> ids;
  std::vector<void*> pointers;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    ids.push_back(static_cast<std::int64_t>(buffers_[i] + 1));
    pointers.push_back(buffers.at(i));
  }
  char* const base = static_cast<char*>(workspace);
  for (const Scratch& scratch : scratch_) {
    ids.push_back(static_cast<std::int64_t>(scratch.tensor + 1));
    pointers.push_back(base + scratch.offset);
    if (scratch.cleared_bytes != 0) REHEARSE_CUDA(cudaMemsetAsync(pointers.back(), 0, scratch.cleared_bytes, stream));
  }
  for (const Scalar& scalar : scalars_) {
    ids.push_back(static_cast<std::int64_t>(scalar.tensor + 1));
    // cuDNN reads it, of whichever type it is, and takes all pointers as mutable.
    pointers.push_back(std::visit([](const auto& value) { return const_cast<void*>(static_cast<const void*>(&value)); },
                                  scalar.value));
  }
  CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, step("buffers"));
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(pointers.size()),
           pointers.data());
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, static_cast<void*>(base + scratch_bytes_));
  pack.finalize();
  cudnn().check(cudnn().set_stream(cudnn().handle, stream), step("stream"));
  cudnn().check(cudnn().execute(cudnn().handle, plan_->raw(), pack.raw()), step("execution"));
}

}  // namespace rehearse::cuda

#endif
