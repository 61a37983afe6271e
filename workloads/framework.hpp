// Framework: what the software of a training run costs beside its kernels and messages.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/document.hpp"
#include "engine/base/units.hpp"
#include "workloads/plan.hpp"

namespace rehearse {

/// The host that issues kernels: from one to the next it takes a time, whatever they do. Small ones wait for it.
struct HostIssue {
  Seconds forward;      ///< where Python calls for them, recomputation included
  Seconds backward;     ///< where autograd does
  Seconds micro_batch;  ///< before the forward pass of each micro batch: fetched, and its sizes told to all
  Seconds message;      ///< from the arrival of a pipeline message, which it waits for, to what comes next
  std::string origin;   ///< where the numbers come from
};

/// Kernels beside products and attention that a framework calls one by one.
struct EagerKernels {
  bool separate = false;  ///< as PyTorch without a compiler; else no more kernels than workloads/layers/ has
  /// Weights, their gradients and the residual stream are in fp32, and cast for each product (torch.autocast).
  bool autocast = false;
  bool recompute_stops_early = false;  ///< at the last tensor that the backward pass needs
  std::string origin;
};

/// What the kernels of its libraries reach of what the device's profile says.
struct LibraryKernels {
  double products = 1;  ///< matrix products and attention
  double streams = 1;   ///< kernels that memory is the bound of
};

/// How the gradient of a weight comes into the buffer that sums it over micro batches.
enum class Accumulation : std::uint8_t {
  free,      ///< at no cost
  separate,  ///< a kernel adds it
  fused      ///< the product's own end does, which reads and writes the buffer in the place of writing a result
};

/// All zero: software that costs nothing.
struct Framework {
  std::string name;
  std::string description;
  HostIssue host;
  FusedKernels kernels;
  LibraryKernels libraries;
  EagerKernels eager;
  Accumulation accumulation = Accumulation::free;
  /// Of the whole tensors that zero 3 gathers and reduces, beside their messages: pieces are copied to and from lists.
  /// 0: at no cost.
  BytesPerSecond sharding;
  Seconds iteration;  ///< once in each, on every GPU: data, logging, what waits for the host
  std::string origin;
};

/// Reads a profile; faults are noted on the reader. The keys: explained in workloads/frameworks/ideal.yaml.
Framework read_framework(Reader& reader);
Value to_value(const Framework& framework);

}  // namespace rehearse
