// Context parallelism simulated: how long attention takes where its communication hides and where it does not.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/document.hpp"
#include "scenarios/scenario.hpp"
#include "tests/support/relative.hpp"
#include "tests/support/simulated_kernels.hpp"
#include "tests/unit/scenarios_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

constexpr std::int64_t seq = 4096, heads = 16, kv_heads = 4, head_dim = 64;

/// One layer on nodes that are nothing but a GPU and a port without latency; GB/s.
struct Case {
  std::int64_t context;
  double port;
  std::string exchange;
};

Scenario scenario_of(const Case& c) {
  return read_scenario(
      parse_yaml(fmt::format("model: {{layers: 1, hidden: {}, heads: {}, kv_heads: {}, vocab: 1024, seq_len: {}}}\n"
                             "cluster: {{node: {{gpus: 1, device: a100-80gb-sxm, nic: {{count: 1, bandwidth: {} GB/s, "
                             "latency: 0 us}}}}, nodes: {}}}\n"
                             "plan: {{context: {}, context_exchange: {}, global_batch: 1, attention: flash}}\n",
                             heads * head_dim, heads, kv_heads, seq, c.port, c.context, c.context, c.exchange),
                 "test.yaml"));
}

/// From the beginning or the end of a kernel of the layer's attention to the beginning of another.
double from_begin(const Case& c, const std::string& pass, const std::string& first, const std::string& behind) {
  const std::string at = "layer 0 attention" + pass + " ";
  const auto windows = kernel_windows(scenario_of(c), {at + first, at + behind});
  return windows[1].begin - windows[0].begin;
}
double from_end(const Case& c, const std::string& pass, const std::string& first, const std::string& behind) {
  const std::string at = "layer 0 attention" + pass + " ";
  const auto windows = kernel_windows(scenario_of(c), {at + first, at + behind});
  return windows[1].begin - windows[0].end;
}

/// What kernels and messages of a rank take, each by itself.
struct Parts {
  explicit Parts(const Case& c)
      : share(seq / c.context), block(static_cast<double>(2 * share * kv_heads * head_dim * 2) / (c.port * 1e9)) {}

  [[nodiscard]] double attention(std::int64_t keys, bool causal, bool backward) const {
    return time(Attention{.batch = 1,
                          .heads = heads,
                          .kv_heads = kv_heads,
                          .seq_q = share,
                          .seq_kv = keys,
                          .head_dim = head_dim,
                          .causal = causal,
                          .backward = backward});
  }
  [[nodiscard]] double sum(std::int64_t elements) const { return time(Stream{StreamKind::scale, Bytes(6 * elements)}); }

  std::int64_t share;  ///< tokens
  double block;        ///< to send keys and values once

 private:
  static double time(const decltype(Kernel::work)& work) {
    static const Device device = load_device("a100-80gb-sxm");
    return device.time({.name = {}, .work = work, .precision = Precision::bf16}).value();
  }
};

}  // namespace

TEST_CASE("context: a ring is as long as its kernels, or as its messages and the last kernel") {
  for (const std::int64_t context : {2, 4, 8})
    for (const double port : {1000.0, 0.1}) {
      const Case c{context, port, "ring"};
      const Parts parts(c);
      const double own = parts.attention(parts.share, true, false);
      const double other = parts.attention(parts.share / 2, false, false) + parts.sum(parts.share * heads * head_dim);
      const auto others = static_cast<double>(context - 1);
      const bool hidden = port > 1;
      CHECK((parts.block < std::min(own, other)) == hidden);
      const double expected = hidden ? own + others * other : others * parts.block + other;
      CAPTURE(context);
      CHECK(from_begin(c, "", "flash attention", "projection") == relative(expected, 1e-6));
    }
}

TEST_CASE("context: backward a ring carries gradients, too, and brings them home at the end") {
  for (const std::int64_t context : {2, 4, 8})
    for (const double port : {1000.0, 0.1}) {
      const Case c{context, port, "ring"};
      const Parts parts(c);
      const double own = parts.attention(parts.share, true, true);
      const double other = parts.attention(parts.share / 2, false, true);
      const double sum = parts.sum(parts.share * heads * head_dim + parts.share * kv_heads * head_dim);
      const auto between = static_cast<double>(context - 2);
      const bool hidden = port > 1;
      CHECK((2 * parts.block < std::min(own, other)) == hidden);
      const double steps = hidden ? own + (between + 1) * other : (1 + 2 * between + 1) * parts.block;
      CAPTURE(context);
      CHECK(from_begin(c, " backward", "flash attention gradient", "qkv gradient of input") ==
            relative(steps + (between + 1) * sum + parts.block, 1e-6));
    }
}

TEST_CASE("context: gathered keys and values are waited for, their gradients' sums too") {
  for (const std::int64_t context : {2, 4, 8}) {
    const Case c{context, 10, "all_gather"};
    const Parts parts(c);
    const std::int64_t keys = (seq + parts.share) / 2;
    const double exchange = static_cast<double>(context - 1) * parts.block;  // (n - 1) / n of n blocks
    CAPTURE(context);
    CHECK(from_end(c, "", "qkv", "projection") == relative(exchange + parts.attention(keys, true, false), 1e-6));
    CHECK(from_end(c, " backward", "projection gradient of weight", "qkv gradient of input") ==
          relative(2 * exchange + parts.attention(keys, true, true), 1e-6));
  }
}

TEST_CASE("context: what makes a run small does not change it") {
  for (const char* exchange : {"ring", "all_gather"})
    for (const char* recompute : {"none", "full"}) {
      const Scenario scenario = read_scenario(
          parse_yaml(fmt::format("model: {{layers: 2, hidden: 256, heads: 4, vocab: 512, seq_len: 256}}\n"
                                 "cluster: {{node: {{base: dgx-a100, gpus: 2, nic: {{count: 2}}}}, nodes: 8}}\n"
                                 "plan: {{tensor: 2, context: 4, pipeline: 2, global_batch: 2, attention: flash, "
                                 "context_exchange: {}, recompute: {}, sequence_parallel: true}}\n",
                                 exchange, recompute),
                     "test.yaml"));
      const Run folded = run_scenario(scenario);
      const Run whole = run_scenario(scenario, {.merge_kernels = true, .reuse_collectives = false, .fold = false});
      CAPTURE(exchange);
      CHECK(folded.faults == "");
      CHECK(whole.faults == "");
      CHECK(folded.gpus.size() < whole.gpus.size());
      CHECK(differences(folded, whole) == "");
    }
}
