// The CUDA runtime and the calibrator's memory on the host, as far as the kernels and their checks use them.
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "platforms/calibrate/cuda/work.hpp"
#include "tests/emulation/guards.hpp"

extern "C" {
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  std::memset(to, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  std::memset(to, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  *memory = std::malloc(bytes);
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
/// Only the number of multiprocessors is asked for.
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = 3;
  return cudaSuccess;
}
}

namespace rehearse::cuda {
namespace {

constexpr std::size_t alignment = 256, guard_bytes = 4096;
constexpr char guard_byte = 0x5a;
std::vector<const char*> guards;
int broken = 0;

void look_at_guards() {
  for (const char* guard : guards)
    for (std::size_t i = 0; i < guard_bytes; ++i)
      if (guard[i] != guard_byte) {
        ++broken;
        break;
      }
  guards.clear();
}

template <class Number>
void fill(std::size_t count, std::uint64_t seed, const Number& number) {
  std::mt19937_64 generator(seed);
  for (std::size_t i = 0; i < count; ++i) number(i, generator);
}

}  // namespace

int broken_guards() {
  look_at_guards();
  return broken;
}

void check(cudaError_t, const char*) {}

Arena::Arena(std::size_t limit) : base_(static_cast<char*>(std::aligned_alloc(alignment, limit))), capacity_(limit) {}
Arena::~Arena() { std::free(base_); }

/// Behind each piece stands a guard that nobody may write; they are looked at when the arena is used anew.
void* Arena::take_bytes(std::size_t bytes) {
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (used_ == 0) look_at_guards();
  if (rounded + guard_bytes > left()) throw CannotRun("too little memory");
  char* const taken = base_ + used_;
  used_ += rounded + guard_bytes;
  std::memset(taken + rounded, guard_byte, guard_bytes);
  guards.push_back(taken + rounded);
  return taken;
}

int Arena::sets_of(std::size_t) const { return 2; }

void fill_normal(void* out, std::size_t count, Precision precision, double scale, std::uint64_t seed) {
  // Tables of an embedding are large, and what they hold does not matter: their start is random enough.
  std::memset(out, 0, count * static_cast<std::size_t>(element_bytes(precision)));
  std::normal_distribution<double> normal(0.0, scale);
  fill(std::min<std::size_t>(count, 3'000'000), seed, [&](std::size_t i, auto& generator) {
    const auto x = static_cast<float>(normal(generator));
    if (precision == Precision::bf16)
      static_cast<__nv_bfloat16*>(out)[i] = __float2bfloat16_rn(x);
    else if (precision == Precision::fp16)
      static_cast<__half*>(out)[i] = __float2half_rn(x);
    else
      static_cast<float*>(out)[i] = x;
  });
}

void fill_indices(std::int32_t* out, std::size_t count, std::int32_t bound, std::uint64_t seed) {
  fill(count, seed, [&](std::size_t i, auto& generator) {
    out[i] = static_cast<std::int32_t>(generator() % static_cast<std::uint64_t>(bound));
  });
}

void fill_mask(std::uint8_t* out, std::size_t count, std::uint64_t seed) {
  fill(count, seed, [&](std::size_t i, auto& generator) { out[i] = static_cast<std::uint8_t>(generator() & 1U); });
}

}  // namespace rehearse::cuda
