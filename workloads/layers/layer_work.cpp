// Layers of models that are no transformers.
#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

/// A kernel of one sample, for `samples` of them.
decltype(Kernel::work) scaled(const LayerKernel& kernel, std::int64_t samples) {
  if (const auto* stream = std::get_if<Stream>(&kernel.work)) return Stream{stream->kind, stream->bytes * samples};
  if (const auto* roofline = std::get_if<Roofline>(&kernel.work))
    return Roofline{roofline->flops * static_cast<double>(samples), roofline->bytes * samples};
  Gemm gemm = std::get<Gemm>(kernel.work);
  (gemm.layout == Layout::nt ? gemm.k : gemm.m) *= samples;
  return gemm;
}

/// Bytes that this rank keeps; what a layer names are for elements of two bytes.
std::int64_t kept_bytes(const StepWriter& w, const LayerWork& layer) {
  return w.plan.micro_batch * layer.kept_bytes * w.element / 2;
}

void exchange(StepWriter& w, const LayerWork& layer) {
  if (layer.dealt_out)
    w.collective(GroupKind::data, CollectiveOp::all_to_all, w.plan.micro_batch * layer.output, w.element,
                 Operand::exchange);
}

}  // namespace

void layer_work_forward(StepWriter& w, const LayerWork& layer) {
  w.keep(layer.name, kept_bytes(w, layer));
  for (const LayerKernel& kernel : layer.forward) w.kernel(kernel.name, scaled(kernel, w.plan.micro_batch));
  exchange(w, layer);
  w.end_part();
}

void layer_work_backward(StepWriter& w, const LayerWork& layer) {
  exchange(w, layer);
  for (const LayerKernel& kernel : layer.backward) {
    w.set_of_weight(kernel.of_weight);
    w.kernel(kernel.name, scaled(kernel, w.plan.micro_batch));
  }
  w.set_of_weight(true);
  w.drop(layer.name, kept_bytes(w, layer));
  w.set_of_weight(false);
}

}  // namespace rehearse
