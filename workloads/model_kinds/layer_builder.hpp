// LayerBuilder: the kernels of a LayerWork in the order of its forward pass, with those of the backward pass for each.
// Private to workloads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/layer_work.hpp"

namespace rehearse {

/// Sizes are of one sample; elements have two bytes.
class LayerBuilder {
 public:
  explicit LayerBuilder(std::string name) { work_.name = std::move(name); }

  /// y = x W^T for `rows` rows of x; W (out x in) is a parameter. Without `input_gradient` x is data, whose gradient
  /// nobody asks for.
  void product(const std::string& name, std::int64_t rows, std::int64_t out, std::int64_t in, bool input_gradient);
  /// A bias of `width` on `rows` rows, which the product adds; its gradient is a sum over them.
  void bias(const std::string& name, std::int64_t rows, std::int64_t width);
  /// A memory-bound kernel that moves so many elements, and that of its gradient.
  void stream(const std::string& name, StreamKind forward, std::int64_t forward_elements, StreamKind backward,
              std::int64_t backward_elements);
  /// Any kernels; those of one call stay in order in the backward pass.
  void kernels(std::vector<LayerKernel> forward, std::vector<LayerKernel> backward);
  /// Cross entropy over `classes` in fp32: as many bytes an element as that of a transformer's head.
  void loss(std::int64_t classes);
  /// Another tensor of parameters, for instance.
  void parameters(std::int64_t elements);
  /// Elements that are kept from forward to backward.
  void keep(std::int64_t elements) { work_.kept_bytes += element * elements; }
  void keep_bytes(std::int64_t bytes) { work_.kept_bytes += bytes; }
  void deal_out() { work_.dealt_out = true; }
  /// The layer, which hands on `output` elements.
  LayerWork take(std::int64_t output);

  static constexpr std::int64_t element = 2;  ///< bytes

 private:
  LayerWork work_;
  std::vector<std::vector<LayerKernel>> backward_;  ///< in the order of forward
};

enum class DenseActivation : std::uint8_t { none, relu, gelu };

/// A fully connected layer.
struct DenseShape {
  std::string name;
  std::int64_t in = 1, out = 1;
  bool bias = true;
  DenseActivation activation = DenseActivation::none;
  bool input_gradient = true;
};
/// Its kernels, parameters and what it keeps.
LayerBuilder dense_layer(const DenseShape& shape);

}  // namespace rehearse
