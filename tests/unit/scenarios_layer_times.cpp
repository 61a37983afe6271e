// The time of a layer, of studies. What it is on measured hardware: tests/validation/korthikanti2022_table4.yaml.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/document.hpp"
#include "scenarios/layer_times.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/simulate.hpp"
#include "tests/support/forked.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

Scenario scenario_of(int layers, const std::string& plan) {
  return read_scenario(
      parse_yaml(fmt::format("model: {{layers: {}, hidden: 1024, heads: 8, vocab: 1024, seq_len: 512}}\n"
                             "cluster: {{node: dgx-a100, nodes: 1}}\n"
                             "plan: {{micro_batch: 1, {}}}\n",
                             layers, plan),
                 "test.yaml"));
}

struct Times {
  double forward = 0, backward = 0;
  double iteration = 0;  ///< without the optimizer
};

Times times_of(int layers, const std::string& plan) {
  const std::vector<double> times = in_child([&] {
    const Result result = simulate(scenario_of(layers, plan), {.merge_kernels = false});
    const LayerTimes of_layer = layer_times(result);
    return std::vector<double>{of_layer.forward.value(), of_layer.backward.value(),
                               (result.iteration_time - result.breakdown.optimizer).value()};
  });
  return {times.at(0), times.at(1), times.at(2)};
}

/// Eight replicas of one GPU would be folded to one; a tensor-parallel group has the communication of the layer in it.
const std::vector<std::string> plans{"tensor: 8, global_batch: 1, recompute: none",
                                     "tensor: 8, global_batch: 1, recompute: full",
                                     "tensor: 8, global_batch: 1, recompute: selective, sequence_parallel: true"};

}  // namespace

TEST_CASE("layer times: what one layer more adds to an iteration") {
  for (const std::string& plan : plans) {
    CAPTURE(plan);
    const Times of_three = times_of(3, plan), of_four = times_of(4, plan);
    CHECK(of_four.forward == relative(of_three.forward, 1e-9));
    CHECK(of_four.backward == relative(of_three.backward, 1e-9));
    // At the end a layer's norms have gradients to be summed where sequences are split.
    const double at_the_end = plan.find("sequence_parallel") == std::string::npos ? 1e-9 : 5e-4;
    CHECK(of_four.iteration - of_three.iteration == relative(of_three.forward + of_three.backward, at_the_end));
    CHECK(of_three.backward > of_three.forward);
  }
}

TEST_CASE("layer times: recomputation is a forward more") {
  const Times whole = times_of(3, plans[1]), none = times_of(3, plans[0]);
  CHECK(whole.forward == relative(none.forward, 1e-9));
  CHECK(whole.backward > none.backward + 0.9 * none.forward);
  CHECK(whole.backward < none.backward + 1.1 * none.forward);
}

TEST_CASE("layer times: of the first stage's layers, whatever the number of micro batches") {
  const Times alone = times_of(3, "tensor: 4, data: 2, global_batch: 2");
  const Times staged = times_of(6, "tensor: 4, pipeline: 2, global_batch: 4");
  CHECK(staged.forward == relative(alone.forward, 1e-9));
  CHECK(staged.backward == relative(alone.backward, 0.02));  // of the last layer's gradients some travel meanwhile
}

TEST_CASE("layer times: two layers on a GPU have none between others") {
  CHECK_THROWS_WITH(times_of(2, plans[0]), doctest::Contains("no layer with one before it and one behind it"));
  CHECK_THROWS_WITH(times_of(4, "tensor: 4, pipeline: 2, global_batch: 4"),
                    doctest::Contains("no layer with one before"));
}
