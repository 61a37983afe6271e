#include "platforms/calibrate/cuda/machine.hpp"

#include <array>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "platforms/calibrate/cuda/cudnn_library.hpp"
#include "platforms/calibrate/cuda/nvml.hpp"
#include "platforms/calibrate/cuda/product.hpp"
#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {
namespace {

using enum Precision;

struct ChipRates {
  int capability;  ///< 90 for 9.0
  std::vector<std::pair<Precision, double>> rates;
};

// FLOP a clock of one multiprocessor, without sparsity, sums in fp32: a fused multiply-add is two. Datasheet rates at
// their boost clocks: V100 125 TFLOP/s in fp16 = 80 x 1.53 GHz x 1,024; T4 65; A100 312 = 108 x 1.41 GHz x 2,048; A40
// 149.7 = 84 x 1.74 GHz x 1,024; L40S 362 = 142 x 2.49 GHz x 1,024; H100 SXM 989 = 132 x 1.83 GHz x 4,096; B200 2,250
// = 148 x 1.86 GHz x 8,192; RTX PRO 6000 Blackwell 504 = 188 x 2.62 GHz x 1,024. GeForce chips of 7.5, 8.6, 8.9 and
// 12.0 reach half in fp16 and bf16; a peak is an upper bound, so these have the professional chips' rate.
const std::array<ChipRates, 9> known_chips = {{
    {70, {{fp32, 128}, {fp16, 1024}}},
    {75, {{fp32, 128}, {fp16, 1024}}},
    {80, {{fp32, 128}, {tf32, 1024}, {fp16, 2048}, {bf16, 2048}}},
    {86, {{fp32, 256}, {tf32, 512}, {fp16, 1024}, {bf16, 1024}}},
    {87, {{fp32, 256}, {tf32, 1024}, {fp16, 2048}, {bf16, 2048}}},
    {89, {{fp32, 256}, {tf32, 512}, {fp16, 1024}, {bf16, 1024}, {fp8, 2048}}},
    {90, {{fp32, 256}, {tf32, 2048}, {fp16, 4096}, {bf16, 4096}, {fp8, 8192}}},
    {100, {{fp32, 256}, {tf32, 4096}, {fp16, 8192}, {bf16, 8192}, {fp8, 16384}}},
    {120, {{fp32, 256}, {tf32, 512}, {fp16, 1024}, {bf16, 1024}, {fp8, 2048}}},
}};

/// Of the chip, or of the newest known one that is older; of the oldest where none is.
const ChipRates& chip_rates(int capability) {
  const ChipRates* best = &known_chips.front();
  for (const ChipRates& chip : known_chips)
    if (chip.capability <= capability) best = &chip;
  return *best;
}

/// "13.0" of 13000.
std::string dotted(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

std::string megahertz(int kilohertz) { return std::to_string(kilohertz / 1000) + " MHz"; }

std::string utc_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string host_processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "not known";
}

std::vector<std::pair<std::string, std::string>> provenance(const std::string& name, int capability) {
  int driver = 0, runtime = 0;
  REHEARSE_CUDA(cudaDriverGetVersion(&driver));
  REHEARSE_CUDA(cudaRuntimeGetVersion(&runtime));
  const Management facts = management_facts();
  const ChipRates& chip = chip_rates(capability);
  std::string version = std::to_string(capability / 10) + "." + std::to_string(capability % 10);
  if (chip.capability != capability)
    version +=
        ", not known: peaks as of " + std::to_string(chip.capability / 10) + "." + std::to_string(chip.capability % 10);
  return {
      {"device", name},
      {"compute_capability", version},
      {"driver", facts.driver + " (CUDA " + dotted(driver) + ")"},
      {"cuda_runtime", dotted(runtime)},
      {"cuda_toolkit", dotted(CUDART_VERSION)},
      {"cublaslt", cublaslt_version()},
      {"cudnn", cudnn_version()},
      {"sm_clock", facts.sm_clock},
      {"sm_clock_max", megahertz(device_attribute(cudaDevAttrClockRate))},
      {"memory_clock", facts.memory_clock},
      {"memory_clock_max", megahertz(device_attribute(cudaDevAttrMemoryClockRate))},
      {"power_limit", facts.power_limit},
      {"temperature", facts.temperature},
      {"ecc", device_attribute(cudaDevAttrEccEnabled) != 0 ? "on" : "off"},
      {"mig", facts.mig},
      {"date", utc_date()},
      {"host_processor", host_processor()},
  };
}

}  // namespace

Machine describe_machine() {
  int device = 0;
  cudaDeviceProp properties{};
  std::size_t free = 0, total = 0;
  REHEARSE_CUDA(cudaGetDevice(&device));
  REHEARSE_CUDA(cudaGetDeviceProperties(&properties, device));
  REHEARSE_CUDA(cudaMemGetInfo(&free, &total));
  const int capability = 10 * properties.major + properties.minor;
  Machine machine;
  machine.name = properties.name;
  machine.multiprocessors = properties.multiProcessorCount;
  machine.memory_capacity = Bytes(static_cast<std::int64_t>(total));
  machine.cache = Bytes(device_attribute(cudaDevAttrL2CacheSize));
  // Two transfers a clock, on each of the bus's lines.
  machine.memory_bandwidth = BytesPerSecond(2.0 * 1e3 * device_attribute(cudaDevAttrMemoryClockRate) *
                                            device_attribute(cudaDevAttrGlobalMemoryBusWidth) / 8.0);
  if (machine.memory_bandwidth <= BytesPerSecond(0.0))
    throw std::runtime_error("the driver does not say how fast the memory of " + machine.name + " is");
  const double clocks = 1e3 * device_attribute(cudaDevAttrClockRate) * static_cast<double>(machine.multiprocessors);
  for (const auto& [precision, rate] : chip_rates(capability).rates)
    machine.peaks.emplace_back(precision, FlopsPerSecond(rate * clocks));
  machine.provenance = provenance(machine.name, capability);
  return machine;
}

}  // namespace rehearse::cuda
