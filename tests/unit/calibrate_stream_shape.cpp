#include "platforms/calibrate/stream_shape.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <set>

using namespace rehearse;

namespace {

struct Row {
  StreamKind kind;
  std::int64_t element_bytes, width;
};

// What the header says of each kind; width 0: of no meaning to the kernel.
constexpr std::array<Row, 28> rows = {{{StreamKind::layer_norm_forward, 4, 4096},
                                       {StreamKind::layer_norm_backward, 8, 4096},
                                       {StreamKind::rms_norm_forward, 4, 4096},
                                       {StreamKind::rms_norm_backward, 8, 4096},
                                       {StreamKind::softmax_forward, 4, 2048},
                                       {StreamKind::softmax_backward, 6, 2048},
                                       {StreamKind::gelu_forward, 4, 0},
                                       {StreamKind::gelu_backward, 6, 0},
                                       {StreamKind::swiglu_forward, 6, 0},
                                       {StreamKind::swiglu_backward, 10, 0},
                                       {StreamKind::rotary, 4, 0},
                                       {StreamKind::dropout_add_forward, 7, 0},
                                       {StreamKind::dropout_add_backward, 5, 0},
                                       {StreamKind::cross_entropy_forward, 2, 50304},
                                       {StreamKind::cross_entropy_backward, 4, 50304},
                                       {StreamKind::embedding_forward, 4, 4096},
                                       {StreamKind::embedding_backward, 6, 4096},
                                       {StreamKind::adam, 30, 0},
                                       {StreamKind::reduction, 4, 0},
                                       {StreamKind::scale, 8, 0},
                                       {StreamKind::cast, 6, 0},
                                       {StreamKind::transpose, 4, 4096},
                                       {StreamKind::memset, 1, 0},
                                       {StreamKind::copy, 2, 0},
                                       {StreamKind::copy_to_device, 1, 0},
                                       {StreamKind::copy_to_device_pageable, 1, 0},
                                       {StreamKind::copy_to_host, 1, 0},
                                       {StreamKind::copy_to_host_pageable, 1, 0}}};
constexpr std::array<std::int64_t, 8> wanted_bytes = {
    0, 1, 65536, 100'000, 1'000'003, std::int64_t{1} << 28, std::int64_t{1} << 32, std::int64_t{1} << 36};

}  // namespace

TEST_CASE("stream shape: bytes are those of its elements") {
  for (const Row& row : rows)
    for (const std::int64_t wanted : wanted_bytes) {
      CAPTURE(stream_name(row.kind));
      CAPTURE(wanted);
      const StreamShape shape = stream_shape(row.kind, Bytes(wanted));
      CHECK(shape.rows >= 1);
      if (row.width != 0) CHECK(shape.width == row.width);
      CHECK(shape.width % 8 == 0);  // the kernels read 16 bytes at once
      CHECK(shape.bytes.value() == shape.rows * shape.width * row.element_bytes);
    }
}

TEST_CASE("stream shape: nearest to what is wanted, one row at least") {
  for (const StreamRow& row : stream_table())
    for (const std::int64_t wanted : wanted_bytes) {
      CAPTURE(row.name);
      CAPTURE(wanted);
      const StreamShape shape = stream_shape(row.kind, Bytes(wanted));
      const std::int64_t of_row = shape.bytes.value() / shape.rows;
      if (shape.rows > 1)
        CHECK(2 * std::abs(shape.bytes.value() - wanted) <= of_row);
      else
        CHECK(2 * wanted <= 3 * of_row);
    }
}

TEST_CASE("stream shape: the shape of its own bytes is itself") {
  for (const StreamRow& row : stream_table())
    for (const std::int64_t wanted : wanted_bytes) {
      CAPTURE(row.name);
      const StreamShape shape = stream_shape(row.kind, Bytes(wanted));
      const StreamShape again = stream_shape(row.kind, shape.bytes);
      CHECK(again.rows == shape.rows);
      CHECK(again.bytes == shape.bytes);
    }
}

TEST_CASE("stream shape: every kind of the table is held against its bytes here") {
  std::set<StreamKind> known;
  for (const Row& row : rows) known.insert(row.kind);
  for (const StreamRow& row : stream_table()) {
    CAPTURE(row.name);
    CHECK(known.count(row.kind) == 1);
  }
}

TEST_CASE("stream shape: as many bytes as a number holds") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const StreamRow& row : stream_table()) {
    CAPTURE(row.name);
    const StreamShape shape = stream_shape(row.kind, Bytes(most));
    CHECK(shape.bytes.value() > 0);
    CHECK(most - shape.bytes.value() < shape.bytes.value() / shape.rows);
  }
}
