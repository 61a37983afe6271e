// Embedding and head, over a share of the vocabulary (workloads/layers/embedding.cpp).
#include <limits>
#include <span>

#include "workloads/proof/kernel_scope.hpp"

namespace rehearse {

namespace {

/// Positions of this rank's own tokens.
std::span<const std::int64_t> own_positions(const RankShape& shape) {
  return std::span(shape.positions)
      .subspan(static_cast<std::size_t>(shape.first_own_row()), static_cast<std::size_t>(shape.local_tokens));
}

/// Words beyond the vocabulary are not there.
Matrix without_padding(const KernelScope& k, Matrix logits) {
  const std::int64_t real = std::max<std::int64_t>(0, k.model().vocab - k.shape().first_word);
  if (real < logits.cols())
    logits.rightCols(logits.cols() - real).setConstant(-std::numeric_limits<double>::infinity());
  return logits;
}

void cross_entropy_kernel(const KernelScope& k) {
  k.write("logits", without_padding(k, k.read("logits")));
  const Matrix& logits = k.read("logits");
  k.state().loss[k.pass().micro_batch] = {
      row_maximum(logits), {}, target_logit(logits, k.shape().first_word, k.state().targets(k.pass().micro_batch))};
  if (k.shape().tensor == 1) k.state().loss[k.pass().micro_batch].sum = exponential_sum(logits, row_maximum(logits));
}

void cross_entropy_gradient_kernel(const KernelScope& k) {
  const LossRows& loss = k.state().loss_of(k.pass().micro_batch);
  expect_rows(loss.sum, k.shape().tokens, "the sum of the exponentials of logits");
  k.write("logits gradient",
          cross_entropy_backward(k.read("logits"), k.shape().first_word, k.state().targets(k.pass().micro_batch),
                                 loss.maximum, loss.sum, k.state().scene.token_share));
}

}  // namespace

void run_embedding_kernel(const KernelScope& k, std::string_view name) {
  const RankShape& shape = k.shape();
  const std::vector<std::int64_t> tokens = k.state().tokens(k.pass().micro_batch);
  const bool learned = k.model().positions == Positions::learned;
  if (name == "embedding") {
    k.frame().region.set(embedding_forward(k.parameter("word embedding"), shape.first_word, tokens));
    k.frame().stream_in_region = true;
  } else if (name == "positions, dropout") {
    Matrix x = k.stream();
    if (learned) x += embedding_forward(k.parameter("position embedding"), 0, own_positions(shape));
    k.set_stream(std::move(x));
  } else if (name == "dropout gradient") {
    if (learned)
      k.add_gradient("position embedding",
                     embedding_backward(k.model().seq_len, 0, own_positions(shape), k.gradient()));
  } else if (name == "embedding gradient") {
    const Matrix& gradient = shape.split_tokens ? k.frame().region.whole() : k.read("residual gradient");
    expect_rows(gradient, shape.tokens, "the gradient of the embedding");
    k.add_gradient("word embedding", embedding_backward(shape.words, shape.first_word, tokens, gradient));
  } else {
    unknown_kernel(k.block(), name);
  }
}

void run_head_kernel(const KernelScope& k, std::string_view name) {
  static constexpr NormNames norm{"head input", "head norm", "final norm"};
  const LinearNames logits{.name = "logits",
                           .weight = k.model().tied_embeddings ? "word embedding" : "output weight",
                           .bias = {},
                           .input = "head norm",
                           .output = "logits",
                           .output_gradient = "logits gradient",
                           .input_gradient = {}};
  if (name == "norm") return run_norm(k, norm);
  if (name == "norm gradient") return k.set_gradient(run_norm_gradient(k, norm));
  if (name == "cross entropy") return cross_entropy_kernel(k);
  if (name == "cross entropy gradient") return cross_entropy_gradient_kernel(k);
  if (!run_linear_kernel(k, logits, name)) unknown_kernel(k.block(), name);
}

}  // namespace rehearse
