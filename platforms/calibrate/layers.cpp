// Whole transformer layers, timed to hold a profile against: their kernels are not in its grid as such.
#include <array>
#include <chrono>

#include "platforms/calibrate/calibrate.hpp"
#include "platforms/calibrate/text.hpp"

namespace rehearse {
namespace {

// As workloads/models/ has them.
const std::array<LayerShape, 3> models = {{
    {"gpt3-1.3b", 2048, 16, 16, 8192, false, 2048},
    {"gpt3-6.7b", 4096, 32, 32, 16384, false, 2048},
    {"llama3-8b", 4096, 32, 8, 14336, true, 8192},
}};
constexpr Seconds enough(1.0);  // of each pass; the longest take a tenth of a second

std::string row(const LayerShape& s, const LayerSample& sample) {
  std::string out = s.model;
  for (const std::int64_t size :
       {s.hidden, s.heads, s.kv_heads, s.ffn, std::int64_t{s.llama ? 1 : 0}, s.seq, s.micro_batch})
    out += "," + std::to_string(size);
  return out + "," + std::string(precision_name(s.precision)) + "," + fixed(sample.forward.time.value() * 1e6, 2) +
         "," + fixed(sample.backward.time.value() * 1e6, 2) + "\n";
}

std::string heading(const Machine& machine) {
  std::string out = "# Transformer layers, forward and backward, timed by rehearse-calibrate on " + machine.name + "\n";
  for (const auto& [key, value] : machine.provenance) out.append("# ").append(key).append(": ").append(value) += '\n';
  return out;
}

}  // namespace

std::vector<LayerShape> validation_layers() {
  std::vector<LayerShape> layers;
  for (const LayerShape& model : models)
    for (const std::int64_t micro_batch : {1, 2, 4, 8}) {
      layers.push_back(model);
      layers.back().micro_batch = micro_batch;
    }
  return layers;
}

std::string time_layers(Bench& bench, const OnProgress& on_progress) {
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<LayerShape> layers = validation_layers();
  const auto tell = [&](std::size_t done, const std::string& what) {
    const Seconds spent(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    if (on_progress) on_progress({done, layers.size(), spent, Seconds(0.0), what});
  };
  std::string left_out, rows;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    tell(i, "layer " + layers[i].model);
    const auto timing = bench.time_layer(layers[i], enough);
    if (const auto* unsupported = std::get_if<Unsupported>(&timing))
      left_out += "# " + layers[i].model + ", micro batch " + std::to_string(layers[i].micro_batch) +
                  ": could not run: " + unsupported->reason + "\n";
    else
      rows += row(layers[i], std::get<LayerSample>(timing));
  }
  tell(layers.size(), "");
  return heading(bench.machine()) + left_out +
         "model,hidden,heads,kv_heads,ffn,llama,seq,micro_batch,precision,forward_us,backward_us\n" + rows;
}

}  // namespace rehearse
