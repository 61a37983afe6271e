// LayerWork: a layer that is no part of a transformer, as the work that one sample makes.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "platforms/kernel.hpp"

namespace rehearse {

/// A kernel of a layer. Its size is that of one sample: of a micro batch of b samples the m of a product is b times as
/// large, or its k where the layout is nt (the gradient of a weight sums over samples); bytes and FLOPs are b times as
/// many.
struct LayerKernel {
  std::string name;
  std::variant<Stream, Gemm, Roofline> work;
  bool of_weight = false;  ///< backward: the gradient of a weight, for which nobody waits
};

/// A layer of an MLP, of a convolutional network, of a recommendation model, or as a user describes it.
struct LayerWork {
  std::string name;
  std::int64_t parameters = 0;
  std::int64_t tensors = 0;  ///< that the parameters come in
  std::vector<LayerKernel> forward, backward;
  std::int64_t output = 0;      ///< elements that a sample hands on to the next layer
  std::int64_t kept_bytes = 0;  ///< that a sample keeps until its backward pass, with 2-byte elements
  /// Its parameters are dealt out over the data-parallel ranks (tables of embeddings of a recommendation model): each
  /// has a share and works for the samples of all, and an all_to_all brings every rank the output for its own
  /// (Naumov et al. 2019, Section 3). Backward the other way round. Their gradients are not reduced.
  bool dealt_out = false;
};

}  // namespace rehearse
