// Layers of which only the sizes are known, each as a kernel at the device's roofline.
//   layers: a list of
//     name: block               "layer N" by default
//     flops: 2 GFLOP            forward, of one sample
//     backward_flops: 4 GFLOP   twice as many by default, as of a matrix product
//     bytes: 30 MB              that the forward kernel moves
//     backward_bytes: 60 MB     twice as many by default
//     parameters: 25000000
//     output: 100000            elements that a sample hands on
//     kept: 200 kB              from forward to backward; by default the output, with 2-byte elements
//     repeat: 4                 so many of it
// Backward of a layer with parameters is two kernels: half the work for the gradient of the input, half for that of the
// parameters, for which nobody waits.
#include <fmt/format.h>

#include "workloads/model_kinds/rows.hpp"

namespace rehearse {

namespace {

constexpr std::int64_t most_elements = std::int64_t{1} << 40;
constexpr double most_work = 1e18;  ///< FLOPs or bytes of a sample in a layer

template <class T>
T read_amount(Reader& item, std::string_view key, T fallback) {
  const T amount = item.get<T>(key, fallback);
  const auto size = static_cast<double>(amount.value());
  if (size >= 0 && size <= most_work) return amount;
  item.fault(key, fmt::format("expected from zero to {:.0e}", most_work));
  return T{};
}

std::int64_t read_count(Reader& item, std::string_view key) {
  return at_most(item, key, item.get_at_least(key, 0, 0), most_elements);
}

struct CustomLayer {
  std::string name;
  Roofline forward, backward;
  std::int64_t parameters = 0, output = 0, repeat = 1;
  Bytes kept;
};

CustomLayer read_layer(Reader& item, std::size_t index) {
  CustomLayer layer;
  layer.name = item.get<std::string>("name", fmt::format("layer {}", index));
  layer.forward = {read_amount(item, "flops", Flops(0)), read_amount(item, "bytes", Bytes(0))};
  layer.backward = {read_amount(item, "backward_flops", 2 * layer.forward.flops),
                    read_amount(item, "backward_bytes", layer.forward.bytes * 2)};
  layer.parameters = read_count(item, "parameters");
  layer.output = read_count(item, "output");
  layer.kept = read_amount(item, "kept", Bytes(2 * layer.output));
  layer.repeat = read_size(item, "repeat", most_layers, 1);
  if (item.is_mapping() && !item.has("flops") && !item.has("bytes"))
    item.fault("expected `flops`, `bytes` or both: without them the layer takes no time");
  return layer;
}

LayerWork work_of(const CustomLayer& layer) {
  LayerWork work{.name = layer.name,
                 .parameters = layer.parameters,
                 .tensors = layer.parameters > 0 ? 1 : 0,
                 .output = layer.output,
                 .kept_bytes = layer.kept.value()};
  work.forward = {{layer.name, layer.forward}};
  if (layer.parameters == 0) {
    work.backward = {{layer.name + " gradient", layer.backward}};
    return work;
  }
  const Roofline of_weight{layer.backward.flops / 2, layer.backward.bytes / 2};
  const Roofline of_input{layer.backward.flops - of_weight.flops, layer.backward.bytes - of_weight.bytes};
  work.backward = {{layer.name + " gradient of input", of_input},
                   {layer.name + " gradient of parameters", of_weight, true}};
  return work;
}

Value to_value(const CustomLayer& layer) {
  Value out;
  out["name"] = scalar_value(layer.name);
  for (const auto& [key, amount] : {std::pair{"flops", layer.forward.flops}, {"backward_flops", layer.backward.flops}})
    out[key] = scalar_value(fmt::format("{} FLOP", amount.value()));
  for (const auto& [key, amount] :
       {std::pair{"bytes", layer.forward.bytes}, {"backward_bytes", layer.backward.bytes}, {"kept", layer.kept}})
    out[key] = scalar_value(fmt::format("{} B", amount.value()));
  for (const auto& [key, number] :
       {std::pair{"parameters", layer.parameters}, {"output", layer.output}, {"repeat", layer.repeat}})
    out[key] = scalar_value(number);
  return out;
}

void read_custom(Reader& reader, Model& model) {
  Reader list = reader.child("layers", true);
  Value& layers = model.shape["layers"];
  layers.type = Value::Type::sequence;
  if (!reader.has("layers")) return;
  std::vector<Reader> items = list.items();
  if (list.is_sequence() && items.empty()) list.fault("expected at least one layer");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const CustomLayer layer = read_layer(items[i], i);
    layers.items.push_back(to_value(layer));
    if (std::ssize(model.sequence) + layer.repeat > most_layers)
      return list.fault(fmt::format("more than {} layers, repeated ones counted", most_layers));
    const LayerWork work = work_of(layer);
    model.sequence.insert(model.sequence.end(), static_cast<std::size_t>(layer.repeat), work);
  }
}

}  // namespace

const ModelKindRow custom_kind{"custom", "layers by their FLOPs, bytes and parameters", read_custom};

}  // namespace rehearse
