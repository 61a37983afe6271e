// Causal attention of some rows of queries to some rows of keys, which may be a block of all keys: its results can be
// merged (Liu et al. 2023, ring attention), forward and backward. Pure functions on the rows of one sample.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/proof/blocks.hpp"
#include "workloads/proof/tensors.hpp"

namespace rehearse {

/// Heads on this rank. Query head i goes with KV head i / (heads / kv_heads).
struct AttentionShape {
  std::int64_t heads = 0, kv_heads = 0;
  std::int64_t head_dim = 0;   ///< of a query and a key; scores are divided by its root
  std::int64_t value_dim = 0;  ///< of a value
};

/// Position in its sample, of each row. A query sees the keys that are not behind its own.
using RowPositions = std::vector<std::int64_t>;
struct Queries {
  Matrix rows;  ///< heads x head_dim wide
  RowPositions positions;
};
struct Keys {
  Matrix keys, values;  ///< kv_heads x head_dim and kv_heads x value_dim wide
  RowPositions positions;
};

/// Of a query that sees no key here: a maximum of minus infinity, zeros.
struct AttentionPart {
  Matrix weighted;  ///< sum over the keys of exp(score - maximum) x value; heads x value_dim wide
  Matrix maximum;   ///< of the scores; a column for each head, as below
  Matrix sum;       ///< of exp(score - maximum)
};
AttentionPart attention_part(const AttentionShape& shape, const Queries& queries, const Keys& keys);
/// Of the same queries to the keys of both.
AttentionPart merge(const AttentionPart& a, const AttentionPart& b);
/// What a part of all keys gives: weighted / sum.
Matrix attention_output(const AttentionPart& whole);

struct AttentionGradient {
  Matrix queries;  ///< what these keys add to it
  Matrix keys, values;
};
/// `whole`: the part of all keys, of which `keys` may be a block (Dao 2023, FlashAttention-2, algorithm 2).
AttentionGradient attention_backward(const AttentionShape& shape, const Queries& queries, const Keys& keys,
                                     const AttentionPart& whole, const View& output_gradient);

/// Latent attention (DeepSeek-V2, arXiv 2405.04434, equations 9 to 19): the key of each head is one of its own and the
/// rotary one that all share.
struct LatentHeads {
  std::int64_t heads = 0;
  std::int64_t own = 0;     ///< width of a head's own key
  std::int64_t rotary = 0;  ///< of the shared one
  std::int64_t value_dim = 0;
};
struct LatentRows {
  Matrix up;      ///< product with "kv up weight": of each head the own key, then the value
  Matrix rotary;  ///< the shared key, turned
};
/// As many KV heads as heads. `positions` are left empty.
Keys latent_keys(const LatentHeads& shape, const LatentRows& rows);
LatentRows latent_keys_backward(const LatentHeads& shape, const View& key_gradient, const View& value_gradient);
/// The rotary columns of queries of all heads turned, the others as they are.
Matrix rotate_latent_queries(const LatentHeads& shape, const View& queries, const RowPositions& positions, Turn turn);

}  // namespace rehearse
