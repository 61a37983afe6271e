// Kernels of a framework: the bytes of docs/model.md, and where a recomputation stops.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "workloads/framework_kernels.hpp"
#include "workloads/parameters.hpp"

using namespace rehearse;

namespace {

constexpr std::int64_t hidden = 256, layers = 3, tokens = 2 * 128;

Model model() {
  Model m;
  m.layers = layers, m.hidden = hidden, m.heads = m.kv_heads = 4, m.head_dim = hidden / 4, m.ffn = 4 * hidden;
  m.vocab = 1024, m.seq_len = 128, m.dropout = false;
  return m;
}

Plan plan() {
  Plan p;
  p.micro_batch = 2, p.global_batch = 2, p.attention = AttentionKind::flash, p.gradient_precision = Precision::bf16;
  return p;
}

Framework eager(bool autocast) {
  Framework f;
  f.eager.separate = true, f.eager.autocast = autocast;
  return f;
}

/// Bytes of the streams of a layer, by name.
std::map<std::string, std::int64_t> streams(const Steps& steps, std::int16_t layer) {
  std::map<std::string, std::int64_t> out;
  for (const Step& step : steps)
    if (const auto* kernel = std::get_if<KernelStep>(&step); kernel != nullptr && kernel->layer == layer)
      if (const auto* stream = std::get_if<Stream>(&kernel->kernel.work))
        out[kernel->kernel.name] += stream->bytes.value();
  return out;
}

std::int64_t sum(const std::map<std::string, std::int64_t>& bytes) {
  std::int64_t out = 0;
  for (const auto& [name, count] : bytes) out += count;
  return out;
}

std::int64_t kernels_named(const Steps& steps, Kind kind, const std::string& name) {
  std::int64_t count = 0;
  for (const Step& step : steps)
    if (const auto* kernel = std::get_if<KernelStep>(&step))
      count += kernel->kind == kind && kernel->kernel.name == name ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("framework kernels: none more where nothing is eager") {
  const Model m = model();
  const Plan p = plan();
  for (const Steps& steps : {forward_steps(m, p, 0), backward_steps(m, p, 0)}) {
    const Steps same = with_framework_kernels(steps, m, p, {});
    REQUIRE(same.size() == steps.size());
    CHECK(streams(same, 1) == streams(steps, 1));
  }
}

TEST_CASE("framework kernels: bytes of a layer for each token and element of its width") {
  const Model m = model();
  const Plan p = plan();
  const std::int64_t weights = 12 * hidden * hidden;
  const auto forward = [&](bool autocast) {
    return sum(streams(with_framework_kernels(forward_steps(m, p, 0), m, p, eager(autocast)), 1));
  };
  const auto backward = [&](bool autocast) {
    return sum(streams(with_framework_kernels(backward_steps(m, p, 0), m, p, eager(autocast)), 1));
  };
  // Two norms, two residuals, GELU of four times the width.
  CHECK(forward(false) == tokens * hidden * (2 * 4 + 2 * 6 + 16));
  CHECK(forward(true) == tokens * hidden * (2 * 10 + 2 * 10 + 16) + 6 * weights);
  // Norms, GELU, biases of nine widths, queries in fp32, the context by rows, queries, keys and values side by side.
  CHECK(backward(false) == tokens * hidden * (2 * 16 + 24 + 18 + 18 + 4 + 12));
  CHECK(backward(true) == tokens * hidden * (2 * 34 + 24 + 18 + 18 + 4 + 12) + 6 * weights);
}

TEST_CASE("framework kernels: gradients are put into one buffer, divided and cast before they are scattered") {
  const Model m = model();
  Plan p = plan();
  p.data = 4, p.global_batch = 8, p.zero = 3;
  Steps steps{CollectiveStep{.group = GroupKind::data,
                             .op = CollectiveOp::reduce_scatter,
                             .elements = 1000,
                             .layer = 1,
                             .operand = Operand::gradients}};
  CHECK(sum(streams(with_framework_kernels(steps, m, p, eager(false)), 1)) == 1000 * (4 + 4));
  const Steps cast = with_framework_kernels(steps, m, p, eager(true));
  CHECK(sum(streams(cast, 1)) == 1000 * (8 + 8 + 6));
  CHECK(std::holds_alternative<CollectiveStep>(cast.back()));
}

TEST_CASE("framework kernels: a recomputation stops before the last product of the last layer that is made again") {
  const Model m = model();
  Framework f;
  f.eager.recompute_stops_early = true;
  for (const std::int64_t interval : {1, 2, 3}) {
    Plan p = plan();
    p.recompute = Recompute::full;
    p.recompute_interval = interval;
    const Steps all = backward_steps(m, p, 0), steps = with_framework_kernels(all, m, p, f);
    const std::int64_t runs = (layers + interval - 1) / interval;
    CHECK(kernels_named(all, Kind::recompute, "ffn 2") == layers);
    CHECK(kernels_named(steps, Kind::recompute, "ffn 2") == layers - runs);
    CHECK(kernels_named(steps, Kind::recompute, "bias, dropout, add") == 2 * layers - runs);
    CHECK(all.size() - steps.size() == 2 * runs);
  }
}
