// How long a Work takes.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {

using Enqueue = std::function<void(cudaStream_t)>;

/// Work captured once in a CUDA graph, to be launched again and again.
class Graph {
 public:
  Graph() = default;
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Captures what `enqueue` puts on the stream; it must have run before, so that nothing is loaded meanwhile. False,
  /// with nothing captured, where that cannot be done.
  bool capture(cudaStream_t stream, const Enqueue& enqueue);
  void launch(cudaStream_t stream) const;

 private:
  cudaGraphExec_t executable_ = nullptr;
};

/// A stream of its own, and the events between which samples are taken.
class Timer {
 public:
  Timer();
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Median of samples until its 95 % confidence interval is within 2 % (at least 7 samples) or `enough` is spent. A
  /// sample is one launch, or of short works as many as take half a millisecond, then from a CUDA graph where that can
  /// be.
  Sample time(const Work& work, Seconds enough);
  [[nodiscard]] cudaStream_t stream() const { return stream_; }

 private:
  /// Seconds of each of `count` samples one after another, without a pause between them; at most as many as there are
  /// gaps between the events.
  std::vector<double> batch(const Enqueue& sample, std::size_t count);
  double estimate(const Work& work);

  cudaStream_t stream_ = nullptr;
  std::array<cudaEvent_t, 65> events_{};
};

}  // namespace rehearse::cuda
