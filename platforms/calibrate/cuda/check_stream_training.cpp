#include <algorithm>
#include <array>
#include <utility>

#include "platforms/calibrate/cuda/check_probe.hpp"
#include "platforms/calibrate/cuda/kernels/training.hpp"

namespace rehearse::cuda {
namespace {

void check_dropout(Probe& probe) {
  probe.next();
  constexpr std::size_t count = std::size_t{8} * 8191;
  const auto x = probe.normal<bf16>(count), residual = probe.normal<bf16>(count), dy = probe.normal<bf16>(count);
  bf16* const y = probe.poisoned<bf16>(count);
  bf16* const dx = probe.poisoned<bf16>(count);
  auto* const mask = probe.poisoned<std::uint8_t>(count);
  dropout_add_forward(x.device, residual.device, y, mask, count, 42, nullptr);
  dropout_add_backward(dy.device, mask, dx, count, nullptr);
  const Numbers drawn = Probe::read(mask, count);
  Numbers forward, backward;
  double kept = 0.0;
  bool zero_or_one = true;
  for (std::size_t i = 0; i < count; ++i) {
    zero_or_one = zero_or_one && (drawn[i] == 0.0 || drawn[i] == 1.0);
    kept += drawn[i];
    forward.push_back(residual.host[i] + drawn[i] * x.host[i] / (1.0 - dropout));
    backward.push_back(drawn[i] * dy.host[i] / (1.0 - dropout));
  }
  const double off = std::abs(kept / static_cast<double>(count) - (1.0 - dropout));
  constexpr double four_deviations = 5e-3;  // of the share of so many that are kept
  probe.add("dropout_add_forward mask", zero_or_one ? off : std::numeric_limits<double>::infinity(), four_deviations);
  probe.compare("dropout_add_forward y", y, forward, bf16_rounding);
  probe.compare("dropout_add_backward dx", dx, backward, bf16_rounding);
}

void check_cross_entropy(Probe& probe, std::size_t rows, std::size_t width) {
  probe.next();
  const auto r64 = static_cast<std::int64_t>(rows), w64 = static_cast<std::int64_t>(width);
  const auto logits = probe.normal<bf16>(rows * width, 3.0);
  const auto targets = probe.indices(rows, static_cast<std::int32_t>(width));
  const auto dloss = probe.normal<float>(rows);
  float* const loss = probe.poisoned<float>(rows);
  float* const log_sum = probe.poisoned<float>(rows);
  bf16* const dx = probe.poisoned<bf16>(rows * width);
  cross_entropy_forward(logits.device, targets.device, loss, log_sum, r64, w64, nullptr);
  cross_entropy_backward(logits.device, targets.device, log_sum, dloss.device, dx, r64, w64, nullptr);
  Numbers losses, log_sums, gradient;
  for (std::size_t r = 0; r < rows; ++r) {
    const double* const row = logits.host.data() + r * width;
    const auto target = static_cast<std::size_t>(targets.host[r]);
    double sum = 0.0;
    for (std::size_t c = 0; c < width; ++c) sum += std::exp(row[c]);
    log_sums.push_back(std::log(sum));
    losses.push_back(std::log(sum) - row[target]);
    for (std::size_t c = 0; c < width; ++c)
      gradient.push_back(dloss.host[r] * (std::exp(row[c]) / sum - (c == target ? 1.0 : 0.0)));
  }
  probe.compare(sized("cross_entropy_forward loss", rows, width), loss, losses, fp32_rounding);
  probe.compare(sized("cross_entropy_forward log_sum", rows, width), log_sum, log_sums, fp32_rounding);
  probe.compare(sized("cross_entropy_backward dx", rows, width), dx, gradient, bf16_rounding);
}

void check_embedding(Probe& probe) {
  probe.next();
  constexpr std::size_t rows = 40, table_rows = 19, width = 4104;
  const auto table = probe.normal<bf16>(table_rows * width), dy = probe.normal<bf16>(rows * width);
  const auto indices = probe.indices(rows, static_cast<std::int32_t>(table_rows));
  bf16* const y = probe.poisoned<bf16>(rows * width);
  embedding_forward(table.device, indices.device, y, rows, width, nullptr);
  embedding_backward(dy.device, indices.device, table.device, rows, width, nullptr);
  Numbers looked_up, gradient = table.host;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < width; ++c) {
      const std::size_t at = static_cast<std::size_t>(indices.host[r]) * width + c;
      looked_up.push_back(table.host[at]);
      gradient[at] += dy.host[r * width + c];
    }
  constexpr double several_roundings = 1e-2;  // of bf16, one for each addition
  probe.compare("embedding_forward y", y, looked_up, 0.0);
  probe.compare("embedding_backward gradient", table.device, gradient, several_roundings);
}

void check_adam(Probe& probe) {
  probe.next();
  constexpr std::size_t count = std::size_t{8} * 1027;
  const AdamStep s;
  const auto weight = probe.normal<float>(count), gradient = probe.normal<float>(count);
  const auto moment1 = probe.normal<float>(count);
  float* const moment2 = probe.poisoned<float>(count);
  bf16* const copy = probe.poisoned<bf16>(count);
  scale(weight.device, moment2, 0.0f, count, nullptr);  // the second moment is never negative
  Numbers weights, firsts, seconds;
  for (std::size_t i = 0; i < count; ++i) {
    const double g = gradient.host[i], b1 = s.beta1, b2 = s.beta2, w = weight.host[i];
    const double m = b1 * moment1.host[i] + (1.0 - b1) * g, v = (1.0 - b2) * g * g;
    const double step = m / s.correction1 / (std::sqrt(v / s.correction2) + s.epsilon);
    firsts.push_back(m);
    seconds.push_back(v);
    weights.push_back(w - s.rate * (step + s.decay * w));
  }
  adam(s, weight.device, moment1.device, moment2, gradient.device, copy, count, nullptr);
  probe.compare("adam weight", weight.device, weights, fp32_rounding);
  probe.compare("adam moment1", moment1.device, firsts, fp32_rounding);
  probe.compare("adam moment2", moment2, seconds, fp32_rounding);
  probe.compare("adam copy", copy, weights, bf16_rounding);
}

/// Small enough for a part of one block, and more than all blocks take at once.
void check_flat(Probe& probe, std::size_t count) {
  probe.next();
  const auto n = static_cast<std::int64_t>(count);
  const auto x = probe.normal<float>(count);
  float* const sum = probe.poisoned<float>(1);
  float* const partials = probe.poisoned<float>(square_partials(n));
  float* const scaled = probe.poisoned<float>(count);
  bf16* const narrowed = probe.poisoned<bf16>(count);
  sum_of_squares(x.device, sum, partials, n, nullptr);
  scale(x.device, scaled, 0.25f, n, nullptr);
  cast(x.device, narrowed, n, nullptr);
  double squares = 0.0;
  Numbers quarters, rounded;
  for (const double e : x.host) {
    squares += e * e;
    quarters.push_back(0.25 * e);
    rounded.push_back(static_cast<double>(__bfloat162float(__float2bfloat16_rn(static_cast<float>(e)))));
  }
  const std::string size = " of " + std::to_string(count);
  probe.compare("reduction" + size, sum, {squares}, fp32_rounding);
  probe.compare("scale y" + size, scaled, quarters, 0.0);
  probe.compare("cast y" + size, narrowed, rounded, 0.0);
}

void check_transpose(Probe& probe, std::size_t rows, std::size_t width) {
  probe.next();
  const auto x = probe.normal<bf16>(rows * width);
  bf16* const y = probe.poisoned<bf16>(rows * width);
  transpose(x.device, y, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width), nullptr);
  Numbers turned(rows * width);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < width; ++c) turned[c * rows + r] = x.host[r * width + c];
  probe.compare(sized("transpose y", rows, width), y, turned, 0.0);
}

}  // namespace

void check_training(Probe& probe) {
  check_dropout(probe);
  for (const auto& [rows, width] : std::array<std::pair<std::size_t, std::size_t>, 2>{{{2, 50304}, {3, 56}}})
    check_cross_entropy(probe, rows, width);
  check_embedding(probe);
  check_adam(probe);
  for (const std::size_t count : {std::size_t{24}, std::size_t{1} << 16, std::size_t{2'000'008}})
    check_flat(probe, count);
  for (const auto& [rows, width] :
       std::array<std::pair<std::size_t, std::size_t>, 4>{{{70, 134}, {67, 131}, {4, 4096}, {5, 200}}})
    check_transpose(probe, rows, width);
}

}  // namespace rehearse::cuda
