// How measured times stand in a profile: a block of text with a line of columns and one line for each point.
#pragma once

#include <string_view>

namespace rehearse {

inline constexpr std::string_view gemm_columns = "layout batch m n k time_us";
inline constexpr std::string_view attention_columns =
    "kernel direction mask batch heads kv_heads seq_q seq_kv head_dim time_us";
inline constexpr std::string_view stream_columns = "bytes time_us";
// The words of attention's first three columns.
inline constexpr std::string_view fused_word = "fused", unfused_word = "unfused";
inline constexpr std::string_view forward_word = "forward", backward_word = "backward";
inline constexpr std::string_view causal_word = "causal", full_word = "full";

}  // namespace rehearse
