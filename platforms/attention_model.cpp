#include "platforms/attention_model.hpp"

#include <algorithm>
#include <cmath>

#include "platforms/gemm_model.hpp"
#include "platforms/pattern_search.hpp"

namespace rehearse {
namespace {

Seconds fused_time(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a) {
  const double reached = a.backward ? device.flash.backward : device.flash.forward;
  if (reached > 0) {
    const Seconds moving(operand_bytes(precision, a) / (device.memory_bandwidth.value() * device.memory_efficiency));
    return device.launch_overhead + profile.setup + std::max(a.flops() / (profile.peak * reached), moving);
  }
  const Gemm gemm{a.batch * a.heads, a.seq_q, a.keys_seen(), a.products_width()};
  return device.launch_overhead + ramped_gemm_time(device, profile, precision, gemm);
}

Seconds unfused_time(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a) {
  const std::int64_t batch = a.batch * a.heads;
  const Gemm scores{batch, a.seq_q, a.seq_kv, a.head_dim, Layout::tn};
  const Gemm context{batch, a.seq_q, a.value_width(), a.seq_kv, Layout::nn};
  const Gemm of_probabilities{batch, a.seq_q, a.seq_kv, a.value_width(), Layout::tn};
  const Gemm of_queries{batch, a.seq_q, a.head_dim, a.seq_kv, Layout::nn};
  const Gemm of_keys{batch, a.seq_kv, a.head_dim, a.seq_q, Layout::nt};
  const Gemm of_values{batch, a.seq_kv, a.value_width(), a.seq_q, Layout::nt};
  Seconds time;
  const auto add = [&](const Gemm& gemm) {
    time += device.launch_overhead + ramped_gemm_time(device, profile, precision, gemm);
  };
  if (a.backward)
    for (const Gemm& gemm : {of_probabilities, of_values, of_queries, of_keys}) add(gemm);
  else
    for (const Gemm& gemm : {scores, context}) add(gemm);
  const Bytes moved((a.backward ? 3 : 2) * batch * a.seq_q * a.seq_kv * element_bytes(precision));
  return time + device.launch_overhead + device.memory_latency +
         moved / (device.memory_bandwidth * device.memory_efficiency);
}

}  // namespace

Seconds attention_time(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a) {
  return a.fused ? fused_time(device, profile, precision, a) : unfused_time(device, profile, precision, a);
}

Seconds AttentionForm::at(const Attention& a) const {
  const auto real = [](std::int64_t x) { return static_cast<double>(x); };
  return Seconds(t0 + c * real(a.batch * a.heads) * real(a.seq_q) * (real(a.keys_seen()) + s0) * (a.mean_width() + d0));
}

AttentionForm fit_attention(const std::vector<Timed<Attention>>& points) {
  AttentionForm start{.t0 = 5e-6, .c = 1.0, .s0 = 100.0, .d0 = 30.0};
  // c such that the largest point is met; the search changes it by a factor.
  const auto largest = std::ranges::max_element(points, {}, [](const auto& point) { return point.time; });
  start.c = largest->time / start.at(largest->work);
  const auto form_of = [&](const Parameters<4>& p) {
    return AttentionForm{.t0 = p[0] * 1e-6, .c = start.c * std::exp(p[1]), .s0 = p[2], .d0 = p[3]};
  };
  const auto error = [&](const Parameters<4>& p) {
    const AttentionForm form = form_of(p);
    double sum = 0.0;
    for (const auto& [work, time] : points) sum += std::abs(form.at(work) / time - 1.0);
    return sum;
  };
  const Parameters<4> low = {0.0, -2.0, 0.0, 0.0}, high = {100.0, 2.0, 4000.0, 300.0};
  return form_of(minimise<4>(error, {start.t0 * 1e6, 0.0, start.s0, start.d0}, low, high).at);
}

Seconds attention_bound(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a) {
  return std::max(a.flops() / profile.peak, Seconds(operand_bytes(precision, a) / device.memory_bandwidth.value()));
}

}  // namespace rehearse
