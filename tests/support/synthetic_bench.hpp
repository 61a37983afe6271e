// A Bench whose times are known in closed form, so that what the calibrator predicts has an exact answer.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/mixing.hpp"
#include "platforms/calibrate/bench.hpp"
#include "platforms/calibrate/grid.hpp"
#include "platforms/device.hpp"

namespace rehearse::testing {

/// An imaginary GPU. Its products go in waves of four kinds of tiles whose rate ramps with k, or at the rate of the
/// memory where that is slower: like a real one, and unlike platforms/gemm_model.hpp in every constant and term.
class SyntheticBench : public Bench {
 public:
  double noise = 0.0;                                    ///< times are off by up to this share, the same on each call
  std::optional<Device> model;                           ///< products take this device's model_time instead
  std::function<std::string(const Kernel&)> cannot_run;  ///< a reason, or empty
  std::vector<Check> checks = {{"copy", 1e-4, 1e-3}};
  Seconds now;  ///< goes on by what timing would take
  std::int64_t timed = 0;

  SyntheticBench() {
    machine_.name = "Synthetic GPU 141GB";
    machine_.multiprocessors = 132;
    machine_.memory_capacity = Bytes(140'000'000'000);
    machine_.memory_bandwidth = BytesPerSecond(4.8e12);
    machine_.peaks = {{Precision::bf16, FlopsPerSecond(989e12)},
                      {Precision::fp16, FlopsPerSecond(989e12)},
                      {Precision::tf32, FlopsPerSecond(494e12)},
                      {Precision::fp8, FlopsPerSecond(1979e12)}};
    machine_.cache = Bytes(50 << 20);
    machine_.provenance = {{"driver", "1.2"}, {"date", "2026-01-02"}};
  }

  [[nodiscard]] const Machine& machine() const override { return machine_; }
  [[nodiscard]] Machine& machine() { return machine_; }

  Timing time(const Kernel& kernel, Seconds enough) override {
    if (cannot_run)
      if (const std::string reason = cannot_run(kernel); !reason.empty()) return Unsupported{reason};
    const Seconds time = true_time(kernel);
    now += enough + Seconds(3e-3) + 2.0 * time;  // inputs, warm-up
    ++timed;
    return Sample{time * (1.0 + noise * error(kernel)), noise / 2.0, 32};
  }
  Seconds launch(Launch how) override { return how == Launch::graph ? launch_gap : Seconds(4.1e-6); }
  std::vector<Check> check() override { return checks; }

  std::variant<LayerSample, Unsupported> time_layer(const LayerShape& layer, Seconds enough) override {
    if (layer.micro_batch == 8 && layer.llama) return Unsupported{"does not fit in memory"};
    now += 2.0 * enough;
    Seconds forward;
    for (const Kernel& kernel : layer_products(layer)) forward += true_time(kernel);
    return LayerSample{{forward, 0.001, 10}, {2.0 * forward, 0.001, 10}};
  }

  /// Without noise.
  [[nodiscard]] Seconds true_time(const Kernel& kernel) const {
    if (model && std::holds_alternative<Gemm>(kernel.work)) return model->model_time(kernel);
    return std::visit([&](const auto& work) { return time_of(kernel.precision, work); }, kernel.work);
  }

  /// The four linear products of a layer's forward pass.
  static std::vector<Kernel> layer_products(const LayerShape& layer) {
    const std::int64_t tokens = layer.seq * layer.micro_batch, h = layer.hidden, dim = h / layer.heads;
    const std::int64_t qkv = (layer.heads + 2 * layer.kv_heads) * dim, wide = (layer.llama ? 2 : 1) * layer.ffn;
    std::vector<Kernel> kernels;
    for (const Gemm& gemm :
         {Gemm{1, tokens, qkv, h}, Gemm{1, tokens, h, h}, Gemm{1, tokens, wide, h}, Gemm{1, tokens, h, layer.ffn}})
      kernels.push_back({"product", gemm, layer.precision});
    return kernels;
  }

  static constexpr Seconds launch_gap{2.3e-6};

 private:
  static double real(std::int64_t x) { return static_cast<double>(x); }
  static double parts(std::int64_t whole, std::int64_t part) { return std::ceil(real(whole) / real(part)); }

  [[nodiscard]] double peak(Precision precision) const {
    for (const auto& [has, rate] : machine_.peaks)
      if (has == precision) return rate.value();
    return 0.0;
  }

  [[nodiscard]] Seconds time_of(Precision precision, const Gemm& g) const {
    const double m = real(g.m), n = real(g.n), k = real(g.k), sms = real(machine_.multiprocessors);
    const double bytes = real(g.batch) * (m * k + k * n + m * n) * real(element_bytes(precision));
    const double of_layout = g.layout == Layout::tn ? 1.0 : g.layout == Layout::nn ? 1.02 : 1.05;
    // The last wave, not full, has the memory and the power to itself; where not even one is full, k is split.
    const auto tiled = [&](std::int64_t tm, std::int64_t tn, double efficiency, double ramp) {
      const double tiles = real(g.batch) * parts(g.m, tm) * parts(g.n, tn), split = std::clamp(sms / tiles, 1.0, 12.0);
      const double whole = std::floor(tiles / sms), rest = tiles / sms - whole;
      const double waves = whole + (rest > 0.0 ? 0.5 + 0.5 * rest : 0.0);
      return std::max(waves, 1.0) * 2.0 * real(tm * tn) * (k / split + ramp) * sms / (peak(precision) * efficiency);
    };
    const double compute = std::min({tiled(128, 256, 0.78, 260.0), tiled(128, 160, 0.73, 200.0),
                                     tiled(64, 192, 0.63, 180.0), tiled(64, 96, 0.54, 150.0)});
    const double moving = bytes / (0.86 * machine_.memory_bandwidth.value());
    return launch_gap + Seconds(1.9e-6 + of_layout * (aligned(precision, g) ? 1.0 : 1.7) * std::max(compute, moving));
  }

  [[nodiscard]] Seconds time_of(Precision, const Stream& s) const {
    const double kind = real(static_cast<std::int64_t>(s.kind));
    const double rate = crosses_host_bus(s.kind) ? 40e9 : (0.65 + 0.009 * kind) * machine_.memory_bandwidth.value();
    return launch_gap + Seconds(1e-6 + 0.05e-6 * kind + real(s.bytes.value()) / rate);
  }

  [[nodiscard]] Seconds time_of(Precision precision, const Attention& a) const {
    const double seq = real(a.seq_q), dim = real(a.head_dim);
    const double rate = 0.62 * peak(precision) * seq / (seq + 150.0) * dim / (dim + 30.0);
    const double scores = a.fused ? 0.0 : 4.0 * real(a.batch * a.heads) * seq * real(a.seq_kv) / 3e12;
    return launch_gap + Seconds(4e-6 + a.flops().value() / rate * (a.backward ? 1.3 : 1.0) + scores);
  }

  [[nodiscard]] Seconds time_of(Precision precision, const Roofline& r) const {
    return launch_gap + std::max(Seconds(r.flops.value() / peak(precision)), r.bytes / machine_.memory_bandwidth);
  }

  /// In [-1, 1), from the kernel's sizes.
  static double error(const Kernel& kernel) {
    std::uint64_t hash = static_cast<std::uint64_t>(kernel.precision);
    const auto add = [&](std::int64_t size) { hash = mix(hash ^ static_cast<std::uint64_t>(size)); };
    if (const auto* g = std::get_if<Gemm>(&kernel.work))
      for (const std::int64_t size : {g->batch, g->m, g->n, g->k, static_cast<std::int64_t>(g->layout)}) add(size);
    if (const auto* a = std::get_if<Attention>(&kernel.work))
      for (const std::int64_t size : {a->batch, a->heads, a->kv_heads, a->seq_q, a->head_dim}) add(size);
    if (const auto* s = std::get_if<Stream>(&kernel.work))
      for (const std::int64_t size : {static_cast<std::int64_t>(s->kind), s->bytes.value()}) add(size);
    return static_cast<double>(mix(hash) >> 11) / 0x1p52 - 1.0;
  }

  Machine machine_;
};

}  // namespace rehearse::testing
