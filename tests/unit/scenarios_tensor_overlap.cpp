// Products in pieces beside the collectives of tensor parallelism, simulated: what stays exposed.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/document.hpp"
#include "scenarios/scenario.hpp"
#include "tests/support/relative.hpp"
#include "tests/support/simulated_kernels.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

constexpr std::int64_t seq = 4096, hidden = 2048, tensor = 4;

struct Case {
  std::int64_t pieces = 1;
  double port = 1;  ///< GB/s; without latency
  bool sequence_parallel = false;
  bool beside_weights = false;
  std::int64_t multiprocessors = 0;  ///< that a collective takes
};

/// One layer, each tensor rank a node of its own that is nothing but a GPU and a port.
Scenario scenario_of(const Case& c) {
  return read_scenario(
      parse_yaml(fmt::format("model: {{layers: 1, hidden: {}, heads: 16, vocab: 1024, seq_len: {}}}\n"
                             "cluster: {{node: {{gpus: 1, device: a100-80gb-sxm, nic: {{count: 1, bandwidth: {} GB/s, "
                             "latency: 0 us}}, collectives: {{multiprocessors: {}}}}}, nodes: {}}}\n"
                             "plan: {{tensor: {}, tensor_overlap: {}, sequence_parallel: {}, overlap_weight_gradient: "
                             "{}, global_batch: 1, attention: flash}}\n",
                             hidden, seq, c.port, c.multiprocessors, tensor, tensor, c.pieces, c.sequence_parallel,
                             c.beside_weights),
                 "test.yaml"));
}

/// "ffn 1", or its first or last piece.
std::string piece_of(const Case& c, const std::string& product, bool last = false) {
  return c.pieces == 1 ? product : fmt::format("{} {}/{}", product, last ? c.pieces : 1, c.pieces);
}

double product_time(Layout layout, std::int64_t m, std::int64_t n, std::int64_t k) {
  static const Device device = load_device("a100-80gb-sxm");
  return device.time({.name = {}, .work = Gemm{1, m, n, k, layout}, .precision = Precision::bf16}).value();
}

/// One piece of the collective of a region: a reduce_scatter, an all_gather, or both.
double collective_time(const Case& c) {
  const double bytes = static_cast<double>(seq * hidden * 2 / c.pieces);
  return (c.sequence_parallel ? 1 : 2) * bytes * (tensor - 1) / tensor / (c.port * 1e9);
}

/// Of pieces one after another through two resources, `first` seconds each on the one and `second` on the other.
double two_stages(std::int64_t pieces, double first, double second) {
  return first + second + static_cast<double>(pieces - 1) * std::max(first, second);
}

constexpr double fast = 400, slow = 2;

}  // namespace

TEST_CASE("tensor overlap: a row-parallel product leaves its last piece's reduction exposed, or the first product") {
  for (const bool sequence_parallel : {false, true})
    for (const std::int64_t pieces : {1, 2, 8})
      for (const double port : {fast, slow}) {
        const Case c{pieces, port, sequence_parallel};
        const double product = product_time(Layout::tn, seq / pieces, hidden, 4 * hidden / tensor);
        CHECK((collective_time(c) < product) == (port == fast));
        const auto windows =
            kernel_windows(scenario_of(c), {"layer 0 mlp " + piece_of(c, "ffn 2"), "layer 0 mlp bias, dropout, add"});
        CAPTURE(pieces);
        CHECK(windows[1].begin - windows[0].begin == relative(two_stages(pieces, product, collective_time(c)), 1e-6));
      }
}

TEST_CASE("tensor overlap: a column-parallel product waits for the first piece of its input, or for all of it") {
  for (const std::int64_t pieces : {1, 2, 8})
    for (const double port : {fast, slow}) {
      const Case c{pieces, port, true};
      const double product = product_time(Layout::tn, seq / pieces, 4 * hidden / tensor, hidden);
      CHECK((collective_time(c) < product) == (port == fast));
      const auto windows = kernel_windows(scenario_of(c), {"layer 0 mlp norm", "layer 0 mlp activation"});
      CAPTURE(pieces);
      CHECK(windows[1].begin - windows[0].end == relative(two_stages(pieces, collective_time(c), product), 1e-6));
    }
}

TEST_CASE("tensor overlap: the reduction of an input's gradient beside the gradient of the weight") {
  const std::int64_t width = 4 * hidden / tensor;
  for (const std::int64_t pieces : {1, 2, 8})
    for (const double port : {fast, slow})
      for (const bool beside : {false, true}) {
        const Case c{pieces, port, false, beside};
        const double input = product_time(Layout::nn, seq / pieces, hidden, width),
                     weight = product_time(Layout::nt, width, hidden, seq), reduction = collective_time(c);
        // All pieces are reduced one after another, the first of them when its product is done.
        const double products = static_cast<double>(pieces) * input, reduced = two_stages(pieces, input, reduction);
        const double expected = beside ? std::max(products + weight, reduced) : reduced + weight;
        const std::string at = "layer 0 mlp backward ";
        const auto windows =
            kernel_windows(scenario_of(c), {at + piece_of(c, "ffn 1 gradient of input"), at + "norm gradient"});
        CAPTURE(pieces);
        CAPTURE(port);
        CAPTURE(beside);
        CHECK(windows[1].begin - windows[0].begin == relative(expected, 1e-6));
      }
}

TEST_CASE("tensor overlap: with sequence parallelism the input is gathered beside the gradient of the input") {
  const std::int64_t width = 4 * hidden / tensor;
  const double input = product_time(Layout::nn, seq, hidden, width),
               weight = product_time(Layout::nt, width, hidden, seq);
  for (const double port : {fast, slow}) {
    const Case c{1, port, true, true};
    const double gather = collective_time(c), gathered = std::max(input, gather);
    const std::string at = "layer 0 mlp backward ";
    const auto windows = kernel_windows(scenario_of(c), {at + "ffn 1 gradient of input", at + "norm gradient"});
    CHECK(windows[1].begin - windows[0].begin == relative(gathered + std::max(weight, gather), 1e-6));
  }
}

TEST_CASE(
    "tensor overlap: the gradient of the weight leaves a collective beside it the multiprocessors that this takes") {
  const std::int64_t width = 4 * hidden / tensor;
  const double input = product_time(Layout::nn, seq, hidden, width),
               weight = product_time(Layout::nt, width, hidden, seq);
  for (const std::int64_t multiprocessors : {0, 16, 54, 107})
    for (const double port : {fast, slow})
      for (const bool beside : {false, true}) {
        const Case c{1, port, false, beside, multiprocessors};
        const double reduction = collective_time(c), share = static_cast<double>(multiprocessors) / 108;
        const double slowed = weight + share * std::min(reduction, weight / (1 - share));
        const double expected = input + (beside ? std::max(slowed, reduction) : weight + reduction);
        const std::string at = "layer 0 mlp backward ";
        const auto windows = kernel_windows(scenario_of(c), {at + "ffn 1 gradient of input", at + "norm gradient"});
        CAPTURE(multiprocessors);
        CAPTURE(port);
        CAPTURE(beside);
        CHECK(windows[1].begin - windows[0].begin == relative(expected, 1e-6));
      }
}
