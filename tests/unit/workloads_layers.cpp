// Whole layers from the times of single kernels: on a synthetic GPU against its closed form, on real ones against what
// `rehearse-calibrate --layers` measured (tests/validation/DEVICE_layers.csv).
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "platforms/calibrate/calibrate.hpp"
#include "platforms/catalogue.hpp"
#include "platforms/device.hpp"
#include "tests/support/layers.hpp"
#include "tests/support/synthetic_bench.hpp"

using namespace rehearse;

namespace {

/// Mean |predicted / measured - 1| of forward and backward together.
double mean_error(const Device& device, const std::vector<MeasuredLayer>& layers) {
  double sum = 0.0;
  for (const MeasuredLayer& layer : layers) {
    const LayerTimes predicted = layer_times(layer.shape, [&](const Kernel& kernel) { return device.time(kernel); });
    sum += std::abs((predicted.forward + predicted.backward) / (layer.times.forward + layer.times.backward) - 1.0);
  }
  const double mean = sum / static_cast<double>(layers.size());
  MESSAGE(device.name, ": mean error of ", layers.size(), " layers ", 100.0 * mean, " %");
  return mean;
}

}  // namespace

TEST_CASE("layers: a calibrated synthetic GPU predicts them within 5 % on average") {
  rehearse::testing::SyntheticBench bench;
  bench.noise = 0.01;
  const Calibration calibration = calibrate(bench, {.grid = Grid::quick, .precisions = {Precision::bf16}}, {});
  std::vector<MeasuredLayer> layers;
  for (const LayerShape& shape : validation_layers())
    layers.push_back({shape, layer_times(shape, [&](const Kernel& kernel) { return bench.true_time(kernel); })});
  CHECK(layers.size() == 12);
  CHECK(mean_error(calibration.device, layers) < 0.05);
}

TEST_CASE("layers: a measured profile predicts the layers that were measured with it within 5 % on average") {
  int tables = 0;
  for (const CatalogueEntry& entry : list_catalogue("devices")) {
    INFO(entry.name);
    const Device device = load_device(entry.name);
    const std::filesystem::path path =
        std::filesystem::path(REHEARSE_TEST_DIR "/validation") / (entry.name + "_layers.csv");
    // Only a calibration of this project's own fills these families; it is not whole without its layers.
    const bool calibrated = !device.streams.empty();
    CHECK(std::filesystem::exists(path) == calibrated);
    if (!calibrated) continue;
    std::ifstream in(path);
    const std::vector<MeasuredLayer> layers = read_layers(in);
    REQUIRE_FALSE(layers.empty());
    CHECK(mean_error(device, layers) < 0.05);
    ++tables;
  }
  if (tables == 0) MESSAGE("no device of the catalogue has been calibrated yet: nothing to compare");
}

TEST_CASE("layers: the table reads back") {
  std::istringstream in(
      "# measured\nmodel,hidden,heads,kv_heads,ffn,llama,seq,micro_batch,precision,forward_us,backward_us\n"
      "llama3-8b,4096,32,8,14336,1,8192,2,bf16,1234.5,2600.25\n");
  const std::vector<MeasuredLayer> layers = read_layers(in);
  REQUIRE(layers.size() == 1);
  CHECK(layers[0].shape.llama);
  CHECK(layers[0].shape.kv_heads == 8);
  CHECK(layers[0].times.backward.value() == doctest::Approx(2600.25e-6));
}
