#include "workloads/proof/attention_core.hpp"

namespace rehearse {

namespace {

using Eigen::Index;

bool is_gathered(const KernelScope& k) {
  return k.shape().context > 1 && k.state().plan().context_exchange == ContextExchange::all_gather;
}

}  // namespace

Matrix own_keys(const KernelScope& k) {
  return k.read("queries, keys, values").rightCols(CoreColumns(k.shape().attention).keys_values());
}

SeenKeys seen_keys(const KernelScope& k) {
  const RankShape& s = k.shape();
  if (!is_gathered(k)) return {own_keys(k), s.sample_tokens, s.sample_positions(s.context_rank)};
  SeenKeys out{k.read("gathered keys, values"), s.sample_tokens * s.context, {}};
  for (std::int64_t rank = 0; rank < s.context; ++rank) {
    const RowPositions of_rank = s.sample_positions(rank);
    out.positions.insert(out.positions.end(), of_rank.begin(), of_rank.end());
  }
  return out;
}

Keys keys_of(const AttentionShape& shape, const View& rows, const RowPositions& positions) {
  const CoreColumns c(shape);
  return {rows.leftCols(c.keys), rows.rightCols(c.values), positions};
}

Queries queries_of(const KernelScope& k, Index sample) {
  const RankShape& s = k.shape();
  return {k.read("queries, keys, values")
              .block(sample * s.sample_tokens, 0, s.sample_tokens, CoreColumns(s.attention).queries),
          s.sample_positions(s.context_rank)};
}

Matrix core_gradient(const KernelScope& k) {
  const CoreColumns c(k.shape().attention);
  if (!k.model().is_latent()) {
    const Matrix* found = k.find("qkv gradient");
    return found != nullptr ? *found : Matrix::Zero(k.shape().tokens, c.all());
  }
  Matrix out = Matrix::Zero(k.shape().tokens, c.all());
  if (const Matrix* queries = k.find("query gradient")) out.leftCols(c.queries) = *queries;
  if (const Matrix* keys = k.find("key and value gradient")) out.rightCols(c.keys_values()) = *keys;
  return out;
}

void write_core_gradient(const KernelScope& k, const Matrix& gradient) {
  if (!k.model().is_latent()) return k.write("qkv gradient", gradient);
  const CoreColumns c(k.shape().attention);
  k.write("query gradient", gradient.leftCols(c.queries));
  k.write("key and value gradient", gradient.rightCols(c.keys_values()));
}

void write_query_gradient(const KernelScope& k, const View& queries) {
  Matrix all = core_gradient(k);
  all.leftCols(queries.cols()) = queries;
  write_core_gradient(k, all);
}

void write_own_key_gradient(const KernelScope& k, const View& keys_values) {
  Matrix all = core_gradient(k);
  all.rightCols(keys_values.cols()) = keys_values;
  write_core_gradient(k, all);
}

Matrix seen_key_gradient(const KernelScope& k) {
  if (is_gathered(k)) return k.read("gathered key, value gradients");
  return core_gradient(k).rightCols(CoreColumns(k.shape().attention).keys_values());
}

void write_seen_key_gradient(const KernelScope& k, Matrix keys_values) {
  is_gathered(k) ? k.write("gathered key, value gradients", std::move(keys_values))
                 : write_own_key_gradient(k, keys_values);
}

}  // namespace rehearse
