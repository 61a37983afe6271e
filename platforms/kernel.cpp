#include "platforms/kernel.hpp"

#include <array>
#include <stdexcept>

namespace rehearse {
namespace {

struct PrecisionRow {
  std::string_view name;
  std::string_view description;
  Precision precision;
  std::int64_t bytes;
};
constexpr std::array<PrecisionRow, 5> precisions = {{
    {"fp32", "32-bit floating point, no tensor cores", Precision::fp32, 4},
    {"tf32", "fp32 in memory, 10-bit mantissa in the tensor cores", Precision::tf32, 4},
    {"fp16", "16-bit IEEE floating point", Precision::fp16, 2},
    {"bf16", "16-bit floating point, range of fp32", Precision::bf16, 2},
    {"fp8", "8-bit floating point", Precision::fp8, 1},
}};
constexpr Table<PrecisionRow> precision_table("precision", precisions);

struct LayoutRow {
  std::string_view name;
  std::string_view description;
  Layout layout;
};
constexpr std::array<LayoutRow, 3> layouts = {{
    {"tn", "forward product of a linear layer", Layout::tn},
    {"nn", "gradient of its input", Layout::nn},
    {"nt", "gradient of its weight", Layout::nt},
}};
constexpr Table<LayoutRow> layout_table("layout", layouts);

constexpr std::array<StreamRow, 28> streams = {{
    {"layer_norm_forward", "layer norm", StreamKind::layer_norm_forward},
    {"layer_norm_backward", "gradient of a layer norm, the residual's added", StreamKind::layer_norm_backward},
    {"rms_norm_forward", "RMS norm", StreamKind::rms_norm_forward},
    {"rms_norm_backward", "gradient of an RMS norm, the residual's added", StreamKind::rms_norm_backward},
    {"softmax_forward", "causal mask and softmax of attention scores", StreamKind::softmax_forward},
    {"softmax_backward", "gradient of the scores", StreamKind::softmax_backward},
    {"gelu_forward", "bias and GELU", StreamKind::gelu_forward},
    {"gelu_backward", "gradient of a GELU", StreamKind::gelu_backward},
    {"swiglu_forward", "SiLU of the gate times the other half", StreamKind::swiglu_forward},
    {"swiglu_backward", "gradients of both halves", StreamKind::swiglu_backward},
    {"rotary", "rotary positions of queries and keys", StreamKind::rotary},
    {"dropout_add_forward", "bias, dropout and residual", StreamKind::dropout_add_forward},
    {"dropout_add_backward", "gradient through a dropout", StreamKind::dropout_add_backward},
    {"cross_entropy_forward", "loss of a row of logits", StreamKind::cross_entropy_forward},
    {"cross_entropy_backward", "gradient of the logits", StreamKind::cross_entropy_backward},
    {"embedding_forward", "rows of a table gathered", StreamKind::embedding_forward},
    {"embedding_backward", "gradients added to rows of a table", StreamKind::embedding_backward},
    {"adam", "step of AdamW in mixed precision", StreamKind::adam},
    {"reduction", "sum of squares", StreamKind::reduction},
    {"scale", "every element times a number", StreamKind::scale},
    {"cast", "fp32 to bf16", StreamKind::cast},
    {"transpose", "matrix transposed", StreamKind::transpose},
    {"memset", "memory set to a byte", StreamKind::memset},
    {"copy", "copy within the device", StreamKind::copy},
    {"copy_to_device", "copy from pinned host memory", StreamKind::copy_to_device},
    {"copy_to_device_pageable", "copy from pageable host memory", StreamKind::copy_to_device_pageable},
    {"copy_to_host", "copy to pinned host memory", StreamKind::copy_to_host},
    {"copy_to_host_pageable", "copy to pageable host memory", StreamKind::copy_to_host_pageable},
}};
constexpr Table<StreamRow> stream_rows("kind of stream", streams);

const PrecisionRow& row_of(Precision p) {
  for (const PrecisionRow& row : precisions)
    if (row.precision == p) return row;
  throw std::logic_error("a precision without a row");
}

double real(std::int64_t x) { return static_cast<double>(x); }

}  // namespace

std::string_view precision_name(Precision p) { return row_of(p).name; }

Precision precision_of_name(std::string_view name) {
  if (const PrecisionRow* row = precision_table.find(name)) return row->precision;
  throw std::invalid_argument(precision_table.unknown(name));
}

std::int64_t element_bytes(Precision p) { return row_of(p).bytes; }

std::string_view layout_name(Layout layout) {
  for (const LayoutRow& row : layouts)
    if (row.layout == layout) return row.name;
  throw std::logic_error("a layout without a row");
}

Layout layout_of_name(std::string_view name) {
  if (const LayoutRow* row = layout_table.find(name)) return row->layout;
  throw std::invalid_argument(layout_table.unknown(name));
}

const Table<StreamRow>& stream_table() { return stream_rows; }

std::string_view stream_name(StreamKind kind) {
  for (const StreamRow& row : streams)
    if (row.kind == kind) return row.name;
  throw std::logic_error("a kind of stream without a row");
}

bool crosses_host_bus(StreamKind kind) { return kind >= StreamKind::copy_to_device; }

bool aligned(Precision precision, const Gemm& g) {
  const std::int64_t piece = 16 / element_bytes(precision);
  return g.n % piece == 0 && (g.layout == Layout::nt ? g.m : g.k) % piece == 0;
}

double operand_bytes(Precision precision, const Gemm& g) {
  const double m = real(g.m), n = real(g.n), k = real(g.k);
  return real(g.batch) * (m * k + k * n + m * n) * real(element_bytes(precision));
}

double operand_bytes(Precision precision, const Attention& a) {
  const double queries = real(a.heads) * real(a.seq_q), keys = real(a.kv_heads) * real(a.seq_kv);
  const double forward = real(a.batch) * (queries + keys) * real(a.head_dim + a.value_width());
  return (a.backward ? 2.0 : 1.0) * forward * real(element_bytes(precision));
}

Flops Gemm::flops() const { return Flops(2.0 * real(batch) * real(m) * real(n) * real(k)); }

std::int64_t Attention::keys_seen() const {
  // Row i of seq_q sees the first seq_kv - seq_q + i + 1 keys: (seq_kv + 1) / 2 on average where both are equal.
  if (!causal || !fused) return seq_kv;
  return seq_q <= seq_kv ? seq_kv - seq_q / 2 : (seq_kv + 1) / 2;
}

std::int64_t Attention::products_width() const {
  const std::int64_t of_values = backward ? 2 : 1;  // backward the gradients of the probabilities and of the values
  return of_values * value_width() + (products() - of_values) * head_dim;
}

double Attention::mean_width() const { return real(products_width()) / real(products()); }

Flops Attention::flops() const {
  return Flops(2.0 * real(batch) * real(heads) * real(seq_q) * real(keys_seen()) * real(products_width()));
}

Flops Kernel::flops() const {
  if (const auto* gemm = std::get_if<Gemm>(&work)) return gemm->flops();
  if (const auto* attention = std::get_if<Attention>(&work)) return attention->flops();
  if (const auto* roofline = std::get_if<Roofline>(&work)) return roofline->flops;
  return Flops(0.0);
}

std::int64_t Kernel::launches() const {
  const auto* stream = std::get_if<Stream>(&work);
  return stream == nullptr ? 1 : stream->launches;
}

}  // namespace rehearse
