// What the calibrator's memory-bound kernels work on for a number of bytes.
#pragma once

#include <cstdint>

#include "platforms/kernel.hpp"

namespace rehearse {

/// A matrix of rows x width elements (of outputs, where a kernel has several) and the bytes that the kernel moves.
struct StreamShape {
  std::int64_t rows = 1, width = 1;
  Bytes bytes;
};

/// The shape whose bytes are nearest to `wanted` (at least one row). Elements are bf16 unless said; bytes an element:
///
///   layer_norm, rms_norm     forward 4 (x, y); backward 8 (dy, x, gradient of the residual, dx); rows of 4,096
///   softmax (causal)         forward 4; backward 6 (p, dp, ds); rows of 2,048
///   gelu                     forward 4; backward 6 (x, dy, dx)
///   swiglu                   forward 6 (gate, up, y); backward 10 (gate, up, dy, both gradients)
///   rotary                   4
///   dropout_add              forward 7 (x, residual, y, mask of one byte); backward 5 (dy, mask, dx)
///   cross_entropy            forward 2 (logits); backward 4 (logits, their gradient); rows of 50,304
///   embedding                forward 4 (a row of the table, y); backward 6 (dy, the table's row twice); rows of 4,096
///   adam                     30 (fp32 weight and two moments read and written, fp32 gradient, bf16 weight)
///   reduction                4 (fp32: sum of squares)
///   scale                    8 (fp32, read and written)
///   cast                     6 (fp32 to bf16)
///   transpose                4; rows of 4,096
///   memset                   1 (a byte)
///   copy                     2 (a byte read and written)
///   copy_to_device, _host    1 (a byte over the bus), pinned or pageable
StreamShape stream_shape(StreamKind kind, Bytes wanted);

}  // namespace rehearse
