// The same scenario gives the same bytes, whatever the memory around it looks like.
#include <doctest/doctest.h>

#include <memory>
#include <sstream>

#include "reports/report.hpp"
#include "tests/unit/scenarios_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

using Write = void (*)(const Result&, std::ostream&);

/// What `write` writes of the scenario, simulated in a child of its own. `disturbance`: blocks on the heap before.
std::string written(const std::string& name, Write write, int disturbance, const SimulationOptions& options = {}) {
  return in_child([&] {
    std::vector<std::unique_ptr<std::vector<char>>> blocks;
    for (int i = 0; i < disturbance; ++i) blocks.push_back(std::make_unique<std::vector<char>>(37 + 61 * i % 977));
    for (std::size_t i = 0; i < blocks.size(); i += 2) blocks[i].reset();
    Result result = simulate(load_scenario(name), options);
    result.wall = Seconds(0);
    std::ostringstream out;
    write(result, out);
    return out.str();
  });
}

}  // namespace

TEST_CASE("repeat: JSON, CSV and trace of a scenario are the same bytes each time") {
  for (const char* name : {"quickstart", "gpt3-1.3b-ring-8", "llama3-70b-64-h100", "two-jobs", "a100-h100"})
    for (Write write : {static_cast<Write>(write_json), static_cast<Write>(write_csv)}) {
      CAPTURE(name);
      const std::string first = written(name, write, 0);
      CHECK(first.size() > 100);
      CHECK(first == written(name, write, 1000));
    }
  const std::string trace = written("quickstart", write_trace, 0);
  CHECK(trace.size() > 1000);
  CHECK(trace == written("quickstart", write_trace, 1000));
}

TEST_CASE("repeat: the comparison sees a difference") {
  CHECK(written("quickstart", write_json, 0) != written("quickstart", write_json, 0, SimulationOptions::exact()));
}
