// Sweeps: reading and expansion of studies. What the program makes of whole studies is in tests/cli/sweep.py.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/base/error.hpp"
#include "engine/base/packed.hpp"
#include "scenarios/scenario.hpp"
#include "tests/support/sweep_study.hpp"

using namespace rehearse;
using rehearse::testing::StudyFile;

namespace {

/// The cells of every point: "1 8|2 8".
std::string points(const std::string& text) {
  const Sweep sweep = StudyFile(text).load();
  std::vector<std::string> out;
  for (std::size_t i = 0; i < sweep.size(); ++i) out.push_back(fmt::format("{}", fmt::join(sweep.point(i).cells, " ")));
  return fmt::format("{}", fmt::join(out, "|"));
}

std::string faults(const std::string& text, const SweepOptions& options = {}) {
  const StudyFile file(text);
  try {
    static_cast<void>(file.load(options));
  } catch (const InputError& error) {
    std::string out = error.what();
    for (std::size_t at = 0; (at = out.find(file.path())) != std::string::npos;)
      out.replace(at, file.path().size(), "s");
    return out;
  }
  return "none";
}

std::string with_axes(const std::string& axes, const std::string& how = "grid") {
  return "base: quickstart\nsweep: " + how + "\naxes: " + axes + "\n";
}

}  // namespace

TEST_CASE("sweep: every point of a grid, the last axis quickest") {
  CHECK(points(with_axes("{plan.tensor: [1, 2], plan.micro_batch: [1, 2, 4]}")) == "1 1|1 2|1 4|2 1|2 2|2 4");
  CHECK(points("base: quickstart\naxes: {plan.tensor: [1, 2]}\n") == "1|2");  // a grid by itself
}

TEST_CASE("sweep: axes of a zip go together") {
  CHECK(points(with_axes("{plan.tensor: [1, 2, 4], plan.pipeline: [4, 2, 1]}", "zip")) == "1 4|2 2|4 1");
}

TEST_CASE("sweep: a list has the keys of all its cases as columns") {
  CHECK(points("base: quickstart\nsweep: list\ncases: [{plan.zero: 0}, {plan.zero: 1, plan.data: null}]\n") ==
        "0 |1 null");
}

TEST_CASE("sweep: groups are combined, the last quickest") {
  const Sweep sweep = StudyFile(
                          "base: quickstart\nsweep:\n"
                          "  - {sweep: zip, axes: {plan.tensor: [1, 2], plan.pipeline: [4, 2]}}\n"
                          "  - {axes: {plan.micro_batch: [1, 2], plan.recompute: [none, full]}}\n"
                          "  - {cases: [{plan.zero: 0}, {plan.zero: 1}]}\n")
                          .load();
  CHECK(sweep.size() == 2 * 4 * 2);
  CHECK(sweep.columns() ==
        std::vector<std::string>{"plan.tensor", "plan.pipeline", "plan.micro_batch", "plan.recompute", "plan.zero"});
  CHECK(sweep.point(0).cells == std::vector<std::string>{"1", "4", "1", "none", "0"});
  CHECK(sweep.point(1).cells == std::vector<std::string>{"1", "4", "1", "none", "1"});
  CHECK(sweep.point(15).cells == std::vector<std::string>{"2", "2", "2", "full", "1"});
}

TEST_CASE("sweep: ranges, linear and logarithmic, with and without units") {
  CHECK(points(with_axes("{cluster.nodes: {from: 1, to: 8, scale: log2}}")) == "1|2|4|8");
  CHECK(points(with_axes("{cluster.nodes: {from: 3, to: 100, scale: log2, factor: 4}}")) == "3|12|48");
  CHECK(points(with_axes("{plan.global_batch: {from: 64, to: 192, step: 64}}")) == "64|128|192");
  CHECK(points(with_axes("{cluster.node.nic.efficiency: {from: 0.1, to: 0.4, step: 0.1}}")) == "0.1|0.2|0.3|0.4");
  CHECK(points(with_axes("{plan.bucket_size: {from: 10 MiB, to: 30 MiB, step: 10}}")) == "10 MiB|20 MiB|30 MiB");
  CHECK(points(with_axes("{plan.tensor: {from: 2, to: 2, step: 1}}")) == "2");
  for (int last = 1; last < 1 << 20; last *= 2) {  // no power is lost to rounding
    const std::string study = with_axes(fmt::format("{{plan.global_batch: {{from: 1, to: {}, scale: log2}}}}", last));
    CHECK(points(study).ends_with(std::to_string(last)));
  }
}

TEST_CASE("sweep: a labelled axis sets several keys, and a mapping takes the place of a section") {
  const Sweep sweep = StudyFile(
                          "base: {base: quickstart, cluster: {nodes: 8, fabric: {topology: fat_tree, "
                          "oversubscription: 2}}}\n"
                          "axes:\n  fabric:\n    - {label: tree, set: {cluster.fabric.oversubscription: 4}}\n"
                          "    - {label: torus, set: {cluster.fabric: {topology: torus, dimensions: [8, 8]}}}\n"
                          "    - {label: other, set: {cluster: dgx-h100-superpod, cluster.nodes: 2,\n"
                          "                           cluster.fabric: {topology: ring}}}\n")
                          .load();
  CHECK(sweep.columns() == std::vector<std::string>{"fabric"});
  CHECK(sweep.point(1).cells == std::vector<std::string>{"torus"});
  const auto fabric = [&](std::size_t i) {
    return read_scenario(sweep.base, sweep.point(i).settings).source.find("cluster")->find("fabric")->keys;
  };
  CHECK(fabric(0) == std::vector<std::string>{"topology", "oversubscription"});
  CHECK(fabric(1) == std::vector<std::string>{"topology", "dimensions"});
  CHECK(fabric(2) == std::vector<std::string>{"topology"});  // nothing of the named cluster's
}

TEST_CASE("sweep: settings of all points lie over the base, those of the command line last") {
  const StudyFile file(with_axes("{plan.tensor: [1, 2]}") + "set: {plan.micro_batch: 2, plan.recompute: full}\n");
  const Scenario scenario = read_scenario(file.load({{"plan.micro_batch=1"}, false}).base);
  CHECK(scenario.jobs.front().plan.micro_batch == 1);
  CHECK(scenario.resolved.find("plan")->find("recompute")->text == "full");
}

TEST_CASE("sweep: what is wrong with a study") {
  CHECK(faults(with_axes("{plan.tensr: [1, 2]}")).starts_with("s:3: plan.tensr: unknown key; did you mean 'tensor'?"));
  CHECK(faults(with_axes("{plan.tensor.x: [1]}")) != "none");
  CHECK(faults(with_axes("{plan.tensor: []}")).starts_with("s:3: axes.plan.tensor: an empty axis; expected"));
  CHECK(faults(with_axes("{plan.tensor: }")).starts_with("s:3: axes.plan.tensor: an empty axis; expected"));
  CHECK(faults(with_axes("{plan.tensor: 4}")).find("found '4'") != std::string::npos);
  CHECK(faults(with_axes("{plan.tensor: [1, 2], plan.pipeline: [1, 2, 4]}", "zip")) ==
        "s:3: axes.plan.pipeline: 3 values, and 'plan.tensor' has 2; a zip takes axes of the same length");
  CHECK(faults(with_axes("{plan.tensor: [1]}") + "columns: [mfuu]\n")
            .starts_with("s:4: columns[0]: unknown figure 'mfuu'; did you mean 'mfu'?"));
  CHECK(faults(with_axes("{mfu: [1]}")) == "s:3: axes.mfu: 'mfu' is a column of the table already");
  CHECK(faults(with_axes("{plan.tensor: [1]}", "grd")).find("did you mean 'grid'?") != std::string::npos);
  CHECK(faults("axes: {plan.tensor: [1]}\n").starts_with("s:1: base: missing"));
  CHECK(faults("base: quickstrat\naxes: {plan.tensor: [1]}\n")
            .starts_with("s:1: base: unknown scenario 'quickstrat'; did you mean 'quickstart'?"));
  CHECK(faults("base: quickstart\nsweep: list\naxes: {plan.tensor: [1]}\ncases: [{plan.tensor: 1}]\n") ==
        "s:3: axes: a list has `cases`, not `axes`");
  CHECK(faults("base: quickstart\ncases: []\n") == "s:2: cases: expected at least one case");
  CHECK(faults("base: quickstart\naxes: {}\n") == "s:2: axes: expected at least one axis");
}

TEST_CASE("sweep: ranges that are none") {
  const auto range = [](const std::string& text) { return faults(with_axes("{cluster.nodes: {" + text + "}}")); };
  const std::string at = "s:3: axes.cluster.nodes";
  CHECK(range("from: 8, to: 1, step: 1") == at + ": from 8 down to 1; expected `from` not above `to`");
  CHECK(range("from: 1, to: 8, step: 0") == at + ".step: expected a step above 0");
  CHECK(range("from: 0, to: 8, scale: log2") == at + ": a logarithmic range begins above 0");
  CHECK(range("from: 1, to: 8, scale: log2, factor: 1") == at + ".factor: expected a factor above 1");
  CHECK(range("from: one, to: 8, step: 1").starts_with(at + ".from: expected a number"));
  CHECK(range("from: 1, to: 8").starts_with(at + ".step: missing"));
  CHECK(range("from: 1, to: 8, stp: 1").find(at + ".stp: unknown key; did you mean 'step'?") != std::string::npos);
  CHECK(range("from: 1 MiB, to: 8 GiB, step: 1").find("expected the same unit") != std::string::npos);
  CHECK(range("from: 0, to: 1e12, step: 1").find("expected at most 1000000") != std::string::npos);
}

TEST_CASE("sweep: no key is set twice, and no section after its keys") {
  CHECK(faults("base: quickstart\nsweep:\n  - axes: {plan.tensor: [1]}\n  - axes:\n      both: [{label: a, set: "
               "{plan.tensor: 1}}]\n") == "s:5: plan.tensor: is set by the axis 'plan.tensor' already");
  CHECK(faults("base: quickstart\nsweep:\n  - axes: {plan.tensor: [1]}\n  - axes: {plan.tensor: [2]}\n") ==
        "s:4: sweep[1].axes.plan.tensor: 'plan.tensor' is a column of the table already");
  CHECK(faults(with_axes("{plan.tensor: [1]}"), {{"plan.tensor=2"}, false}) ==
        "s:3: plan.tensor: is set by --set plan.tensor=2 already");
  CHECK(faults(with_axes("{cluster.fabric.topology: [ring], cluster.fabric: [{topology: ring}]}"))
            .starts_with("s:3: cluster.fabric: takes the place of cluster.fabric.topology"));
}

TEST_CASE("sweep: a key need be one at some point only; what is wrong everywhere is wrong with the study") {
  const std::string tree_and_torus =
      "base: {base: quickstart, cluster: {nodes: 8, fabric: {topology: fat_tree}}}\n"
      "axes:\n  cluster.fabric.topology: [fat_tree, torus]\n";
  CHECK(faults(tree_and_torus + "  cluster.fabric.dimensions: [[8, 8]]\n") == "none");
  CHECK(faults(tree_and_torus + "  cluster.fabric.dimensons: [[8, 8]]\n").find("unknown key") != std::string::npos);
  CHECK(faults(with_axes("{plan.tensor: [zero, 1]}")) == "none");  // a row that says so
  CHECK(faults(with_axes("{plan.tensor: [zero]}")) == "s:3: plan.tensor: expected a whole number, found 'zero'");
  CHECK(faults("base: {base: quickstart, plan: {micro_batc: 1}}\naxes: {plan.tensor: [1, 2]}\n")
            .starts_with("s:1: plan.micro_batc: unknown key; did you mean 'micro_batch'?"));
}

TEST_CASE("sweep: more than a million points are asked about") {
  const std::string large =
      with_axes("{plan.global_batch: {from: 1, to: 1000, step: 1}, plan.micro_batch: {from: 1, to: 1001, step: 1}}");
  CHECK(faults(large) == "s:1: 1001000 points; more than 1000000 need --yes");
  CHECK(faults(large, {{}, true}) == "none");
}

TEST_CASE("sweep: all faults together") {
  const std::string found =
      faults("base: nothing\naxes: {plan.tensor: [], plan.data: {from: 2, to: 1, step: 1}}\nx: 1\n");
  for (const char* fault : {"s:1: base: unknown scenario", "s:2: axes.plan.tensor:", "s:2: axes.plan.data:", "s:3: x:"})
    CHECK(found.find(fault) != std::string::npos);
}

TEST_CASE("packed values lose nothing") {
  const Value value = parse_yaml("a: [1, '2', \"x\\ny\", null]\nb: {c: {}, d e: 3 us}\n", "f.yaml");
  std::string bytes = Packer().add("text 1").add(-7).add(value).take();
  Unpacker out(bytes);
  CHECK(out.text() == "text 1");
  CHECK(out.number() == -7);
  const Value read = out.value();
  CHECK(out.at_end());
  CHECK(Packer().add(read).take() == Packer().add(value).take());
  CHECK(read.find("b")->find("d e")->line == 2);
  CHECK(read.find("a")->items[1].quoted);
  bytes.pop_back();
  CHECK_THROWS_AS(Unpacker(bytes.substr(0, 3)).text(), std::logic_error);
}
