#include "platforms/calibrate/cuda/check_probe.hpp"
#include "platforms/calibrate/cuda/kernels/layer.hpp"

namespace rehearse::cuda {
namespace {

constexpr double root = 0.79788456080286535588;  // sqrt(2 / pi)

double gelu(double x) { return 0.5 * x * (1.0 + std::tanh(root * (x + 0.044715 * x * x * x))); }
double gelu_slope(double x) {
  const double t = std::tanh(root * (x + 0.044715 * x * x * x));
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * root * (1.0 + 3.0 * 0.044715 * x * x);
}
double silu(double x) { return x / (1.0 + std::exp(-x)); }
double silu_slope(double x) {
  const double s = 1.0 / (1.0 + std::exp(-x));
  return s + x * s * (1.0 - s);
}

void check_gelu_and_add(Probe& probe) {
  probe.next();
  constexpr std::size_t count = std::size_t{8} * 2053;
  const auto x = probe.normal<bf16>(count, 2.0), dy = probe.normal<bf16>(count);
  bf16* const y = probe.poisoned<bf16>(count);
  bf16* const dx = probe.poisoned<bf16>(count);
  bf16* const sum = probe.poisoned<bf16>(count);
  gelu_forward(x.device, y, count, nullptr);
  gelu_backward(x.device, dy.device, dx, count, nullptr);
  add(x.device, dy.device, sum, count, nullptr);
  Numbers forward, backward, sums;
  for (std::size_t i = 0; i < count; ++i) {
    forward.push_back(gelu(x.host[i]));
    backward.push_back(dy.host[i] * gelu_slope(x.host[i]));
    sums.push_back(x.host[i] + dy.host[i]);
  }
  probe.compare("gelu_forward y", y, forward, bf16_rounding);
  probe.compare("gelu_backward dx", dx, backward, bf16_rounding);
  probe.compare("add y", sum, sums, bf16_rounding);
}

void check_swiglu(Probe& probe) {
  probe.next();
  constexpr std::size_t rows = 37, width = 232, count = rows * width;
  const auto x = probe.normal<bf16>(2 * count, 2.0), dy = probe.normal<bf16>(count);
  bf16* const y = probe.poisoned<bf16>(count);
  bf16* const dx = probe.poisoned<bf16>(2 * count);
  swiglu_forward(x.device, y, rows, width, nullptr);
  swiglu_backward(x.device, dy.device, dx, rows, width, nullptr);
  Numbers forward(count), backward(2 * count);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < width; ++c) {
      const std::size_t gate = r * 2 * width + c, up = gate + width, at = r * width + c;
      forward[at] = silu(x.host[gate]) * x.host[up];
      backward[gate] = dy.host[at] * x.host[up] * silu_slope(x.host[gate]);
      backward[up] = dy.host[at] * silu(x.host[gate]);
    }
  probe.compare(sized("swiglu_forward y", rows, width), y, forward, bf16_rounding);
  probe.compare(sized("swiglu_backward dx", rows, width), dx, backward, bf16_rounding);
}

/// Heads at the start of longer rows; what lies behind them is not to be touched.
void check_rotary(Probe& probe, double sign) {
  probe.next();
  constexpr std::size_t rows = 31, heads = 6, head_dim = 48, stride = 320, seq = 12;
  const auto x = probe.normal<bf16>(rows * stride);
  rotary(x.device, rows, heads, head_dim, stride, seq, static_cast<float>(sign), nullptr);
  Numbers turned = x.host;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t i = 0; i < head_dim / 2; ++i) {
        const double angle = sign * static_cast<double>(r % seq) *
                             std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
        const std::size_t first = r * stride + h * head_dim + i, second = first + head_dim / 2;
        turned[first] = x.host[first] * std::cos(angle) - x.host[second] * std::sin(angle);
        turned[second] = x.host[second] * std::cos(angle) + x.host[first] * std::sin(angle);
      }
  probe.compare(sign > 0.0 ? "rotary x" : "rotary x, turned back", x.device, turned, bf16_rounding);
}

}  // namespace

void check_activations(Probe& probe) {
  check_gelu_and_add(probe);
  check_swiglu(probe);
  check_rotary(probe, 1.0);
  check_rotary(probe, -1.0);
}

std::vector<Check> check_streams(Arena& arena) {
  Probe probe(arena);
  check_norms(probe);
  check_softmax(probe);
  check_activations(probe);
  check_training(probe);
  return probe.take_checks();
}

}  // namespace rehearse::cuda
