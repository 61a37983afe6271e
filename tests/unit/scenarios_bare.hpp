// For tests of closed forms: a small model on nodes that are nothing but links, and runs of it.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/scenarios_support.hpp"

namespace rehearse::testing {

/// A vocabulary that needs no padding, so that gradients are the model's parameters.
inline const std::string model = "model: {layers: 2, hidden: 512, heads: 8, vocab: 1024, seq_len: 256}";
/// Nothing but links: no latency, no library.
inline const std::string bare = "{gpus: 1, device: a100-80gb-sxm, nic: {count: 1, bandwidth: 10 GB/s, latency: 0 us}}";
inline constexpr double port = 10e9;

inline Scenario scenario_of(const std::string& yaml) { return read_scenario(parse_yaml(yaml, "test.yaml")); }

/// Of a scenario that can run, with its faults checked.
inline Run run_of(const std::string& yaml, const SimulationOptions& options = {}) {
  const Scenario scenario = scenario_of(yaml);
  std::string why;
  for (const Fault& fault : check_plan_of(scenario)) why += fault.to_string() + "\n";
  REQUIRE(why == "");
  Run run = run_scenario(scenario, options);
  CHECK(run.faults == "");
  return run;
}

}  // namespace rehearse::testing
