// What the CUDA bench times, and the device memory that it works on.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "platforms/calibrate/bench.hpp"
#include "platforms/calibrate/stream_shape.hpp"

namespace rehearse::cuda {

/// Throws std::runtime_error with the call and CUDA's own words where `status` is not a success.
void check(cudaError_t status, const char* call);
#define REHEARSE_CUDA(call) ::rehearse::cuda::check((call), #call)

/// An attribute of the device in use.
inline int device_attribute(cudaDeviceAttr which) {
  int device = 0, value = 0;
  REHEARSE_CUDA(cudaGetDevice(&device));
  REHEARSE_CUDA(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

/// A case that does not fit or that a library does not do: becomes rehearse::Unsupported.
struct CannotRun : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline constexpr std::size_t most_sets = 200;

/// Device memory in pieces: one allocation of most of what is free (or of `limit`), handed out in order.
class Arena {
 public:
  explicit Arena(std::size_t limit);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// 256-byte aligned; throws CannotRun where too little is left.
  void* take_bytes(std::size_t bytes);
  template <class T>
  T* take(std::size_t count) {
    return static_cast<T*>(take_bytes(count * sizeof(T)));
  }
  [[nodiscard]] std::size_t left() const { return capacity_ - used_; }
  /// Everything is free again; what was taken is not to be used any more.
  void reset() { used_ = 0; }
  /// Bytes of the last-level cache of the device.
  [[nodiscard]] std::size_t cache() const { return cache_; }
  /// How many sets of `bytes` it takes to rotate past three caches: at least 2, at most what fits (CannotRun below 1)
  /// and most_sets, which a timed graph goes through.
  [[nodiscard]] int sets_of(std::size_t bytes) const;

 private:
  char* base_ = nullptr;
  std::size_t capacity_ = 0, used_ = 0, cache_ = 0;
};

/// Random data, reproducible from `seed`: normal (0, scale), uniform integers in [0, bound), bytes 0 or 1.
void fill_normal(void* out, std::size_t count, Precision precision, double scale, std::uint64_t seed);
void fill_indices(std::int32_t* out, std::size_t count, std::int32_t bound, std::uint64_t seed);
void fill_mask(std::uint8_t* out, std::size_t count, std::uint64_t seed);

/// Something to time: `launch(stream, set)` enqueues it once, on the set of inputs and outputs of that number.
struct Work {
  int sets = 1;
  std::function<void(cudaStream_t, int)> launch;
  bool graph = true;  ///< may be captured in a CUDA graph (a pageable copy may not)
};

// Each takes what it needs from the arena; CannotRun where it cannot be done here.
Work stream_work(StreamKind kind, const StreamShape& shape, Arena& arena);
Work gemm_work(const Gemm& gemm, Precision precision, Arena& arena);
Work attention_work(const Attention& attention, Precision precision, Arena& arena);

/// |out - reference| / |reference|, Frobenius norm; infinite where an element of `out` is not finite.
inline double relative_error(const std::vector<double>& out, const std::vector<double>& reference) {
  double off = 0.0, norm = 0.0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!std::isfinite(out[i])) return std::numeric_limits<double>::infinity();
    off += (out[i] - reference[i]) * (out[i] - reference[i]);
    norm += reference[i] * reference[i];
  }
  return off == 0.0 ? 0.0 : std::sqrt(off / norm);
}

/// Our own kernels against references in double precision on the host, small input.
std::vector<Check> check_streams(Arena& arena);
std::vector<Check> check_attention(Arena& arena);  ///< fused and unfused, forward and backward
std::vector<Check> check_gemm(Arena& arena);       ///< the layouts, so that each means what kernel.hpp says

}  // namespace rehearse::cuda
