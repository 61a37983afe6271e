// A residual network (He et al. 2015, arXiv 1512.03385, Table 1) with softmax cross entropy.
//   depth: 50      18, 34, 50, 101 or 152
//   image: 224     height and width of an image of three channels
//   classes: 1000
// The stride of a bottleneck block is in its 3 x 3 convolution (as published implementations have it since; the paper
// has it in the first 1 x 1, which makes 3.8 instead of 4.1 billion multiplications of ResNet-50). Layers are the stem,
// the blocks and the head.
//
// A convolution is an implicit matrix product: forward m = output pixels, n = output channels, k = input channels x
// kernel area. Batch norm reads its input twice (statistics, then values) and writes once; backward it reads input and
// gradient twice. Kept are the inputs of convolutions, batch norms and of the pooling.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "workloads/model_kinds/layer_builder.hpp"
#include "workloads/model_kinds/rows.hpp"

namespace rehearse {

namespace {

constexpr std::int64_t most_image = 1 << 13;

struct Depth {
  std::int64_t layers;
  std::array<std::int64_t, 4> blocks;  ///< of each stage
  bool bottleneck;                     ///< 1 x 1, 3 x 3, 1 x 1 instead of two 3 x 3
};
constexpr std::array<Depth, 5> depths = {{{18, {2, 2, 2, 2}, false},
                                          {34, {3, 4, 6, 3}, false},
                                          {50, {3, 4, 6, 3}, true},
                                          {101, {3, 4, 23, 3}, true},
                                          {152, {3, 8, 36, 3}, true}}};

/// A square of `size` x `size` pixels.
struct Image {
  std::int64_t channels = 3, size = 1;
  [[nodiscard]] std::int64_t pixels() const { return size * size; }
  [[nodiscard]] std::int64_t elements() const { return channels * pixels(); }
};

struct Convolution {
  std::int64_t channels = 1;  ///< that come out
  std::int64_t kernel = 1, stride = 1;
};

/// Padded so that a stride of 1 keeps the size (of an odd kernel).
std::int64_t size_after(std::int64_t size, std::int64_t kernel, std::int64_t stride) {
  return (size + 2 * (kernel / 2) - kernel) / stride + 1;
}

/// The convolution and the batch norm behind it.
Image convolve(LayerBuilder& layer, const std::string& name, const Image& in, const Convolution& c,
               bool input_gradient = true) {
  const Image out{c.channels, size_after(in.size, c.kernel, c.stride)};
  layer.product(name, out.pixels(), out.channels, in.channels * c.kernel * c.kernel, input_gradient);
  layer.stream(name + " norm", StreamKind::layer_norm_forward, 3 * out.elements(), StreamKind::layer_norm_backward,
               5 * out.elements());
  layer.parameters(out.channels);  // scale
  layer.parameters(out.channels);  // shift
  layer.keep(out.elements());
  return out;
}

void relu(LayerBuilder& layer, const Image& image) {
  layer.stream("relu", StreamKind::gelu_forward, 2 * image.elements(), StreamKind::gelu_backward, 3 * image.elements());
}

LayerWork stem(Image& at) {
  LayerBuilder layer("stem");
  layer.keep(at.elements());
  at = convolve(layer, "convolution", at, {.channels = 64, .kernel = 7, .stride = 2}, false);
  relu(layer, at);
  layer.keep(at.elements());
  const Image pooled{at.channels, size_after(at.size, 3, 2)};
  const std::int64_t moved = at.elements() + pooled.elements();
  layer.stream("max pool", StreamKind::copy, moved, StreamKind::copy, moved);
  at = pooled;
  return layer.take(at.elements());
}

/// `channels` come out, of a bottleneck from a quarter as many inside.
LayerWork block(const std::string& name, Image& at, std::int64_t channels, std::int64_t stride, bool bottleneck) {
  LayerBuilder layer(name);
  const Image in = at;
  const std::int64_t inner = bottleneck ? channels / 4 : channels;
  const std::vector<Convolution> path =
      bottleneck ? std::vector<Convolution>{{inner, 1, 1}, {inner, 3, stride}, {channels, 1, 1}}
                 : std::vector<Convolution>{{inner, 3, stride}, {channels, 3, 1}};
  layer.keep(in.elements());
  // Where the two ways part the gradients are added; forward there is nothing to do.
  layer.kernels({}, {{"branches gradient",
                      Stream{StreamKind::dropout_add_backward, Bytes(3 * LayerBuilder::element * in.elements())}}});
  if (stride > 1 || in.channels != channels) convolve(layer, "shortcut", in, {channels, 1, stride});
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0) relu(layer, at);
    if (i > 0) layer.keep(at.elements());
    at = convolve(layer, fmt::format("convolution {}", i), at, path[i]);
  }
  layer.stream("add, relu", StreamKind::dropout_add_forward, 3 * at.elements(), StreamKind::gelu_backward,
               3 * at.elements());
  return layer.take(at.elements());
}

LayerWork head(const Image& at, std::int64_t classes) {
  LayerBuilder layer("head");
  layer.keep(at.elements());  // for the last ReLU
  layer.stream("average pool", StreamKind::reduction, at.elements(), StreamKind::copy, at.elements());
  layer.product("classes", 1, classes, at.channels, true);
  layer.bias("classes", 1, classes);
  layer.keep(at.channels);
  layer.loss(classes);
  return layer.take(classes);
}

const Depth& read_depth(Reader& reader) {
  const std::int64_t wanted = reader.get_at_least("depth", 1, 50);
  const auto found = std::ranges::find(depths, wanted, &Depth::layers);
  if (found != depths.end()) return *found;
  std::vector<std::int64_t> known;
  for (const Depth& depth : depths) known.push_back(depth.layers);
  reader.fault("depth", fmt::format("expected one of: {}, found {}", fmt::join(known, ", "), wanted));
  return depths.front();
}

void read_resnet(Reader& reader, Model& model) {
  const Depth& depth = read_depth(reader);
  Image at{.size = read_size(reader, "image", most_image, 224)};
  const std::int64_t classes = read_size(reader, "classes", most_width, 1000);
  model.shape["depth"] = scalar_value(depth.layers);
  model.shape["image"] = scalar_value(at.size);
  model.shape["classes"] = scalar_value(classes);
  model.sequence.push_back(stem(at));
  std::int64_t channels = depth.bottleneck ? 256 : 64;
  for (std::size_t stage = 0; stage < depth.blocks.size(); ++stage, channels *= 2)
    for (std::int64_t i = 0; i < depth.blocks[stage]; ++i)
      model.sequence.push_back(block(fmt::format("stage {} block {}", stage + 1, i), at, channels,
                                     stage > 0 && i == 0 ? 2 : 1, depth.bottleneck));
  model.sequence.push_back(head(at, classes));
}

}  // namespace

const ModelKindRow resnet_kind{"resnet", "a residual network for images, with its convolutions as products",
                               read_resnet};

}  // namespace rehearse
