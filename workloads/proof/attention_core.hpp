// What the kernels of attention's core have in common, by heads and latent, with and without context parallelism.
// Private to workloads/proof.
#pragma once

#include "workloads/proof/kernel_scope.hpp"

namespace rehearse {

/// Columns of "queries, keys, values", and of its gradient.
struct CoreColumns {
  explicit CoreColumns(const AttentionShape& a)
      : queries(a.heads * a.head_dim), keys(a.kv_heads * a.head_dim), values(a.kv_heads * a.value_dim) {}
  [[nodiscard]] Eigen::Index keys_values() const { return keys + values; }
  [[nodiscard]] Eigen::Index all() const { return queries + keys + values; }
  Eigen::Index queries, keys, values;
};

/// Keys and values that queries of this rank see: its own, or those gathered from the context ranks.
struct SeenKeys {
  Matrix rows;             ///< sample after sample
  Eigen::Index each;       ///< of a sample
  RowPositions positions;  ///< in it
};
SeenKeys seen_keys(const KernelScope& k);
/// The same of one sample, with or without its rows of queries.
Keys keys_of(const AttentionShape& shape, const View& rows, const RowPositions& positions);
Queries queries_of(const KernelScope& k, Eigen::Index sample);
/// Keys and values of this rank's tokens.
Matrix own_keys(const KernelScope& k);

/// The gradients of queries, keys and values of this rank's tokens.
Matrix core_gradient(const KernelScope& k);
void write_core_gradient(const KernelScope& k, const Matrix& gradient);
/// Part of the same.
void write_query_gradient(const KernelScope& k, const View& queries);
void write_own_key_gradient(const KernelScope& k, const View& keys_values);
/// That of the keys and values that were seen, as SeenKeys::rows; these are others' as well, or go to core_gradient.
Matrix seen_key_gradient(const KernelScope& k);
void write_seen_key_gradient(const KernelScope& k, Matrix keys_values);

/// Whether it is one of the core's kernels, which is then carried out: matrix by matrix; fused; the ring's.
bool run_core_kernel(const KernelScope& k, std::string_view name);
bool run_fused_kernel(const KernelScope& k, std::string_view name);
/// What stands around the core in latent attention; likewise.
bool run_latent_kernel(const KernelScope& k, std::string_view name);

}  // namespace rehearse
