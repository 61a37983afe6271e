// Device: a GPU's profile (peaks, memory, measured or fitted efficiencies) and the time that a kernel takes on it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/base/document.hpp"
#include "engine/base/units.hpp"
#include "platforms/kernel.hpp"

namespace rehearse {

/// How well matrix products run in one precision: the parameters of the model in gemm_model.hpp.
struct GemmProfile {
  FlopsPerSecond peak;      ///< datasheet, dense
  double efficiency = 1.0;  ///< of the peak, in (0, 1]: reached by whole waves of 256 x 128 tiles as k grows
  Seconds setup;            ///< of a product, besides its tiles: prologue, tail
  double k_ramp = 0.0;      ///< filling the pipeline and storing a tile take as long as this many elements of k
  double tile_ramp = 0.0;   ///< elements: the rate of a tile (tm, tn) goes as 1 / (1 + tile_ramp (1/tm + 1/tn))
  std::string origin;       ///< where the numbers come from
};

/// A device profile as read from YAML.
struct Device {
  std::string name;
  std::string description;
  std::string origin;  ///< of what no section has: "datasheet", "measured", with its source
  Bytes memory_capacity;
  BytesPerSecond memory_bandwidth;  ///< datasheet
  double memory_efficiency = 1.0;   ///< of the bandwidth, in (0, 1]: for large streams
  Seconds memory_latency;           ///< ramp: a stream of b bytes takes latency + b / (bandwidth * efficiency)
  std::string memory_origin;
  Seconds launch_overhead;  ///< added to each kernel
  std::string launch_origin;
  std::int64_t multiprocessors = 1;
  std::map<Precision, GemmProfile> gemm;

  /// Datasheet peak; a precision that the device lacks throws std::invalid_argument.
  [[nodiscard]] FlopsPerSecond peak(Precision p) const;
  /// Time of one launch, overhead included; positive. Never below flops / peak nor bytes / bandwidth, because every
  /// efficiency is at most 1. A matrix product in a precision that the device lacks throws std::invalid_argument.
  [[nodiscard]] Seconds time(const Kernel& kernel) const;
};

/// Read a profile; faults are noted on the reader. The keys: explained in platforms/devices/h100-80gb-sxm.yaml.
Device read_device(Reader& reader);
/// By catalogue name ("a100-80gb-sxm") or path of a YAML file. Throws InputError.
Device load_device(const std::string& name_or_path);

}  // namespace rehearse
