// Bench: a machine that times kernels. The calibrator sees no more of a GPU than this; tests put a synthetic one here.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/units.hpp"
#include "platforms/kernel.hpp"

namespace rehearse {

/// What a profile says of the machine that it was measured on.
struct Machine {
  std::string name;  ///< "NVIDIA H200"
  std::int64_t multiprocessors = 1;
  Bytes memory_capacity;
  BytesPerSecond memory_bandwidth;  ///< of the memory's clock and bus width: what the pins can carry
  /// Dense, at the highest clock: multiprocessors x clock x FLOP a clock of one, by architecture; a precision that the
  /// chip lacks is absent.
  std::vector<std::pair<Precision, FlopsPerSecond>> peaks;
  Bytes cache;  ///< last level
  /// In the order in which the profile prints them: driver, CUDA runtime, libraries, clocks, power limit, date, ...
  std::vector<std::pair<std::string, std::string>> provenance;
};

/// The median time of one kernel among many back to back, the gap between two launches included.
struct Sample {
  Seconds time;
  double interval = 0.0;     ///< half of the 95 % confidence interval of the median, as a share of it
  std::int64_t repeats = 0;  ///< kernels timed
};
struct Unsupported {
  std::string reason;
};
using Timing = std::variant<Sample, Unsupported>;

enum class Launch : std::uint8_t { stream, graph };  ///< an empty kernel, launched one by one or in a CUDA graph

/// One transformer layer, forward and backward as in training: norm, QKV product, (rotary,) causal fused attention,
/// projection, add, norm, MLP (gated: SwiGLU of two halves, else GELU), add; no dropout, no recomputation.
struct LayerShape {
  std::string model;  ///< "gpt3-1.3b"
  std::int64_t hidden = 1, heads = 1, kv_heads = 1, ffn = 1;
  bool llama = false;  ///< RMS norm, rotary positions and SwiGLU, else layer norm and GELU
  std::int64_t seq = 1, micro_batch = 1;
  Precision precision = Precision::bf16;
};
struct LayerSample {
  Sample forward, backward;
};

/// A kernel of ours held against a double-precision reference.
struct Check {
  std::string name;
  double error = 0.0;  ///< |out - reference| / |reference|, Frobenius norm; infinite where an element is not finite
  double tolerance = 0.0;
  [[nodiscard]] bool passed() const { return error <= tolerance; }
};

class Bench {
 public:
  Bench() = default;
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  virtual ~Bench() = default;

  [[nodiscard]] virtual const Machine& machine() const = 0;
  /// Inputs are random and rotate past the last-level cache. `enough` bounds the time spent on it, besides what one
  /// warm-up takes; `interval` of the sample says how sure the median then is. A stream's bytes are those of a
  /// stream_shape. A fault of the device throws std::runtime_error.
  virtual Timing time(const Kernel& kernel, Seconds enough) = 0;
  virtual Seconds launch(Launch how) = 0;
  virtual std::variant<LayerSample, Unsupported> time_layer(const LayerShape& layer, Seconds enough) = 0;
  /// Every kernel that is ours, on small input.
  virtual std::vector<Check> check() = 0;
};

}  // namespace rehearse
