#include "platforms/calibrate/stream_shape.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

namespace rehearse {
namespace {

struct Row {
  StreamKind kind;
  std::int64_t bytes;  ///< an element
  std::int64_t width;
};
constexpr std::int64_t hidden = 4096, scores = 2048, vocabulary = 50304, flat = 4096;
constexpr std::array<Row, 28> rows = {{
    {StreamKind::layer_norm_forward, 4, hidden},
    {StreamKind::layer_norm_backward, 8, hidden},
    {StreamKind::rms_norm_forward, 4, hidden},
    {StreamKind::rms_norm_backward, 8, hidden},
    {StreamKind::softmax_forward, 4, scores},
    {StreamKind::softmax_backward, 6, scores},
    {StreamKind::gelu_forward, 4, flat},
    {StreamKind::gelu_backward, 6, flat},
    {StreamKind::swiglu_forward, 6, flat},
    {StreamKind::swiglu_backward, 10, flat},
    {StreamKind::rotary, 4, flat},
    {StreamKind::dropout_add_forward, 7, flat},
    {StreamKind::dropout_add_backward, 5, flat},
    {StreamKind::cross_entropy_forward, 2, vocabulary},
    {StreamKind::cross_entropy_backward, 4, vocabulary},
    {StreamKind::embedding_forward, 4, hidden},
    {StreamKind::embedding_backward, 6, hidden},
    {StreamKind::adam, 30, 1024},
    {StreamKind::reduction, 4, flat},
    {StreamKind::scale, 8, flat},
    {StreamKind::cast, 6, flat},
    {StreamKind::transpose, 4, flat},
    {StreamKind::memset, 1, flat},
    {StreamKind::copy, 2, flat},
    {StreamKind::copy_to_device, 1, flat},
    {StreamKind::copy_to_device_pageable, 1, flat},
    {StreamKind::copy_to_host, 1, flat},
    {StreamKind::copy_to_host_pageable, 1, flat},
}};

}  // namespace

StreamShape stream_shape(StreamKind kind, Bytes wanted) {
  const auto row = std::ranges::find(rows, kind, &Row::kind);
  if (row == rows.end()) throw std::logic_error("a kind of stream without a shape");
  const std::int64_t of_row = row->bytes * row->width;
  const std::int64_t whole = wanted.value() / of_row, rest = wanted.value() % of_row;
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() / of_row;
  const std::int64_t count = std::clamp<std::int64_t>(whole + (2 * rest >= of_row ? 1 : 0), 1, most);
  return {count, row->width, Bytes(count * of_row)};
}

}  // namespace rehearse
