#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <algorithm>
#include <string>

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {
namespace {

constexpr std::size_t alignment = 256;
constexpr double share_of_free = 0.7;  // the rest is for libraries and for whoever shares the device
constexpr int threads = 256, most_blocks = 4096;

int blocks_for(std::size_t items) {
  return static_cast<int>(std::clamp<std::size_t>((items + threads - 1) / threads, 1, most_blocks));
}

/// 64 well mixed bits of a counter (splitmix64: Steele et al., "Fast splittable pseudorandom number generators", 2014).
__device__ std::uint64_t mixed(std::uint64_t seed, std::uint64_t counter) {
  std::uint64_t x = (seed + 1) * 0xd1342543de82ef95ULL + (counter + 1) * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

template <class T>
__device__ T converted(float x) {
  return static_cast<T>(x);
}
template <>
__device__ __half converted<__half>(float x) {
  return __float2half(x);
}
template <>
__device__ __nv_bfloat16 converted<__nv_bfloat16>(float x) {
  return __float2bfloat16(x);
}

/// Two normal numbers for each 64 bits (Box and Muller).
template <class T>
__global__ void normal_kernel(T* out, std::size_t count, float scale, std::uint64_t seed) {
  const std::size_t pairs = (count + 1) / 2;
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < pairs; i += step) {
    const std::uint64_t bits = mixed(seed, i);
    const float u = (static_cast<float>(bits >> 40) + 1.0f) * 0x1p-24f;  // in (0, 1]
    const float angle = static_cast<float>(bits & 0xffffffU) * (0x1p-24f * 6.2831853f);
    const float radius = scale * sqrtf(fmaxf(0.0f, -2.0f * __logf(u)));
    float sine, cosine;
    __sincosf(angle, &sine, &cosine);
    out[2 * i] = converted<T>(radius * cosine);
    if (2 * i + 1 < count) out[2 * i + 1] = converted<T>(radius * sine);
  }
}

__global__ void index_kernel(std::int32_t* out, std::size_t count, std::uint32_t bound, std::uint64_t seed) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step)
    out[i] = static_cast<std::int32_t>(((mixed(seed, i) >> 32) * bound) >> 32);
}

__global__ void mask_kernel(std::uint8_t* out, std::size_t count, std::uint64_t seed) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step)
    out[i] = static_cast<std::uint8_t>(mixed(seed, i) >> 63);
}

template <class T>
void launch_normal(void* out, std::size_t count, double scale, std::uint64_t seed) {
  normal_kernel<<<blocks_for((count + 1) / 2), threads>>>(static_cast<T*>(out), count, static_cast<float>(scale), seed);
}

/// The streams that are timed do not wait for the default stream that fills.
void finish_filling() {
  REHEARSE_CUDA(cudaGetLastError());
  REHEARSE_CUDA(cudaStreamSynchronize(nullptr));
}

std::size_t usable_bytes(std::size_t limit) {
  std::size_t free = 0, total = 0;
  REHEARSE_CUDA(cudaMemGetInfo(&free, &total));
  const auto share = static_cast<std::size_t>(share_of_free * static_cast<double>(free));
  return std::min(limit, share) / alignment * alignment;
}

}  // namespace

void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // one that does not stick is not to be reported again by the next call
  const char* const help = status == cudaErrorNoKernelImageForDevice
                               ? "; built for other chips: configure with -DCMAKE_CUDA_ARCHITECTURES=native"
                               : "";
  throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) +
                           ") from " + call + help);
}

Arena::Arena(std::size_t limit) : capacity_(usable_bytes(limit)) {
  cache_ = static_cast<std::size_t>(device_attribute(cudaDevAttrL2CacheSize));
  if (capacity_ == 0) throw std::runtime_error("no memory of the GPU is free");
  void* base = nullptr;
  REHEARSE_CUDA(cudaMalloc(&base, capacity_));
  base_ = static_cast<char*>(base);
}

Arena::~Arena() { cudaFree(base_); }

void* Arena::take_bytes(std::size_t bytes) {
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (rounded > left()) throw CannotRun("too little memory");
  char* taken = base_ + used_;
  used_ += rounded;
  return taken;
}

int Arena::sets_of(std::size_t bytes) const {
  constexpr std::size_t rounding = 16 * alignment;  // of the pieces of a set, each to a whole `alignment`
  bytes = std::max<std::size_t>(bytes, 1);
  const std::size_t fit = left() / (bytes + rounding);
  if (fit < 1) throw CannotRun("too little memory");
  const std::size_t wanted = std::clamp<std::size_t>((3 * cache_ + bytes - 1) / bytes, 2, most_sets);
  return static_cast<int>(std::min(wanted, fit));
}

void fill_normal(void* out, std::size_t count, Precision precision, double scale, std::uint64_t seed) {
  if (count == 0) return;
  switch (precision) {
    case Precision::fp32:
    case Precision::tf32: launch_normal<float>(out, count, scale, seed); break;
    case Precision::fp16: launch_normal<__half>(out, count, scale, seed); break;
    case Precision::bf16: launch_normal<__nv_bfloat16>(out, count, scale, seed); break;
    case Precision::fp8: launch_normal<__nv_fp8_e4m3>(out, count, scale, seed); break;
  }
  finish_filling();
}

void fill_indices(std::int32_t* out, std::size_t count, std::int32_t bound, std::uint64_t seed) {
  if (count == 0) return;
  index_kernel<<<blocks_for(count), threads>>>(out, count, static_cast<std::uint32_t>(bound), seed);
  finish_filling();
}

void fill_mask(std::uint8_t* out, std::size_t count, std::uint64_t seed) {
  if (count == 0) return;
  mask_kernel<<<blocks_for(count), threads>>>(out, count, seed);
  finish_filling();
}

}  // namespace rehearse::cuda
