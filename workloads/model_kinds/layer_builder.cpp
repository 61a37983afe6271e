#include "workloads/model_kinds/layer_builder.hpp"

#include <utility>

namespace rehearse {

void LayerBuilder::kernels(std::vector<LayerKernel> forward, std::vector<LayerKernel> backward) {
  for (LayerKernel& kernel : forward) work_.forward.push_back(std::move(kernel));
  backward_.push_back(std::move(backward));
}

void LayerBuilder::product(const std::string& name, std::int64_t rows, std::int64_t out, std::int64_t in,
                           bool input_gradient) {
  std::vector<LayerKernel> backward;
  if (input_gradient)
    backward.push_back({name + " gradient of input", Gemm{.m = rows, .n = in, .k = out, .layout = Layout::nn}});
  backward.push_back({name + " gradient of weight", Gemm{.m = out, .n = in, .k = rows, .layout = Layout::nt}, true});
  kernels({{name, Gemm{.m = rows, .n = out, .k = in, .layout = Layout::tn}}}, std::move(backward));
  parameters(out * in);
}

void LayerBuilder::bias(const std::string& name, std::int64_t rows, std::int64_t width) {
  kernels({}, {{name + " gradient of bias", Stream{StreamKind::reduction, Bytes(element * rows * width)}, true}});
  parameters(width);
}

void LayerBuilder::stream(const std::string& name, StreamKind forward, std::int64_t forward_elements,
                          StreamKind backward, std::int64_t backward_elements) {
  kernels({{name, Stream{forward, Bytes(element * forward_elements)}}},
          {{name + " gradient", Stream{backward, Bytes(element * backward_elements)}}});
}

void LayerBuilder::loss(std::int64_t classes) {
  kernels({{"cross entropy", Stream{StreamKind::cross_entropy_forward, Bytes((element + 36) * classes)}}},
          {{"cross entropy gradient", Stream{StreamKind::cross_entropy_backward, Bytes((element + 12) * classes)}}});
  keep(classes);
}

void LayerBuilder::parameters(std::int64_t elements) {
  work_.parameters += elements;
  ++work_.tensors;
}

LayerWork LayerBuilder::take(std::int64_t output) {
  for (auto part = backward_.rbegin(); part != backward_.rend(); ++part)
    for (LayerKernel& kernel : *part) work_.backward.push_back(std::move(kernel));
  work_.output = output;
  return std::move(work_);
}

LayerBuilder dense_layer(const DenseShape& shape) {
  LayerBuilder layer(shape.name);
  layer.product(shape.name, 1, shape.out, shape.in, shape.input_gradient);
  layer.keep(shape.in);
  if (shape.bias) layer.bias(shape.name, 1, shape.out);
  if (shape.activation == DenseActivation::none) return layer;
  layer.stream("activation", StreamKind::gelu_forward, 2 * shape.out, StreamKind::gelu_backward, 3 * shape.out);
  if (shape.activation == DenseActivation::gelu)
    layer.keep(shape.out);  // ReLU needs its output, the next layer's input
  return layer;
}

}  // namespace rehearse
