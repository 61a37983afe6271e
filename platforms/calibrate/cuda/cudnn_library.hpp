// cuDNN's graph interface, opened at run time: the calibrator links without it and runs without it.
#pragma once

#if __has_include(<cudnn.h>)
#define REHEARSE_CUDNN 1
#include <cudnn.h>
#else
#define REHEARSE_CUDNN 0
#endif

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rehearse::cuda {

/// Of the library that is found when the program runs: "9.19.0", or "not found".
std::string cudnn_version();

#if REHEARSE_CUDNN

/// The functions of the library, and a handle for the current device.
struct Cudnn {
  decltype(&cudnnGetVersion) get_version = nullptr;
  decltype(&cudnnGetErrorString) error_string = nullptr;
  decltype(&cudnnGetLastErrorString) last_error_string = nullptr;  ///< since 9.0; may be absent
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor = nullptr;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
  decltype(&cudnnBackendSetAttribute) set_attribute = nullptr;
  decltype(&cudnnBackendGetAttribute) get_attribute = nullptr;
  decltype(&cudnnBackendFinalize) finalize = nullptr;
  decltype(&cudnnBackendExecute) execute = nullptr;
  cudnnHandle_t handle = nullptr;

  /// CannotRun with the step and cuDNN's own words where `status` is not a success.
  void check(cudnnStatus_t status, const std::string& step) const;
};
/// Opened at the first call; CannotRun where it is not found, at that call and each later one.
const Cudnn& cudnn();

/// A descriptor of the graph interface. Every fault becomes CannotRun that names `what`.
class CudnnDescriptor {
 public:
  CudnnDescriptor(cudnnBackendDescriptorType_t type, std::string what);
  ~CudnnDescriptor();
  CudnnDescriptor(CudnnDescriptor&& other) noexcept
      : raw_(std::exchange(other.raw_, nullptr)), what_(std::move(other.what_)) {}
  CudnnDescriptor(const CudnnDescriptor&) = delete;
  CudnnDescriptor& operator=(const CudnnDescriptor&) = delete;

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values);
  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, T value) {
    set(name, type, 1, &value);
  }
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& other);
  void set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values);
  void finalize();
  [[nodiscard]] std::int64_t get_int64(cudnnBackendAttributeName_t name) const;
  [[nodiscard]] cudnnBackendDescriptor_t raw() const { return raw_; }

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
  std::string what_;
};

#endif

}  // namespace rehearse::cuda
