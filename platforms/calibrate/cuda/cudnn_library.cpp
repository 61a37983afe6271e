#include "platforms/calibrate/cuda/cudnn_library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {
namespace {

/// nullptr where there is none. It stays open: a library with CUDA contexts of its own cannot be closed safely.
void* open_library() {
  std::vector<std::string> names = {"libcudnn.so.9", "libcudnn.so"};
  if (const char* const folder = std::getenv("CUDNN_PATH"))
    for (const char* const below : {"/lib64/", "/lib/"})
      names.insert(names.begin(), std::string(folder) + below + "libcudnn.so.9");
  for (const std::string& name : names)
    if (void* const library = dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL)) return library;
  return nullptr;
}

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

std::string cudnn_version() {
  void* library = open_library();
  std::size_t (*get_version)() = nullptr;
  if (library == nullptr || !find(library, "cudnnGetVersion", get_version)) return "not found";
  const std::size_t version = get_version();  // 91900; before 9, 8907
  const std::size_t major = version >= 90000 ? 10000 : 1000;
  return std::to_string(version / major) + "." + std::to_string(version % major / 100) + "." +
         std::to_string(version % 100);
}

#if REHEARSE_CUDNN

namespace {

Cudnn open_cudnn() {
  void* library = open_library();
  if (library == nullptr) throw CannotRun("cuDNN 9 was not found (libcudnn.so.9)");
  Cudnn api;
  const bool complete =
      find(library, "cudnnGetVersion", api.get_version) && find(library, "cudnnGetErrorString", api.error_string) &&
      find(library, "cudnnCreate", api.create) && find(library, "cudnnSetStream", api.set_stream) &&
      find(library, "cudnnBackendCreateDescriptor", api.create_descriptor) &&
      find(library, "cudnnBackendDestroyDescriptor", api.destroy_descriptor) &&
      find(library, "cudnnBackendSetAttribute", api.set_attribute) &&
      find(library, "cudnnBackendGetAttribute", api.get_attribute) &&
      find(library, "cudnnBackendFinalize", api.finalize) && find(library, "cudnnBackendExecute", api.execute);
  if (!complete) throw CannotRun("the cuDNN that was found has no graph interface");
  find(library, "cudnnGetLastErrorString", api.last_error_string);
  api.check(api.create(&api.handle), "cudnnCreate");
  return api;
}

}  // namespace

const Cudnn& cudnn() {
  static const Cudnn api = open_cudnn();
  return api;
}

void Cudnn::check(cudnnStatus_t status, const std::string& step) const {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::string words = error_string(status);
  if (last_error_string != nullptr) {
    char text[1024] = "";
    last_error_string(text, sizeof text);
    if (text[0] != '\0') words += ": " + std::string(text);
  }
  throw CannotRun("cuDNN, " + step + ": " + words);
}

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t type, std::string what) : what_(std::move(what)) {
  cudnn().check(cudnn().create_descriptor(type, &raw_), what_);
}

CudnnDescriptor::~CudnnDescriptor() {
  if (raw_ != nullptr) cudnn().destroy_descriptor(raw_);
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                          const void* values) {
  cudnn().check(cudnn().set_attribute(raw_, name, type, count, values),
                what_ + ", attribute " + std::to_string(static_cast<int>(name)));
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, const CudnnDescriptor& other) {
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other.raw_);
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
  set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}

void CudnnDescriptor::finalize() { cudnn().check(cudnn().finalize(raw_), what_); }

std::int64_t CudnnDescriptor::get_int64(cudnnBackendAttributeName_t name) const {
  std::int64_t value = 0, count = 0;
  cudnn().check(cudnn().get_attribute(raw_, name, CUDNN_TYPE_INT64, 1, &count, &value), what_);
  return value;
}

#endif

}  // namespace rehearse::cuda
