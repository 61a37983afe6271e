// The numbers in nodes/dgx-a100.yaml are those that scripts/fit_nccl.py finds: the ring model under them is as near to
// the measured all-reduces as its comment says.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "platforms/cluster.hpp"

namespace rehearse {
namespace {

TEST_CASE("cluster: the ring model of dgx-a100 against measured all-reduces") {
  Reader reader(parse_yaml("{node: dgx-a100, nodes: 1}", "test.yaml"), "cluster");
  const Cluster cluster = Cluster::read(reader);
  reader.finish();
  const Link& link = cluster.links().front();

  std::ifstream file(REHEARSE_TEST_DIR "/validation/a100_nccl_allreduce.csv");
  std::map<int, double> error;
  std::map<int, int> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    int gpus = 0;
    double bytes = 0, microseconds = 0;
    char comma = 0;
    if (!(fields >> gpus >> comma >> bytes >> comma >> microseconds)) continue;
    const double step = bytes / gpus / link.bandwidth.value() + 2 * link.latency.value();
    const double time = cluster.node().collective_launch.value() + 2 * (gpus - 1) * step;
    error[gpus] += std::abs(time / (microseconds * 1e-6) - 1);
    ++rows[gpus];
  }
  // In per cent; 0.1 for the digits that the YAML rounds away.
  for (const auto& [gpus, expected] : std::map<int, double>{{2, 7.3}, {4, 4.9}, {8, 7.3}}) {
    REQUIRE(rows[gpus] == 20);
    CHECK(std::abs(100 * error[gpus] / rows[gpus] - expected) < 0.1);
  }
}

}  // namespace
}  // namespace rehearse
