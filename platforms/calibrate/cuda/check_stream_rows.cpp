#include <algorithm>
#include <array>

#include "platforms/calibrate/cuda/check_probe.hpp"
#include "platforms/calibrate/cuda/kernels/layer.hpp"
#include "platforms/calibrate/cuda/kernels/softmax.hpp"

namespace rehearse::cuda {
namespace {

struct Size {
  std::size_t rows, width;
};
// A size for each block that there is, and more rows than there are blocks at once.
constexpr std::array<Size, 5> norm_sizes = {{{700, 264}, {5, 24}, {5, 2056}, {300, 4104}, {3, 8200}}};

struct NormReference {
  Numbers y, mean, rstd, dx, dgamma, dbeta;
};

/// `residual` may be empty.
NormReference norm_reference(NormKind kind, Size size, const Numbers& x, const Numbers& gamma, const Numbers& beta,
                             const Numbers& dy, const Numbers& residual) {
  const std::size_t width = size.width;
  const auto n = static_cast<double>(width);
  NormReference out;
  out.dgamma.resize(width);
  out.dbeta.resize(width);
  for (std::size_t r = 0; r < size.rows; ++r) {
    const std::size_t begin = r * width;
    double mean = 0.0, squares = 0.0, scaled_mean = 0.0, normal_mean = 0.0;
    for (std::size_t c = 0; c < width; ++c) mean += kind == NormKind::layer ? x[begin + c] / n : 0.0;
    for (std::size_t c = 0; c < width; ++c) squares += (x[begin + c] - mean) * (x[begin + c] - mean) / n;
    const double rstd = 1.0 / std::sqrt(squares + 1e-5);
    const auto normal = [&](std::size_t c) { return (x[begin + c] - mean) * rstd; };
    for (std::size_t c = 0; c < width; ++c) {
      const double d = dy[begin + c];
      scaled_mean += kind == NormKind::layer ? d * gamma[c] / n : 0.0;
      normal_mean += d * gamma[c] * normal(c) / n;
      out.dgamma[c] += d * normal(c);
      out.dbeta[c] += d;
      out.y.push_back(normal(c) * gamma[c] + (kind == NormKind::layer ? beta[c] : 0.0));
    }
    for (std::size_t c = 0; c < width; ++c)
      out.dx.push_back(rstd * (dy[begin + c] * gamma[c] - scaled_mean - normal(c) * normal_mean) +
                       (residual.empty() ? 0.0 : residual[begin + c]));
    out.mean.push_back(mean);
    out.rstd.push_back(rstd);
  }
  return out;
}

void check_norm(Probe& probe, NormKind kind, Size size, bool with_residual) {
  probe.next();
  const std::size_t count = size.rows * size.width;
  const auto rows = static_cast<std::int64_t>(size.rows), width = static_cast<std::int64_t>(size.width);
  const bool is_layer = kind == NormKind::layer;
  const auto x = probe.normal<bf16>(count, 3.0), dy = probe.normal<bf16>(count);
  const auto gamma = probe.normal<bf16>(size.width), beta = probe.normal<bf16>(size.width);
  const auto residual = with_residual ? probe.normal<bf16>(count) : Probed<bf16>{};
  bf16* const y = probe.poisoned<bf16>(count);
  bf16* const dx = probe.poisoned<bf16>(count);
  bf16* const dgamma = probe.poisoned<bf16>(size.width);
  bf16* const dbeta = is_layer ? probe.poisoned<bf16>(size.width) : nullptr;
  float* const mean = is_layer ? probe.poisoned<float>(size.rows) : nullptr;
  float* const rstd = probe.poisoned<float>(size.rows);
  float* const partials = probe.poisoned<float>(norm_partials(rows, width));
  norm_forward(kind, x.device, gamma.device, is_layer ? beta.device : nullptr, y, mean, rstd, rows, width, nullptr);
  norm_backward(kind, dy.device, x.device, gamma.device, mean, rstd, residual.device, dx, dgamma, dbeta, partials, rows,
                width, nullptr);
  const NormReference reference = norm_reference(kind, size, x.host, gamma.host, beta.host, dy.host, residual.host);
  const std::string name = is_layer ? "layer_norm" : "rms_norm";
  const auto named = [&](const char* what) { return sized(name + what, size.rows, size.width); };
  probe.compare(named("_forward y"), y, reference.y, bf16_rounding);
  probe.compare(named("_forward rstd"), rstd, reference.rstd, fp32_rounding);
  probe.compare(named("_backward dx"), dx, reference.dx, bf16_rounding);
  probe.compare(named("_backward dgamma"), dgamma, reference.dgamma, bf16_rounding);
  if (!is_layer) return;
  probe.compare(named("_forward mean"), mean, reference.mean, fp32_rounding);
  probe.compare(named("_backward dbeta"), dbeta, reference.dbeta, bf16_rounding);
}

struct SoftmaxSize {
  std::size_t rows, width, seq_q;
};
// Rows in registers and rows that are not, of whole pieces and not, some queries without any key.
constexpr std::array<SoftmaxSize, 8> softmax_sizes = {{{45, 40, 43},
                                                       {45, 37, 41},
                                                       {6, 1096, 4},
                                                       {6, 2056, 4},
                                                       {6, 4104, 3},
                                                       {4, 8200, 3},
                                                       {3, 16392, 2},
                                                       {5, 1001, 1001}}};
constexpr double factor = 0.7;

Numbers softmax_reference(const SoftmaxSize& s, bool causal, const Numbers& x) {
  Numbers p(x.size(), 0.0);
  for (std::size_t r = 0; r < s.rows; ++r) {
    // Keys up to (r mod seq_q) + width - seq_q are seen.
    const std::size_t seen = r % s.seq_q + s.width + 1;
    const std::size_t keys = !causal ? s.width : seen > s.seq_q ? seen - s.seq_q : 0;
    const std::size_t begin = r * s.width;
    double most = -std::numeric_limits<double>::infinity(), sum = 0.0;
    for (std::size_t c = 0; c < keys; ++c) most = std::max(most, factor * x[begin + c]);
    for (std::size_t c = 0; c < keys; ++c) sum += std::exp(factor * x[begin + c] - most);
    for (std::size_t c = 0; c < keys; ++c) p[begin + c] = std::exp(factor * x[begin + c] - most) / sum;
  }
  return p;
}

Numbers softmax_gradient(const SoftmaxSize& s, const Numbers& p, const Numbers& dp) {
  Numbers dx;
  for (std::size_t r = 0; r < s.rows; ++r) {
    const std::size_t begin = r * s.width;
    double dot = 0.0;
    for (std::size_t c = 0; c < s.width; ++c) dot += p[begin + c] * dp[begin + c];
    for (std::size_t c = 0; c < s.width; ++c) dx.push_back(factor * p[begin + c] * (dp[begin + c] - dot));
  }
  return dx;
}

/// The gradient is taken of what forward wrote, and written over its own input, as attention does.
template <class T>
void check_softmax_of(Probe& probe, const SoftmaxSize& s, bool causal, double tolerance) {
  probe.next();
  const std::size_t count = s.rows * s.width;
  const auto rows = static_cast<std::int64_t>(s.rows), width = static_cast<std::int64_t>(s.width);
  const auto x = probe.normal<T>(count, 2.0), dp = probe.normal<T>(count);
  T* const p = probe.poisoned<T>(count);
  T* const dx = probe.poisoned<T>(count);
  softmax_forward<T>(x.device, p, rows, width, causal, static_cast<std::int64_t>(s.seq_q), static_cast<float>(factor),
                     nullptr);
  softmax_backward<T>(p, dp.device, dx, rows, width, static_cast<float>(factor), nullptr);
  softmax_backward<T>(p, dp.device, dp.device, rows, width, static_cast<float>(factor), nullptr);
  const std::string type(precision_name(precision_of<T>));
  const std::string of = " " + type + (causal ? " causal" : "");
  const Numbers gradient = softmax_gradient(s, Probe::read(p, count), dp.host);
  probe.compare(sized("softmax_forward p" + of, s.rows, s.width), p, softmax_reference(s, causal, x.host), tolerance);
  probe.compare(sized("softmax_backward dx" + of, s.rows, s.width), dx, gradient, tolerance);
  probe.compare(sized("softmax_backward dx in place" + of, s.rows, s.width), dp.device, gradient, tolerance);
}

}  // namespace

void check_norms(Probe& probe) {
  for (const Size& size : norm_sizes)
    for (const NormKind kind : {NormKind::layer, NormKind::rms}) check_norm(probe, kind, size, true);
  check_norm(probe, NormKind::layer, {9, 136}, false);
}

void check_softmax(Probe& probe) {
  constexpr double fp16_rounding = 1e-3;
  for (const SoftmaxSize& size : softmax_sizes)
    for (const bool causal : {true, false}) {
      check_softmax_of<__half>(probe, size, causal, fp16_rounding);
      check_softmax_of<bf16>(probe, size, causal, bf16_rounding);
      check_softmax_of<float>(probe, size, causal, fp32_rounding);
    }
}

}  // namespace rehearse::cuda
