// Latent attention: its kernels and collectives by hand, and the core with values of another width.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "platforms/device.hpp"
#include "tests/support/relative.hpp"
#include "tests/unit/workloads_experts_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

TEST_CASE("latent attention: the kernels of DeepSeek-V2 by hand") {
  // arXiv 2405.04434, Section 3.1.2: 5120 wide, 128 heads of 128 + 64, latents of 1536 and 512.
  const Model m = deepseek_v2();
  Plan plan;
  plan.attention = AttentionKind::flash;
  const Steps whole = forward_steps(m, plan, 0);
  CHECK(alike(gemm_of(whole, "query down"), 4096, 1536, 5120));
  CHECK(alike(gemm_of(whole, "query up"), 4096, 24576, 1536));
  CHECK(alike(gemm_of(whole, "kv down"), 4096, 576, 5120));
  CHECK(alike(gemm_of(whole, "kv up"), 4096, 32768, 512));
  CHECK(alike(gemm_of(whole, "projection"), 4096, 5120, 16384));
  plan.tensor = 8;
  for (const bool sequence_parallel : {false, true}) {
    plan.sequence_parallel = sequence_parallel;
    const std::int64_t local = sequence_parallel ? 512 : 4096;
    const Steps cut = forward_steps(m, plan, 0);
    CHECK(alike(gemm_of(cut, "query down"), local, 1536, 5120));
    CHECK(alike(gemm_of(cut, "query up"), 4096, 3072, 1536));
    CHECK(alike(gemm_of(cut, "kv down"), local, 576, 5120));
    CHECK(alike(gemm_of(cut, "kv up"), 4096, 4096, 512));
    CHECK(alike(gemm_of(backward_steps(m, plan, 0), "kv down gradient of weight"), 576, 5120, local));
  }
  for (const KernelStep& step : kernels_of(whole))
    if (const auto* core = std::get_if<Attention>(&step.kernel.work)) {
      CHECK(core->heads == 128);
      CHECK(core->kv_heads == 128);
      CHECK(core->head_dim == 192);
      CHECK(core->value_width() == 128);
    }
}

TEST_CASE("latent attention: narrow vectors are gathered, and their gradients reduced, where the sequence is cut") {
  const Model m = deepseek_v2();
  Plan plan;
  plan.tensor = 8, plan.sequence_parallel = true;
  const auto elements = [&](const Steps& steps, CollectiveOp op) {
    std::multiset<std::int64_t> out;
    for (const Step& step : steps)
      if (const auto* c = std::get_if<CollectiveStep>(&step); c != nullptr && c->layer == 0 && c->op == op)
        out.insert(c->elements / 4096);
    return out;
  };
  using Widths = std::multiset<std::int64_t>;
  const Steps forward = forward_steps(m, plan, 0), backward = backward_steps(m, plan, 0);
  CHECK(elements(forward, CollectiveOp::all_gather) == Widths{64, 512, 1536, 5120});  // the last before the MLP
  CHECK(elements(forward, CollectiveOp::reduce_scatter) == Widths{5120, 5120});
  CHECK(elements(backward, CollectiveOp::reduce_scatter) == Widths{64, 512, 1536, 5120});
  plan.sequence_parallel = false;
  CHECK(elements(forward_steps(m, plan, 0), CollectiveOp::all_reduce) == Widths{5120, 5120});
  CHECK(elements(backward_steps(m, plan, 0), CollectiveOp::all_reduce) == Widths{64, 512, 1536, 5120});
}

TEST_CASE("attention with values of another width: FLOPs of its products, time between those of both widths") {
  const Device device = load_device("h100-80gb-sxm");
  for (const bool fused : {false, true})
    for (const bool backward : {false, true}) {
      Attention a{.batch = 1, .heads = 16, .kv_heads = 16, .seq_q = 4096, .seq_kv = 4096, .head_dim = 192};
      a.fused = fused, a.backward = backward;
      const auto at = [&](std::int64_t head_dim, std::int64_t value_dim) {
        Attention b = a;
        b.head_dim = head_dim, b.value_dim = value_dim;
        return Kernel{.work = b, .precision = Precision::bf16};
      };
      const double seen = fused ? 2048 : 4096, scores = 2.0 * 16 * 4096 * seen;
      const double widths = backward ? (fused ? 3 : 2) * 192 + 2 * 128 : 192 + 128;
      CHECK(at(192, 128).flops().value() == relative(scores * widths, 1e-14));
      CHECK(at(192, 0).flops() == at(192, 192).flops());
      CHECK(device.time(at(192, 0)) == device.time(at(192, 192)));
      CHECK(device.time(at(192, 128)) < device.time(at(192, 192)));
      CHECK(device.time(at(192, 128)) > device.time(at(128, 128)));
    }
}
