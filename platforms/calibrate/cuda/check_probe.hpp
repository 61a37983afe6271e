// How a kernel is held against a reference in double precision on the host. Private to the files check_stream*.cpp.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "platforms/calibrate/cuda/stream_sets.hpp"

namespace rehearse::cuda {

using Numbers = std::vector<double>;

/// Device memory and, of an input, what is in it.
template <class T>
struct Probed {
  T* device = nullptr;
  Numbers host;
};

/// Buffers for one kernel after another; collects the checks.
class Probe {
 public:
  explicit Probe(Arena& arena) : arena_(arena) {}

  template <class T>
  static Numbers read(const T* device, std::size_t count) {
    std::vector<T> raw(count);
    REHEARSE_CUDA(cudaDeviceSynchronize());
    REHEARSE_CUDA(cudaMemcpy(raw.data(), device, count * sizeof(T), cudaMemcpyDeviceToHost));
    Numbers numbers;
    numbers.reserve(count);
    for (const T x : raw) numbers.push_back(static_cast<double>(static_cast<float>(x)));
    return numbers;
  }
  template <class T>
  Probed<T> normal(std::size_t count, double scale = 1.0) {
    T* const device = arena_.take<T>(count);
    fill_normal(device, count, precision_of<T>, scale, ++seed_);
    return {device, read(device, count)};
  }
  Probed<std::int32_t> indices(std::size_t count, std::int32_t bound) {
    auto* const device = arena_.take<std::int32_t>(count);
    fill_indices(device, count, bound, ++seed_);
    return {device, read(device, count)};
  }
  /// Not a number in any type until a kernel has written it.
  template <class T>
  T* poisoned(std::size_t count) {
    T* const device = arena_.take<T>(count);
    REHEARSE_CUDA(cudaMemset(device, 0xff, count * sizeof(T)));
    REHEARSE_CUDA(cudaDeviceSynchronize());
    return device;
  }
  template <class T>
  void compare(const std::string& name, const T* out, const Numbers& reference, double tolerance) {
    add(name, relative_error(read(out, reference.size()), reference), tolerance);
  }
  void add(const std::string& name, double error, double tolerance) { checks_.push_back({name, error, tolerance}); }
  /// The next kernel may use all memory again.
  void next() { arena_.reset(); }
  [[nodiscard]] std::vector<Check> take_checks() { return std::move(checks_); }

 private:
  Arena& arena_;
  std::vector<Check> checks_;
  std::uint64_t seed_ = 1'000'000;  // far from those of timed data
};

inline constexpr double fp32_rounding = 1e-5, bf16_rounding = 4e-3;  // tolerances: rounding of the result, with room

inline std::string sized(const std::string& name, std::size_t rows, std::size_t width) {
  return name + " " + std::to_string(rows) + " x " + std::to_string(width);
}

void check_norms(Probe& probe);
void check_softmax(Probe& probe);
void check_activations(Probe& probe);
void check_training(Probe& probe);

}  // namespace rehearse::cuda
