// A deep learning recommendation model (Naumov et al. 2019, arXiv 1906.00091): tables of embeddings for categorical
// features, an MLP for the others, the dot products of all pairs of their vectors, and an MLP for the probability of a
// click.
//   dense_features: 13
//   bottom: [512, 256, 128]       widths behind the dense features; the last is `dim`
//   tables: 26
//   rows: 1000000                 or a list with one for each table
//   dim: 128                      of an embedding
//   lookups: 1                    rows that a sample sums of a table; or a list
//   top: [1024, 1024, 512, 256, 1]
// Parameters: dim times the sum of rows, and those of both MLPs; the top one reads dim + F (F - 1) / 2 numbers of the
// F = tables + 1 vectors.
//
// The tables come first, dealt out over the data-parallel ranks, so that what they hand on (tables x dim elements a
// sample) is what the all_to_all brings. The bottom MLP's layers hand it on beside their own output.
#include <fmt/format.h>

#include <numeric>

#include "workloads/model_kinds/layer_builder.hpp"
#include "workloads/model_kinds/rows.hpp"

namespace rehearse {

namespace {

constexpr std::int64_t most_tables = 1 << 14;
constexpr std::int64_t most_rows = std::int64_t{1} << 40;
constexpr std::int64_t most_lookups = 1 << 20;

struct Dlrm {
  std::int64_t dense_features = 1, tables = 1, dim = 1;
  std::vector<std::int64_t> bottom, rows, lookups, top;

  [[nodiscard]] std::int64_t vectors() const { return tables + 1; }
  [[nodiscard]] std::int64_t embedded() const { return tables * dim; }
  [[nodiscard]] std::int64_t interactions() const { return dim + vectors() * (vectors() - 1) / 2; }
};

std::int64_t sum_of(const std::vector<std::int64_t>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0});
}

/// Rows are read and their sum written; backward the gradient is read and each row read and written. The gradient of a
/// table is that of its rows, so nothing goes further back.
LayerWork embedding_bags(const Dlrm& d) {
  LayerBuilder layer("embeddings");
  const std::int64_t read = sum_of(d.lookups) * d.dim;
  const auto bytes = [](std::int64_t elements) { return Bytes(LayerBuilder::element * elements); };
  layer.kernels({{"embedding bags", Stream{StreamKind::embedding_forward, bytes(read + d.embedded())}}},
                {{"embedding bags gradient of weight",
                  Stream{StreamKind::embedding_backward, bytes(d.embedded() + 2 * read)}, true}});
  for (const std::int64_t rows : d.rows) layer.parameters(rows * d.dim);
  layer.keep_bytes(8 * sum_of(d.lookups));  // 64-bit indices of the rows
  layer.deal_out();
  return layer.take(d.embedded());
}

/// All dot products of the F vectors as one product of the matrix with its transpose; of its F^2 numbers those below
/// the diagonal are taken.
LayerWork interaction(const Dlrm& d) {
  LayerBuilder layer("interaction");
  const std::int64_t f = d.vectors();
  layer.kernels({{"dot products", Gemm{.m = f, .n = f, .k = d.dim, .layout = Layout::tn}}},
                {{"dot products gradient of rows", Gemm{.m = f, .n = d.dim, .k = f, .layout = Layout::nn}},
                 {"dot products gradient of columns", Gemm{.m = f, .n = d.dim, .k = f, .layout = Layout::nn}}});
  layer.stream("pairs", StreamKind::copy, 2 * d.interactions(), StreamKind::copy, d.interactions() + f * f);
  layer.keep(f * d.dim);
  return layer.take(d.interactions());
}

void put_layers(const Dlrm& d, Model& model) {
  model.sequence.push_back(embedding_bags(d));
  std::int64_t in = d.dense_features;
  for (std::size_t i = 0; i < d.bottom.size(); ++i) {
    LayerBuilder layer = dense_layer({.name = fmt::format("bottom {}", i),
                                      .in = in,
                                      .out = d.bottom[i],
                                      .activation = DenseActivation::relu,
                                      .input_gradient = i > 0});
    in = d.bottom[i];
    model.sequence.push_back(layer.take(in + d.embedded()));
  }
  model.sequence.push_back(interaction(d));
  in = d.interactions();
  for (std::size_t i = 0; i < d.top.size(); ++i) {
    const bool last = i + 1 == d.top.size();
    LayerBuilder layer = dense_layer({.name = fmt::format("top {}", i),
                                      .in = in,
                                      .out = d.top[i],
                                      .activation = last ? DenseActivation::none : DenseActivation::relu});
    in = d.top[i];
    if (last) layer.loss(in);
    model.sequence.push_back(layer.take(in));
  }
}

void read_dlrm(Reader& reader, Model& model) {
  Dlrm d;
  d.dense_features = read_size(reader, "dense_features", most_width);
  d.bottom = read_widths(reader, "bottom", 1);
  d.tables = read_size(reader, "tables", most_tables);
  if (!reader.has("rows")) reader.fault("rows", "missing; expected a whole number, or a list with one for each table");
  d.rows = read_numbers(reader, "rows", d.tables, "tables", 1, most_rows);
  d.dim = read_size(reader, "dim", most_width);
  d.lookups = read_numbers(reader, "lookups", d.tables, "tables", 1, most_lookups);
  d.top = read_widths(reader, "top", 1);
  if (!reader.any_fault() && d.bottom.back() != d.dim)
    reader.fault("bottom", fmt::format("expected {} as the last width, that of an embedding (dim), found {}", d.dim,
                                       d.bottom.back()));
  const auto real = [](std::int64_t x) { return static_cast<double>(x); };
  double rows = 0;  // in floating point, for the sum itself may be what overflows
  for (const std::int64_t count : d.rows) rows += real(count);
  if (rows * real(d.dim) > most_parameters)
    return reader.fault("rows", fmt::format("tables of {:.3g} parameters; expected at most {:.0e}", rows * real(d.dim),
                                            most_parameters));
  put_layers(d, model);
  for (const auto& [key, number] :
       {std::pair{"dense_features", d.dense_features}, {"tables", d.tables}, {"dim", d.dim}})
    model.shape[key] = scalar_value(number);
  for (const auto& [key, numbers] :
       {std::pair{"bottom", &d.bottom}, {"rows", &d.rows}, {"lookups", &d.lookups}, {"top", &d.top}})
    model.shape[key] = list_value(*numbers);
}

}  // namespace

const ModelKindRow dlrm_kind{"dlrm", "recommendation: tables of embeddings, dot products and MLPs", read_dlrm};

}  // namespace rehearse
