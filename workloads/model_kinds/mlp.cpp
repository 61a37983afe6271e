// A multi-layer perceptron with cross entropy as its loss.
//   widths: [784, 4096, 4096, 10]   of the input, the hidden layers and the classes
//   activation: relu | gelu         of the hidden layers
//   bias: true
// Parameters: the sum over neighbours (a, b) of a b + b.
#include <array>
#include <string>

#include "workloads/model_kinds/layer_builder.hpp"
#include "workloads/model_kinds/rows.hpp"

namespace rehearse {

namespace {

void read_mlp(Reader& reader, Model& model) {
  const std::vector<std::int64_t> widths = read_widths(reader, "widths", 2);
  const std::string activation = reader.get_name("activation", "activation", {"relu", "gelu"}, "relu");
  const bool bias = reader.get<bool>("bias", true);
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    const bool last = i + 2 == widths.size();
    const DenseActivation hidden = activation == "gelu" ? DenseActivation::gelu : DenseActivation::relu;
    LayerBuilder layer = dense_layer({.name = "dense " + std::to_string(i),
                                      .in = widths[i],
                                      .out = widths[i + 1],
                                      .bias = bias,
                                      .activation = last ? DenseActivation::none : hidden,
                                      .input_gradient = i > 0});
    if (last) layer.loss(widths[i + 1]);
    model.sequence.push_back(layer.take(widths[i + 1]));
  }
  model.shape["widths"] = list_value(widths);
  model.shape["activation"] = scalar_value(activation);
  model.shape["bias"] = scalar_value(bias);
}

}  // namespace

const ModelKindRow mlp_kind{"mlp", "fully connected layers one after another", read_mlp};

}  // namespace rehearse
