// Attention in one kernel: of the keys that a rank sees, or block by block in a ring (workloads/layers/
// attention_ring.cpp).
#include "workloads/proof/attention_core.hpp"
#include "workloads/proof/fault.hpp"

namespace rehearse {

namespace {

using Eigen::Index;

bool is_ring(const KernelScope& k) {
  return k.shape().context > 1 && k.state().plan().context_exchange == ContextExchange::ring;
}

BlockKey parts_key(const KernelScope& k) {
  return {k.pass().micro_batch, k.pass().chunk, k.layer(), "parts of a ring"};
}

Matrix outputs_of(const std::vector<AttentionPart>& parts) {
  Matrix out;
  for (const AttentionPart& part : parts) {
    const Matrix of_sample = attention_output(part);
    out.conservativeResize(out.rows() + of_sample.rows(), of_sample.cols());
    out.bottomRows(of_sample.rows()) = of_sample;
  }
  return out;
}

/// The rows of a sample.
auto sample_rows(const Matrix& rows, Index sample, Index each) { return rows.middleRows(sample * each, each); }

std::vector<AttentionPart> parts_of(const KernelScope& k, const SeenKeys& seen) {
  const RankShape& s = k.shape();
  std::vector<AttentionPart> parts;
  for (Index sample = 0; sample < s.samples; ++sample)
    parts.push_back(attention_part(s.attention, queries_of(k, sample),
                                   keys_of(s.attention, sample_rows(seen.rows, sample, seen.each), seen.positions)));
  return parts;
}

/// Of queries, and of the keys and values that are seen; `whole`: of all keys, by sample.
std::pair<Matrix, Matrix> gradients_of(const KernelScope& k, const SeenKeys& seen,
                                       const std::vector<AttentionPart>& whole) {
  const RankShape& s = k.shape();
  const Matrix& given = k.read("context gradient");
  expect_rows(given, s.tokens, "context gradient");
  if (std::ssize(whole) != s.samples) throw ProofFault("has not attended to any keys yet");
  std::pair<Matrix, Matrix> out{Matrix(s.tokens, CoreColumns(s.attention).queries),
                                Matrix(seen.rows.rows(), seen.rows.cols())};
  for (Index sample = 0; sample < s.samples; ++sample) {
    const AttentionGradient g =
        attention_backward(s.attention, queries_of(k, sample),
                           keys_of(s.attention, sample_rows(seen.rows, sample, seen.each), seen.positions),
                           whole.at(static_cast<std::size_t>(sample)), sample_rows(given, sample, s.sample_tokens));
    out.first.middleRows(sample * s.sample_tokens, s.sample_tokens) = g.queries;
    out.second.middleRows(sample * seen.each, seen.each) << g.keys, g.values;
  }
  return out;
}

/// The block that this step of the ring works on: that of the rank so many places before.
SeenKeys block_of(const KernelScope& k, const Ring& ring) {
  const RankShape& s = k.shape();
  expect_rows(ring.block, s.tokens, "a block of keys and values");
  if (ring.hops != ring.steps) throw ProofFault("attends to a block of keys that has not come");
  const std::int64_t owner = (s.context_rank + s.context - ring.hops % s.context) % s.context;
  return {ring.block, s.sample_tokens, s.sample_positions(owner)};
}

void ring_step(const KernelScope& k) {
  Ring& ring = k.frame().ring;
  std::vector<AttentionPart> parts = parts_of(k, block_of(k, ring));
  if (ring.steps++ > 0) {
    ring.partial = std::move(parts);
  } else {
    k.state().ring_parts[parts_key(k)] = std::move(parts);
  }
}

void merge_parts(const KernelScope& k) {
  Ring& ring = k.frame().ring;
  std::vector<AttentionPart>& parts = k.state().ring_parts[parts_key(k)];
  if (ring.partial.size() != parts.size()) throw ProofFault("merges parts of attention that are not there");
  for (std::size_t sample = 0; sample < parts.size(); ++sample)
    parts[sample] = merge(parts[sample], ring.partial[sample]);
  ring.partial.clear();
  k.write("context", outputs_of(parts));
  if (ring.steps == k.shape().context) ring = {};
}

void ring_gradient_step(const KernelScope& k) {
  Ring& ring = k.frame().ring;
  ring.backward = true;
  auto [queries, keys] = gradients_of(k, block_of(k, ring), k.state().ring_parts[parts_key(k)]);
  if (ring.steps++ > 0) {
    ring.partial_queries = std::move(queries), ring.partial_keys = std::move(keys);
    return;
  }
  write_query_gradient(k, queries);
  ring.gradient = std::move(keys);
}

void sum_gradients(const KernelScope& k) {
  Ring& ring = k.frame().ring;
  if (ring.partial_keys.size() == 0 || ring.came.size() != ring.partial_keys.size())
    throw ProofFault("adds up gradients that are not there");
  write_query_gradient(k, core_gradient(k).leftCols(ring.partial_queries.cols()) + ring.partial_queries);
  ring.gradient = ring.came + ring.partial_keys;
  ring.partial_keys = ring.came = {};
}

void fused(const KernelScope& k) {
  if (is_ring(k)) return ring_step(k);
  k.write("context", outputs_of(parts_of(k, seen_keys(k))));
}

/// The kernel makes the scores again from queries and keys (Dao et al. 2022).
void fused_gradient(const KernelScope& k) {
  if (is_ring(k)) return ring_gradient_step(k);
  const SeenKeys seen = seen_keys(k);
  auto [queries, keys] = gradients_of(k, seen, parts_of(k, seen));
  write_query_gradient(k, queries);
  write_seen_key_gradient(k, std::move(keys));
}

}  // namespace

bool run_fused_kernel(const KernelScope& k, std::string_view name) {
  if (name == "flash attention") {
    fused(k);
  } else if (name == "flash attention gradient") {
    fused_gradient(k);
  } else if (name == "merge of partial contexts") {
    merge_parts(k);
  } else if (name == "sum of partial gradients") {
    sum_gradients(k);
  } else {
    return false;
  }
  return true;
}

}  // namespace rehearse
