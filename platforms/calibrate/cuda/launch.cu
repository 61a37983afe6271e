#include "platforms/calibrate/cuda/launch.hpp"

#include <chrono>
#include <vector>

#include "platforms/calibrate/statistics.hpp"

namespace rehearse::cuda {
namespace {

__global__ void empty_kernel() {}

void launch_empty(cudaStream_t stream) {
  empty_kernel<<<1, 32, 0, stream>>>();
  REHEARSE_CUDA(cudaGetLastError());
}

/// By the host's clock: one by one, the host is what launches wait for.
double seconds_of(int launches, cudaStream_t stream) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < launches; ++i) launch_empty(stream);
  REHEARSE_CUDA(cudaStreamSynchronize(stream));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

Seconds time_launch(Launch how, Timer& timer) {
  if (how == Launch::graph) {
    Work work;
    work.launch = [](cudaStream_t stream, int) { launch_empty(stream); };
    return timer.time(work, Seconds(0.1)).time;
  }
  constexpr int launches = 10'000, rounds = 11;
  std::vector<double> times;
  seconds_of(launches, timer.stream());
  for (int i = 0; i < rounds; ++i) times.push_back(seconds_of(launches, timer.stream()) / launches);
  return Seconds(estimate_median(times).median);
}

}  // namespace rehearse::cuda
