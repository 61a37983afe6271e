#include "workloads/proof/reference.hpp"

#include <numeric>
#include <stdexcept>
#include <utility>

#include "workloads/proof/reference_layers.hpp"

namespace rehearse {

namespace {

struct LayerTape {
  AttentionTape attention;
  MlpHalfTape mlp;
};

/// What a sample's forward pass keeps.
struct SampleTape {
  std::vector<LayerTape> layers;
  Matrix x, normed;  ///< after the last layer, and after the final norm
  Matrix logits, maximum, sum;
  double loss = 0;  ///< summed over its tokens
};

class Reference {
 public:
  Reference(const Model& model, const ParameterSet& parameters)
      : model_(model), parameters_(parameters), outside_(layer(outside_layers)) {}

  [[nodiscard]] SampleTape forward(const Sample& sample) {
    SampleTape tape;
    tape.layers.resize(static_cast<std::size_t>(model_.layers));
    Matrix x = embed(sample);
    for (std::int64_t i = 0; i < model_.layers; ++i) {
      LayerTape& kept = tape.layers[static_cast<std::size_t>(i)];
      x = attention_half_forward(model_, layer(i), x, kept.attention);
      x = mlp_half_forward(model_, i, layer(i), x, kept.mlp);
    }
    tape.x = std::move(x);
    lose(sample, tape);
    return tape;
  }

  /// Adds the gradients of `scale` times the sample's loss.
  void backward(const Sample& sample, const SampleTape& tape, double scale) {
    const Matrix of_logits = cross_entropy_backward(tape.logits, 0, sample.targets, tape.maximum, tape.sum, scale);
    outside_.add_gradient(output_name(), of_logits.transpose() * tape.normed);
    const Matrix of_normed = of_logits * outside_.at(output_name());
    Matrix gradient = norm_backward(outside_, "final norm", model_.norm, tape.x, of_normed);
    for (std::int64_t i = model_.layers - 1; i >= 0; --i) {
      const LayerTape& kept = tape.layers[static_cast<std::size_t>(i)];
      gradient = mlp_half_backward(model_, i, layer(i), kept.mlp, gradient);
      gradient = attention_half_backward(model_, layer(i), kept.attention, gradient);
    }
    embed_backward(sample, gradient);
  }

  [[nodiscard]] ParameterSet take_gradients() { return std::move(gradients_); }

 private:
  LayerTensors layer(std::int64_t index) { return {parameters_, gradients_, index}; }
  [[nodiscard]] const char* output_name() const { return model_.tied_embeddings ? "word embedding" : "output weight"; }

  static RowPositions positions_of(const Sample& sample) {
    RowPositions positions(sample.tokens.size());
    std::iota(positions.begin(), positions.end(), 0);
    return positions;
  }

  Matrix embed(const Sample& sample) {
    Matrix x = embedding_forward(outside_.at("word embedding"), 0, sample.tokens);
    if (model_.positions == Positions::learned)
      x += embedding_forward(outside_.at("position embedding"), 0, positions_of(sample));
    return x;
  }

  void embed_backward(const Sample& sample, const Matrix& gradient) {
    outside_.add_gradient("word embedding", embedding_backward(model_.vocab, 0, sample.tokens, gradient));
    if (model_.positions == Positions::learned)
      outside_.add_gradient("position embedding",
                            embedding_backward(model_.seq_len, 0, positions_of(sample), gradient));
  }

  void lose(const Sample& sample, SampleTape& tape) {
    tape.normed = norm_forward(outside_, "final norm", model_.norm, tape.x);
    tape.logits = tape.normed * outside_.at(output_name()).transpose();
    tape.maximum = row_maximum(tape.logits);
    tape.sum = exponential_sum(tape.logits, tape.maximum);
    tape.loss = cross_entropy(tape.maximum, tape.sum, target_logit(tape.logits, 0, sample.targets)).sum();
  }

  const Model& model_;
  const ParameterSet& parameters_;
  ParameterSet gradients_;
  LayerTensors outside_;
};

/// The weight of each token in the loss.
double token_share(const Batch& batch) {
  std::size_t tokens = 0;
  for (const Sample& sample : batch) tokens += sample.tokens.size();
  return 1 / static_cast<double>(tokens);
}

void check_all_used(const ParameterSet& parameters, const ParameterSet& gradients) {
  for (const auto& [key, values] : parameters)
    if (!gradients.contains(key)) throw std::logic_error("the model has no use for '" + to_string(key) + "'");
}

}  // namespace

ReferenceRun run_reference(const Model& model, const ParameterSet& parameters, const Batch& batch) {
  const double share = token_share(batch);
  Reference reference(model, parameters);
  ReferenceRun run;
  for (const Sample& sample : batch) {
    const SampleTape tape = reference.forward(sample);
    run.loss += tape.loss;
    reference.backward(sample, tape, share);
  }
  run.loss *= share;
  run.gradients = reference.take_gradients();
  check_all_used(parameters, run.gradients);
  return run;
}

double reference_loss(const Model& model, const ParameterSet& parameters, const Batch& batch) {
  Reference reference(model, parameters);
  double loss = 0;
  for (const Sample& sample : batch) loss += reference.forward(sample).loss;
  return token_share(batch) * loss;
}

}  // namespace rehearse
