// Properties of whole simulations over random small scenarios, always the same ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "tests/support/dice.hpp"
#include "tests/unit/scenarios_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

/// A scenario as a person could write it; sizes are drawn so that most of them divide.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : dice_(seed) {}

  std::string scenario() {
    const std::string cluster = draw_cluster();
    const std::string plan = draw_plan();
    return "name: random\n" + draw_model() + cluster + plan + "fidelity: " + word({"auto", "flow", "fluid"}) + "\n";
  }

 private:
  std::string word(const std::vector<std::string>& words) { return dice_.word(words); }
  std::string flag(std::int64_t one_in) { return dice_.one_in(one_in) ? "true" : "false"; }

  std::string draw_cluster() {
    const std::int64_t gpus = dice_.of<std::int64_t>({1, 2, 4, 8});
    const std::int64_t nodes = gpus == 8 ? 1 + dice_.below(2) : dice_.of<std::int64_t>({1, 2, 3, 4});
    gpus_ = gpus * nodes;
    const std::string fabric = nodes == 1 ? "" : ", fabric: {" + draw_fabric(nodes) + "}";
    if (gpus == 1) return fmt::format("cluster: {{node: torus-node, nodes: {}{}}}\n", nodes, fabric);
    return fmt::format("cluster: {{node: {{base: {}, gpus: {}, nic: {{count: {}}}}}, nodes: {}{}}}\n",
                       word({"dgx-a100", "dgx-h100"}), gpus, dice_.divisor(gpus), nodes, fabric);
  }

  std::string draw_fabric(std::int64_t nodes) {
    if (gpus_ == nodes && dice_.one_in(2))  // a port each: a direct network
      return nodes == 4 && dice_.one_in(2) ? "topology: torus, dimensions: [2, 2]" : "topology: ring";
    if (dice_.one_in(3)) return "topology: switch";
    return fmt::format("topology: fat_tree, radix: {}, oversubscription: {}, routing: {}", dice_.of<int>({16, 24, 36}),
                       word({"1", "2", "3"}), word({"d_mod_k", "ecmp"}));
  }

  std::string draw_plan() {
    const std::int64_t tensor = dice_.divisor(gpus_), pipeline = dice_.divisor(gpus_ / tensor);
    const std::int64_t data = gpus_ / tensor / pipeline;
    const std::string schedule = pipeline == 1 || dice_.one_in(3) ? word({"1f1b", "gpipe"}) : draw_schedule();
    const PipelineRow& row = *pipeline_table().find(schedule);
    const std::int64_t v = schedule == "interleaved" ? dice_.of<std::int64_t>({1, 2, 3}) : row.default_chunks;
    const PipelineShape shape{static_cast<std::int32_t>(pipeline), static_cast<std::int32_t>(v), 1};
    chunks_ = model_chunks(row.layout, shape), tensor_ = tensor;
    const std::int64_t m = row.layout != ChunkLayout::looped || schedule == "interleaved"
                               ? pipeline * (1 + dice_.below(3))
                               : 1 + dice_.below(6);
    const std::int64_t micro_batch = 1 + dice_.below(2);
    return fmt::format(
        "plan: {{tensor: {}, pipeline: {}, data: {}, micro_batch: {}, global_batch: {}, schedule: {}, "
        "virtual_stages: {}, stages: {}, {}}}\n",
        tensor, pipeline, data, micro_batch, m * micro_batch * data, schedule, v, word({"even", "balanced"}),
        draw_options());
  }

  std::string draw_schedule() { return word(pipeline_table().names()); }

  std::string draw_options() {
    return fmt::format(
        "sequence_parallel: {}, recompute: {}, attention: {}, zero: {}, overlap_grad_reduce: {}, "
        "bucket_size: {}, overlap_p2p: {}, scatter_gather: {}, precision: {}, gradient_precision: {}, "
        "reduce_every_micro_batch: {}, tensor_overlap: {}, overlap_weight_gradient: {}, recompute_interval: {}, "
        "recompute_layers: {}, clip_gradients: {}",
        flag(3), word({"none", "selective", "full"}), word({"unfused", "flash"}), dice_.below(2), flag(2),
        word({"0 B", "100 kB", "1 MB"}), flag(3), flag(2), word({"fp16", "bf16", "fp32"}), word({"fp16", "fp32"}),
        flag(4), word({"1", "2"}), flag(2), word({"1", "2"}), word({"0", "1"}), flag(2));
  }

  std::string draw_model() {
    const std::int64_t heads = tensor_ * (1 + dice_.below(2)), head_dim = dice_.of<std::int64_t>({16, 32, 40});
    return fmt::format(
        "model: {{layers: {}, hidden: {}, heads: {}, kv_heads: {}, ffn: {}, vocab: {}, seq_len: {}, "
        "activation: {}, norm: {}, positions: {}, bias: {}, dropout: {}, tied_embeddings: {}}}\n",
        chunks_ * (1 + dice_.below(2)), heads * head_dim, heads, dice_.divisor(heads),
        tensor_ * dice_.of<std::int64_t>({64, 96, 100}), 500 + dice_.below(1000),
        tensor_ * dice_.of<std::int64_t>({16, 24}), word({"gelu", "swiglu", "squared_relu"}),
        word({"layer_norm", "rms_norm"}), word({"learned", "rotary"}), flag(2), flag(2), flag(2));
  }

  Dice dice_;
  std::int64_t gpus_ = 1, chunks_ = 1, tensor_ = 1;
};

}  // namespace

TEST_CASE("random scenarios: what check_plan_of lets through runs, obeys the rules, and folds exactly") {
  constexpr int wanted = 80;
  // REHEARSE_SEED=N looks at other scenarios.
  const char* seed = std::getenv("REHEARSE_SEED");
  const std::uint64_t first = seed == nullptr ? 0 : std::strtoull(seed, nullptr, 10) * 1'000'000;
  int run = 0, tried = 0, folded = 0;
  for (; run < wanted && tried < 2 * wanted; ++tried) {
    const std::string yaml = Generator(first + static_cast<std::uint64_t>(tried)).scenario();
    CAPTURE(yaml);
    const Scenario scenario = read_scenario(parse_yaml(yaml, "random.yaml"));
    if (!check_plan_of(scenario).empty()) continue;
    ++run;
    const Run exact = run_scenario(scenario, SimulationOptions::exact());
    const Run small = run_scenario(scenario);
    CHECK(exact.faults == "");
    CHECK(small.faults == "");
    CHECK(differences(small, exact) == "");
    CHECK(exact.gpus.size() == scenario.cluster.gpu_count());
    folded += small.gpus.size() < exact.gpus.size() ? 1 : 0;
  }
  CHECK(run == wanted);
  CHECK(folded > wanted / 3);
}
