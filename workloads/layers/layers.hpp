// The parts of a model, one file each: what each does on one GPU, forward and backward. Private to workloads.
#pragma once

#include "workloads/layers/step_writer.hpp"

namespace rehearse {

void embedding_forward(StepWriter& w);
void embedding_backward(StepWriter& w);
/// Final norm, logits, loss.
void head_forward(StepWriter& w);
void head_backward(StepWriter& w);

/// Norm, attention, residual.
void attention_forward(StepWriter& w);
/// With selective recomputation the core is made again first.
void attention_backward(StepWriter& w);
/// The same by way of latent vectors.
void latent_attention_forward(StepWriter& w);
void latent_attention_backward(StepWriter& w);
/// Norm, MLP, residual.
void mlp_forward(StepWriter& w);
void mlp_backward(StepWriter& w);
/// Norm, router, experts, residual.
void experts_forward(StepWriter& w);
void experts_backward(StepWriter& w);

/// A layer of a model that is no transformer.
void layer_work_forward(StepWriter& w, const LayerWork& layer);
void layer_work_backward(StepWriter& w, const LayerWork& layer);

/// What several parts begin and end with, in a transformer: the norm before (its input and output are kept), and bias,
/// dropout and residual after.
void norm_forward(StepWriter& w, std::string_view input, std::string_view output);
void norm_backward(StepWriter& w, std::string_view input);
void residual_forward(StepWriter& w, std::string_view mask);
void residual_backward(StepWriter& w, std::string_view mask);
/// Two gradients of what a norm gave, added.
void add_gradients(StepWriter& w, std::string_view name);

/// What an MLP consists of, by name.
struct FfnNames {
  std::string_view first, first_output, activation, second_input, second;
  std::string_view second_output_gradient, second_input_gradient, activation_gradient, first_output_gradient;
};
/// An MLP without what stands around it: a column-parallel product, the activation, a row-parallel one.
struct Ffn {
  std::int64_t width = 0;  ///< inner, of this tensor rank
  const FfnNames& names;
};
void ffn_forward(StepWriter& w, const Ffn& ffn);
/// `input`: as of column_parallel_backward.
void ffn_backward(StepWriter& w, const Ffn& ffn, std::string_view input);
/// Outputs of the first product of an MLP of that inner width: twice that with a gate.
std::int64_t ffn_in_width(const StepWriter& w, std::int64_t width);
/// Of so many tokens.
void activation_forward(StepWriter& w, std::string_view name, std::int64_t rows, std::int64_t width);
void activation_backward(StepWriter& w, std::string_view name, std::int64_t rows, std::int64_t width);

/// A linear layer y = x W of `inputs` x `outputs` on `rows` tokens, cut over the tensor ranks or not.
struct Linear {
  std::string_view name;  ///< "qkv"
  std::int64_t rows = 0, inputs = 0, outputs = 0;
};
void linear_forward(StepWriter& w, const Linear& layer);
/// The gradient of its input, then of its weight. `before_weight`: a handle to wait for in between.
void linear_backward(StepWriter& w, const Linear& layer, std::int32_t before_weight = StepWriter::no_handle);

/// Column-parallel, with what comes before: the gather of a sequence-parallel input. Backward: the gather once more for
/// the gradient of the weight, and the reduction of the gradient of the input. `input` was kept and is dropped, unless
/// it has no name: then others need it yet. `gradient` is that of the output, and goes.
void column_parallel_forward(StepWriter& w, const Linear& layer);
void column_parallel_backward(StepWriter& w, const Linear& layer, std::string_view input, std::string_view gradient);
/// Row-parallel, with what comes after. Backward `input` is dropped, and `gradient` names that of the output.
void row_parallel_forward(StepWriter& w, const Linear& layer);
void row_parallel_backward(StepWriter& w, const Linear& layer, std::string_view input, std::string_view gradient);

}  // namespace rehearse
