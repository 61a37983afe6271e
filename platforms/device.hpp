// Device: a GPU's profile (peaks, memory, measured or fitted efficiencies) and the time that a kernel takes on it.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/units.hpp"
#include "platforms/kernel.hpp"
#include "platforms/measured.hpp"

namespace rehearse {

class Reader;

/// How well matrix products run in one precision: the parameters of the model in gemm_model.hpp, and measured times.
struct GemmProfile {
  FlopsPerSecond peak;      ///< datasheet, dense
  double efficiency = 1.0;  ///< of the peak, in (0, 1]: reached by whole waves of 256 x 128 tiles as k grows
  Seconds setup;            ///< of a product, besides its tiles: prologue, tail
  double k_ramp = 0.0;      ///< filling the pipeline and storing a tile take as long as this many elements of k
  double tile_ramp = 0.0;   ///< elements: the rate of a tile (tm, tn) goes as 1 / (1 + tile_ramp (1/tm + 1/tn))
  std::string origin;       ///< where the numbers come from
  Family<Gemm> measured;
};

/// What fused attention reaches of the peak with the products that it does on chip, in (0, 1]; 0: what matrix products
/// of the same sizes do (attention_model.hpp).
struct FlashProfile {
  double forward = 0.0, backward = 0.0;
  std::string origin;
};

/// What is left in a long run of the rate that products have in a short measurement: power and heat lower the clock.
struct SustainedProfile {
  double products = 1.0;  ///< matrix products and attention, in (0, 1]
  std::string origin;
};

/// A device profile as read from YAML.
struct Device {
  std::string name;
  std::string description;
  std::string origin;  ///< of what no section has: "datasheet", "measured", with its source
  std::vector<std::pair<std::string, std::string>> provenance;  ///< of a measured profile: driver, clocks, date, ...
  Bytes memory_capacity;
  BytesPerSecond memory_bandwidth;  ///< datasheet
  double memory_efficiency = 1.0;   ///< of the bandwidth, in (0, 1]: for large streams
  Seconds memory_latency;           ///< ramp: a stream of b bytes takes latency + b / (bandwidth * efficiency)
  std::string memory_origin;
  Bytes context_memory;  ///< of a process on the device, before any tensor: context, libraries and their workspace
  Seconds malloc_time, free_time;  ///< of a call to the device's allocator
  std::string allocation_origin;   ///< empty: of the three nothing is known
  Seconds launch_overhead;         ///< from one kernel to the next on the device; in what measured times say already
  Seconds launch_host;             ///< what the host takes for a launch, which may be longer; zero: not known
  std::string launch_origin;
  std::int64_t multiprocessors = 1;
  std::map<Precision, GemmProfile> gemm;
  FlashProfile flash;
  SustainedProfile sustained;
  std::map<Precision, Family<Attention>> attention;  ///< measured
  std::map<StreamKind, Family<Stream>> streams;      ///< measured

  /// Datasheet peak; a precision that the device lacks throws std::invalid_argument.
  [[nodiscard]] FlopsPerSecond peak(Precision p) const;

  /// Time of one kernel, launch included; positive. Where the family was measured, interpolated between the measured
  /// times (interpolant.hpp), else by the model of the section. Never below flops / peak nor below the compulsory
  /// bytes / bandwidth (of a stream: only where the model gives it). A Roofline takes launch + flops at the rate of a
  /// product of 8192 x 8192 x 8192, or as long as a copy that moves its bytes if that is longer. A product in a
  /// precision that the device lacks throws std::invalid_argument.
  [[nodiscard]] Seconds time(const Kernel& kernel) const;
  /// The same in a long run (SustainedProfile).
  [[nodiscard]] Seconds sustained_time(const Kernel& kernel) const;
  /// What `time` says without any measured times.
  [[nodiscard]] Seconds model_time(const Kernel& kernel) const;

  /// Call after a change of measured times or of a number that the models use, before `time`.
  void build_tables();
  /// Set each family's leave-one-out errors from its points; builds the tables first.
  void state_errors();

 private:
  /// Of a Stream of several launches.
  [[nodiscard]] Seconds separate_time(const Kernel& kernel) const;

  std::shared_ptr<const MeasuredTables> tables_;
};

/// Of all families.
std::size_t measured_points(const Device& device);

/// Read a profile; faults are noted on the reader. The keys: explained in platforms/devices/h100-80gb-sxm.yaml, those
/// of measured times in docs/calibrate.md.
Device read_device(Reader& reader);
/// By catalogue name ("a100-80gb-sxm") or path of a YAML file. Throws InputError.
Device load_device(const std::string& name_or_path);
/// YAML that read_device reads back to the same device (numbers to six digits; nothing that `like` or a base gave is
/// lost); writing that again gives the same bytes.
void write_device(std::ostream& out, const Device& device);

}  // namespace rehearse
