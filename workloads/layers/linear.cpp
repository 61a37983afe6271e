// Linear layers under tensor parallelism (Shoeybi et al. 2019; Korthikanti et al. 2022, Section 4.2), and the products
// cut into pieces so that the collectives beside them run meanwhile.
#include <fmt/format.h>

#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

struct Product {
  Layout layout = Layout::tn;
  std::int64_t m = 0, n = 0, k = 0;
};

/// Where the product and a collective of `tokens` have pieces, in how many.
std::int64_t pieces_of(const StepWriter& w) {
  return w.plan.tensor > 1 && w.tokens % w.plan.tensor_overlap == 0 ? w.plan.tensor_overlap : 1;
}

std::string piece_name(const std::string& name, std::int64_t piece, std::int64_t pieces) {
  return pieces > 1 ? fmt::format("{} {}/{}", name, piece + 1, pieces) : name;
}

/// What enters a tensor-parallel region (m x k), and its product: piece i + 1 is gathered while piece i is multiplied.
void gathered_product(StepWriter& w, const std::string& name, const Product& p) {
  const std::int64_t pieces = w.plan.sequence_parallel ? pieces_of(w) : 1;
  if (pieces == 1) {
    w.enter_parallel_region(p.m * p.k);
    return w.gemm(name, p.layout, p.m, p.n, p.k);
  }
  const auto gather = [&] {
    return w.start_collective(GroupKind::tensor, CollectiveOp::all_gather, p.m * p.k / pieces, w.element,
                              Operand::region);
  };
  std::int32_t next = gather();
  for (std::int64_t i = 0; i < pieces; ++i) {
    w.wait(next);
    if (i + 1 < pieces) next = gather();
    w.gemm(piece_name(name, i, pieces), p.layout, p.m / pieces, p.n, p.k);
  }
}

/// A product, and what leaves the region: piece i is reduced while piece i + 1 is multiplied, and the last one beside
/// what follows. Handles to wait for.
std::vector<std::int32_t> reduced_beside(StepWriter& w, const std::string& name, const Product& p) {
  const std::int64_t pieces = pieces_of(w);
  std::vector<std::int32_t> handles;
  for (std::int64_t i = 0; i < pieces; ++i) {
    w.gemm(piece_name(name, i, pieces), p.layout, p.m / pieces, p.n, p.k);
    handles.push_back(w.start_collective(
        GroupKind::tensor, w.plan.sequence_parallel ? CollectiveOp::reduce_scatter : CollectiveOp::all_reduce,
        p.m * p.n / pieces, w.element, Operand::region));
  }
  return handles;
}

void wait(StepWriter& w, const std::vector<std::int32_t>& handles) {
  for (const std::int32_t handle : handles) w.wait(handle);
}

/// The same, all of it done.
void reduced_product(StepWriter& w, const std::string& name, const Product& p) {
  if (pieces_of(w) > 1) return wait(w, reduced_beside(w, name, p));
  w.gemm(name, p.layout, p.m, p.n, p.k);
  w.leave_parallel_region(p.m * p.n);
}

std::string input_name(const Linear& l) { return fmt::format("{} gradient of input", l.name); }

void weight_gradient(StepWriter& w, const Linear& l) {
  w.gemm(fmt::format("{} gradient of weight", l.name), Layout::nt, l.outputs, l.inputs, l.rows);
}

}  // namespace

void linear_forward(StepWriter& w, const Linear& l) { w.gemm(l.name, Layout::tn, l.rows, l.outputs, l.inputs); }

void linear_backward(StepWriter& w, const Linear& l, std::int32_t before_weight) {
  w.gemm(input_name(l), Layout::nn, l.rows, l.inputs, l.outputs);
  const OfWeight of_weight(w);
  w.wait(before_weight);
  weight_gradient(w, l);
}

void column_parallel_forward(StepWriter& w, const Linear& l) {
  gathered_product(w, std::string(l.name), {Layout::tn, l.rows, l.outputs, l.inputs});
}

void column_parallel_backward(StepWriter& w, const Linear& l, std::string_view input, std::string_view gradient) {
  const std::int64_t input_bytes = w.local_tokens * l.inputs * w.element;
  const std::int64_t gathered = w.plan.sequence_parallel ? l.rows * l.inputs * w.element : 0;
  const auto finish = [&](std::int32_t input_gather) {
    const OfWeight of_weight(w);
    w.wait(input_gather);
    weight_gradient(w, l);
    w.memory("gathered input", -gathered, MemoryUse::gathered);
    if (!input.empty()) w.drop(input, input_bytes);
    w.unmake(gradient, l.rows * l.outputs * w.element);
  };
  std::int32_t input_gather = StepWriter::no_handle;
  if (w.plan.sequence_parallel) {  // only its share was kept
    const OfWeight of_weight(w);
    w.memory("gathered input", gathered, MemoryUse::gathered);
    input_gather = w.start_collective(GroupKind::tensor, CollectiveOp::all_gather, l.rows * l.inputs, w.element,
                                      Operand::region_input);
  }
  const Product product{Layout::nn, l.rows, l.inputs, l.outputs};
  if (!w.plan.overlap_weight_gradient) {
    reduced_product(w, input_name(l), product);
    return finish(input_gather);
  }
  const std::vector<std::int32_t> reductions = reduced_beside(w, input_name(l), product);
  finish(input_gather);
  wait(w, reductions);
}

void row_parallel_forward(StepWriter& w, const Linear& l) {
  reduced_product(w, std::string(l.name), {Layout::tn, l.rows, l.outputs, l.inputs});
}

void row_parallel_backward(StepWriter& w, const Linear& l, std::string_view input, std::string_view gradient) {
  const std::int64_t bytes = l.rows * l.outputs * w.element;
  w.make(gradient, bytes);
  gathered_product(w, input_name(l), {Layout::nn, l.rows, l.inputs, l.outputs});
  const OfWeight of_weight(w);
  weight_gradient(w, l);
  w.drop(input, l.rows * l.inputs * w.element);
  w.unmake(gradient, bytes);
}

}  // namespace rehearse
