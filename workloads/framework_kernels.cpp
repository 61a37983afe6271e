#include "workloads/framework_kernels.hpp"

#include <algorithm>

namespace rehearse {

namespace {

constexpr std::int64_t fp32_bytes = 4;

/// A kernel of a recomputation that nothing of the backward pass needs: the end of the last layer that is made again.
bool ends_recomputation(const KernelStep& step) {
  return step.kind == Kind::recompute && step.block == "mlp" &&
         (step.kernel.name == "ffn 2" || step.kernel.name == "bias, dropout, add");
}

/// Without the last product of what is made again, and the residual behind it: only their outputs would be new, and
/// these are in the input of the next layer.
Steps without_ends(Steps steps) {
  bool at_end = false;  // of a recomputation: what follows is no kernel of one
  std::vector<bool> out(steps.size(), false);
  for (std::size_t i = steps.size(); i-- > 0;)
    if (const auto* kernel = std::get_if<KernelStep>(&steps[i])) {
      if (kernel->kind != Kind::recompute) at_end = true;
      at_end = at_end && (kernel->kind != Kind::recompute || ends_recomputation(*kernel));
      out[i] = at_end && kernel->kind == Kind::recompute;
    }
  std::size_t at = 0;
  std::erase_if(steps, [&](const Step&) { return out[at++]; });
  return steps;
}

/// With the sum over micro batches behind each gradient of a matrix.
Steps with_accumulation(Steps steps, const Plan& plan, Accumulation accumulation) {
  const std::int64_t element = element_bytes(plan.precision), sum = 2 * element_bytes(plan.gradient_precision);
  const bool separate = accumulation == Accumulation::separate;
  Steps out;
  for (Step& step : steps) {
    out.push_back(std::move(step));
    const auto* product = std::get_if<KernelStep>(&out.back());
    const auto* gemm = product == nullptr ? nullptr : std::get_if<Gemm>(&product->kernel.work);
    if (gemm == nullptr || !product->of_weight) continue;
    KernelStep add = *product;
    const std::int64_t elements = gemm->batch * gemm->m * gemm->n;
    add.kernel.name = "gradient accumulation";
    add.kernel.work =
        Stream{StreamKind::scale, Bytes(std::max<std::int64_t>(0, separate ? element + sum : sum - element) * elements),
               separate ? 1 : 0};
    out.emplace_back(std::move(add));
  }
  return out;
}

class EagerWriter {
 public:
  EagerWriter(const Model& model, const Plan& plan, bool autocast)
      : model_(model),
        element_(element_bytes(plan.precision)),
        residual_(autocast ? std::max(fp32_bytes, element_) : element_),
        cast_(residual_ > element_ ? residual_ + element_ : 0),
        gradient_(element_bytes(plan.gradient_precision)) {}

  void add(Step step) {
    if (auto* kernel = std::get_if<KernelStep>(&step)) return add_kernel(std::move(*kernel));
    if (const auto* sum = std::get_if<CollectiveStep>(&step); sum != nullptr && is_of_shards(*sum)) flatten(*sum);
    out_.push_back(std::move(step));
  }
  Steps take() { return std::move(out_); }

 private:
  static bool is_of_shards(const CollectiveStep& step) {
    return step.op == CollectiveOp::reduce_scatter &&
           (step.operand == Operand::gradients || step.operand == Operand::expert_gradients);
  }

  void add_kernel(KernelStep step) {
    if (auto* stream = std::get_if<Stream>(&step.kernel.work)) {
      stream->bytes = bytes_of(*stream, step);
      out_.emplace_back(std::move(step));
      return;
    }
    const KernelStep before = step;
    if (const auto* gemm = std::get_if<Gemm>(&before.kernel.work);
        gemm != nullptr && is_forward_of_weight(*gemm, before))
      stream(before, "weight cast", StreamKind::cast, cast_ * gemm->n * gemm->k);
    out_.emplace_back(std::move(step));
    if (const auto* gemm = std::get_if<Gemm>(&before.kernel.work)) after_product(*gemm, before);
    if (const auto* core = std::get_if<Attention>(&before.kernel.work)) after_attention(*core, before);
  }

  /// A product with a weight, which lies along n and k.
  static bool is_forward_of_weight(const Gemm& gemm, const KernelStep& step) {
    return gemm.layout == Layout::tn && gemm.batch == 1 && (step.kind == Kind::forward || step.kind == Kind::recompute);
  }

  void after_product(const Gemm& gemm, const KernelStep& step) {
    if (!step.of_weight || gemm.batch > 1) return;
    if (model_.bias && step.block != "head")
      stream(step, "bias gradient", StreamKind::reduction, element_ * gemm.m * gemm.k);
    stream(step, "weight gradient cast", StreamKind::cast, cast_ * gemm.m * gemm.n);
  }

  /// The gradient of the queries is summed in fp32, of which it is cast; that of the result is multiplied with it for
  /// each row; and the gradients of queries, keys and values are put side by side.
  void after_attention(const Attention& a, const KernelStep& step) {
    if (!a.backward || !a.fused) return;
    const std::int64_t queries = a.batch * a.heads * a.seq_q * a.head_dim,
                       keys = a.batch * a.kv_heads * a.seq_kv * a.head_dim;
    stream(step, "query gradient in fp32", StreamKind::cast, (4 * fp32_bytes + element_) * queries);
    stream(step, "context gradient by rows", StreamKind::reduction, 2 * element_ * queries);
    stream(step, "qkv gradient", StreamKind::copy, 2 * element_ * (queries + 2 * keys));
  }

  /// Gradients go into one buffer, are divided by the number of ranks there, and take the form in which they are
  /// summed.
  void flatten(const CollectiveStep& sum) {
    const KernelStep place{.kernel = {}, .kind = Kind::backward, .layer = sum.layer, .block = sum.block};
    stream(place, "gradients to a buffer", StreamKind::copy, 2 * residual_ * sum.elements);
    stream(place, "gradients over ranks", StreamKind::scale, 2 * residual_ * sum.elements);
    if (residual_ != gradient_)
      stream(place, "gradient cast", StreamKind::cast, (residual_ + gradient_) * sum.elements);
  }

  void stream(const KernelStep& place, std::string_view name, StreamKind kind, std::int64_t bytes) {
    if (bytes == 0) return;
    KernelStep step = place;
    step.kernel = {.name = std::string(name), .work = Stream{kind, Bytes(bytes)}, .precision = place.kernel.precision};
    out_.emplace_back(std::move(step));
  }

  /// Of as many elements as workloads/layers/ counts bytes for.
  [[nodiscard]] Bytes bytes_of(const Stream& stream, const KernelStep& step) const {
    const auto instead = [&](std::int64_t counted, std::int64_t moved) { return stream.bytes / counted * moved; };
    switch (stream.kind) {
      case StreamKind::layer_norm_forward: return instead(2 * element_, 2 * element_ + cast_);
      case StreamKind::layer_norm_backward: return instead(4 * element_, 5 * element_ + 3 * residual_ + 2 * cast_);
      case StreamKind::dropout_add_forward:
        return step.block == "embedding" || model_.dropout ? stream.bytes
                                                           : instead(3 * element_, element_ + 2 * residual_);
      case StreamKind::cross_entropy_forward: return instead(element_ + 36, element_ + 3 * fp32_bytes);
      case StreamKind::cross_entropy_backward: return instead(element_ + 12, element_ + 5 * fp32_bytes);
      default: return stream.bytes;
    }
  }

  const Model& model_;
  std::int64_t element_;
  std::int64_t residual_;  ///< bytes of an element of the residual stream, and of a gradient of a weight
  std::int64_t cast_;      ///< read and written where one becomes the other; 0: they are the same
  std::int64_t gradient_;
  Steps out_;
};

}  // namespace

Steps with_framework_kernels(Steps steps, const Model& model, const Plan& plan, const Framework& framework) {
  const EagerKernels& kernels = framework.eager;
  if (kernels.recompute_stops_early) steps = without_ends(std::move(steps));
  if (framework.accumulation != Accumulation::free)
    steps = with_accumulation(std::move(steps), plan, framework.accumulation);
  if (!kernels.separate || !model.is_transformer()) return steps;
  EagerWriter writer(model, plan, kernels.autocast);
  for (Step& step : steps) writer.add(std::move(step));
  return writer.take();
}

}  // namespace rehearse
