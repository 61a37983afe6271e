// The time of one layer, forward and backward, against Korthikanti et al. 2022 (arXiv 2205.05198), Table 4: a 22B model
// on one DGX A100.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>

#include <fmt/format.h>

#include "engine/base/csv.hpp"
#include "engine/base/document.hpp"
#include "scenarios/scenario.hpp"
#include "tests/support/simulated_kernels.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

/// Three layers, of which the middle one is looked at. The gradient of a region's input is reduced beside that of the
/// weight, as Megatron-LM had come to do.
Scenario experiment(const std::string& plan) {
  return read_scenario(parse_yaml(
      fmt::format("model: {{layers: 3, hidden: 6144, heads: 64, vocab: 51200, seq_len: 2048}}\n"
                  "cluster: {{node: dgx-a100, nodes: 1}}\n"
                  "plan: {{tensor: 8, micro_batch: 4, global_batch: 4, precision: fp16, overlap_weight_gradient: true, "
                  "{}}}\n",
                  plan),
      "test.yaml"));
}

const std::map<std::string, std::string> plans{
    {"baseline no recompute", "recompute: none"},
    {"sequence parallelism", "recompute: none, sequence_parallel: true"},
    {"full recompute", "recompute: full"},
    {"selective recompute", "recompute: selective"},
    {"selective + sequence", "recompute: selective, sequence_parallel: true"}};

}  // namespace

TEST_CASE("layer times: each experiment of Korthikanti et al. 2022, Table 4, within 8 %") {
  const CsvTable table = load_csv(REHEARSE_TEST_DIR "/validation/korthikanti2022_table4_layer_times.csv");
  CHECK(table.rows.size() == plans.size());
  for (const CsvRow& row : table.rows) {
    const auto measured = [&](const char* column) { return 1e-3 * std::stod(row.cells.at(*table.find(column))); };
    const std::string& name = row.cells.at(*table.find("experiment"));
    const LayerWindow layer = layer_window(experiment(plans.at(name)), 1);
    const auto error = [](double predicted, double known) { return 100 * (predicted / known - 1); };
    MESSAGE(fmt::format("{}: forward {:.2f} ms ({:+.1f} %), backward {:.2f} ms ({:+.1f} %), both {:+.1f} %", name,
                        1e3 * layer.forward, error(layer.forward, measured("fwd_ms")), 1e3 * layer.backward,
                        error(layer.backward, measured("bwd_ms")), error(layer.total(), measured("total_ms"))));
    CHECK(std::abs(error(layer.total(), measured("total_ms"))) <= 8);
  }
}
