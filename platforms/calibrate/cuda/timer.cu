#include "platforms/calibrate/cuda/timer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "platforms/calibrate/statistics.hpp"

namespace rehearse::cuda {
namespace {

constexpr double sample_seconds = 0.5e-3;  // events are good to about a microsecond
constexpr double host_bound = 20e-6;       // launched one by one, shorter works may wait for the host
constexpr double graph_below = 100e-6;     // longer works hide their launches
constexpr double long_seconds = 1e-3;      // one launch is a good sample
constexpr double close_enough = 0.02;
constexpr std::size_t least_samples = 7;
constexpr long long head_start = 200'000;  // clocks: a tenth of a millisecond

/// Keeps the device busy while the host enqueues what is timed, so that no sample waits for the host.
__global__ void head_start_kernel() {
  const long long begin = clock64();
  while (clock64() - begin < head_start) {
  }
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// `count` launches, going on through the sets from call to call.
Enqueue launches_of(const Work& work, int count) {
  return [&work, count, set = 0](cudaStream_t stream) mutable {
    for (int i = 0; i < count; ++i) {
      work.launch(stream, set);
      set = (set + 1) % work.sets;
    }
  };
}

/// How many launches make a sample: a whole number of turns through the sets where that is not too long.
int launches_for(const Work& work, double once, double enough) {
  const int most = static_cast<int>(most_sets);
  const int wanted = static_cast<int>(std::clamp(std::ceil(sample_seconds / once), 1.0, static_cast<double>(most)));
  if (once >= graph_below) return wanted;
  const int turns = std::min((wanted + work.sets - 1) / work.sets, std::max(1, most / work.sets));
  const int whole = turns * work.sets;
  return whole <= most && whole * once <= enough / static_cast<double>(least_samples + 1) ? whole : wanted;
}

}  // namespace

Graph::~Graph() {
  if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
}

bool Graph::capture(cudaStream_t stream, const Enqueue& enqueue) {
  if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed) != cudaSuccess) {
    cudaGetLastError();
    return false;
  }
  bool enqueued = true;
  try {
    enqueue(stream);
  } catch (const std::runtime_error&) {
    enqueued = false;  // what runs on a stream need not run in a capture
  }
  cudaGraph_t graph = nullptr;
  const bool ended = cudaStreamEndCapture(stream, &graph) == cudaSuccess && graph != nullptr;
  if (!enqueued || !ended || cudaGraphInstantiate(&executable_, graph, 0) != cudaSuccess) executable_ = nullptr;
  if (graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();
  return executable_ != nullptr;
}

void Graph::launch(cudaStream_t stream) const { REHEARSE_CUDA(cudaGraphLaunch(executable_, stream)); }

Timer::Timer() {
  REHEARSE_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  for (cudaEvent_t& event : events_) REHEARSE_CUDA(cudaEventCreate(&event));
}

Timer::~Timer() {
  for (cudaEvent_t event : events_) cudaEventDestroy(event);
  cudaStreamDestroy(stream_);
}

std::vector<double> Timer::batch(const Enqueue& sample, std::size_t count) {
  count = std::min(count, events_.size() - 1);
  head_start_kernel<<<1, 1, 0, stream_>>>();
  REHEARSE_CUDA(cudaGetLastError());
  REHEARSE_CUDA(cudaEventRecord(events_[0], stream_));
  for (std::size_t i = 0; i < count; ++i) {
    sample(stream_);
    REHEARSE_CUDA(cudaEventRecord(events_[i + 1], stream_));
  }
  REHEARSE_CUDA(cudaStreamSynchronize(stream_));
  std::vector<double> seconds;
  for (std::size_t i = 0; i < count; ++i) {
    float milliseconds = 0.0f;
    REHEARSE_CUDA(cudaEventElapsedTime(&milliseconds, events_[i], events_[i + 1]));
    seconds.push_back(1e-3 * static_cast<double>(milliseconds));
  }
  return seconds;
}

double Timer::estimate(const Work& work) {
  constexpr int few = 10, some = 20;
  double once = batch(launches_of(work, 1), 1)[0];
  if (once < long_seconds) once = batch(launches_of(work, few), 1)[0] / few;
  Graph graph;
  if (once < host_bound && work.graph && graph.capture(stream_, launches_of(work, some)))
    once = batch([&](cudaStream_t stream) { graph.launch(stream); }, 1)[0] / some;
  return std::max(once, 1e-7);
}

Sample Timer::time(const Work& work, Seconds enough) {
  work.launch(stream_, 0);
  REHEARSE_CUDA(cudaStreamSynchronize(stream_));
  const double begin = now();
  const double once = estimate(work);
  const int launches = launches_for(work, once, enough.value());
  Graph graph;
  Enqueue sample = launches_of(work, launches);
  if (once < graph_below && work.graph && graph.capture(stream_, sample)) {
    sample = [&](cudaStream_t stream) { graph.launch(stream); };
    batch(sample, 1);  // the first launch of a graph takes it to the device
  }
  std::vector<double> times;
  if (once >= long_seconds) times.push_back(once);
  MedianEstimate median{once, 1.0};
  do {
    const std::size_t wanted = times.size() < least_samples ? least_samples - times.size() : times.size() / 2;
    const double fit = (enough.value() - (now() - begin)) / (median.median * launches);
    const std::size_t count = fit < 1.0 ? 1 : std::min(wanted, static_cast<std::size_t>(std::min(fit, 1e6)));
    for (const double seconds : batch(sample, count)) times.push_back(seconds / launches);
    median = estimate_median(times);
  } while ((times.size() < least_samples || median.half_width > close_enough) && now() - begin < enough.value());
  return {Seconds(median.median), median.half_width, static_cast<std::int64_t>(times.size()) * launches};
}

}  // namespace rehearse::cuda
