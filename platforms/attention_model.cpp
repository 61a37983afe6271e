#include "platforms/attention_model.hpp"

#include <algorithm>
#include <array>

#include "platforms/gemm_model.hpp"

namespace rehearse {
namespace {

Seconds fused_time(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a) {
  const std::int64_t products = a.backward ? 5 : 2;
  const Gemm gemm{a.batch * a.heads, a.seq_q, a.keys_seen(), products * a.head_dim};
  return device.launch_overhead + ramped_gemm_time(device, profile, precision, gemm);
}

Seconds unfused_time(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a) {
  const std::int64_t batch = a.batch * a.heads;
  const Gemm scores{batch, a.seq_q, a.seq_kv, a.head_dim, Layout::tn};
  const Gemm context{batch, a.seq_q, a.head_dim, a.seq_kv, Layout::nn};
  const Gemm of_keys{batch, a.seq_kv, a.head_dim, a.seq_q, Layout::nt};
  Seconds time;
  const auto add = [&](const Gemm& gemm) {
    time += device.launch_overhead + ramped_gemm_time(device, profile, precision, gemm);
  };
  for (const Gemm& gemm : {scores, context}) add(gemm);
  if (a.backward)
    for (const Gemm& gemm : {of_keys, of_keys}) add(gemm);
  const Bytes moved((a.backward ? 3 : 2) * batch * a.seq_q * a.seq_kv * element_bytes(precision));
  return time + device.launch_overhead + device.memory_latency +
         moved / (device.memory_bandwidth * device.memory_efficiency);
}

}  // namespace

Seconds attention_time(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a) {
  return a.fused ? fused_time(device, profile, precision, a) : unfused_time(device, profile, precision, a);
}

Seconds attention_bound(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a) {
  const std::int64_t queries = a.batch * a.heads * a.seq_q * a.head_dim;
  const std::int64_t keys = a.batch * a.kv_heads * a.seq_kv * a.head_dim;
  // Forward: Q, K, V and O. Backward: those and the gradient of each.
  const Bytes moved((a.backward ? 2 : 1) * (2 * queries + 2 * keys) * element_bytes(precision));
  return std::max(a.flops() / profile.peak, moved / device.memory_bandwidth);
}

}  // namespace rehearse
