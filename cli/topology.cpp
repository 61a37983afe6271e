// rehearse topology: what a fabric is, before anything is simulated.
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/outputs.hpp"
#include "engine/base/error.hpp"
#include "engine/base/output.hpp"
#include "reports/topology_report.hpp"
#include "scenarios/topology_job.hpp"

namespace rehearse {

namespace {

struct TopologyOptions {
  std::string name, endpoints;
  std::vector<std::string> settings;
  std::string json, dot, svg;
  bool inside = false, quiet = false;
};

/// The part that is drawn.
const TopologyPart& drawn_part(const TopologyJob& job, const TopologyOptions& o) {
  for (const TopologyPart& part : job.parts)
    if (!o.inside || part.what == "node") return part;
  throw InputError(o.inside ? "--inside: there is no network inside a node" : "there is no network to draw");
}

/// What is drawn needs no figures, and figures need no drawing.
Exit topology(const TopologyOptions& o) {
  const std::vector<OutputOption> outputs{{"--json", o.json}, {"--dot", o.dot}, {"--svg", o.svg}};
  const bool text = !stdout_taken(outputs) && !o.quiet;
  TopologyJob job = read_topology_job(o.name, o.endpoints, o.settings);
  check_outputs(outputs);
  if (!o.dot.empty() || !o.svg.empty() || o.inside) {
    const TopologyPart& part = drawn_part(job, o);
    if (!o.dot.empty()) write_output(o.dot, [&](std::ostream& out) { write_topology_dot(part, out); });
    if (!o.svg.empty()) write_output(o.svg, [&](std::ostream& out) { write_topology_svg(job, part, out); });
  }
  if (!text && o.json.empty()) return Exit::done;
  const TopologyResult result = run_topology_job(std::move(job));
  if (!o.json.empty()) write_output(o.json, [&](std::ostream& out) { write_topology_json(result, out); });
  if (text) write_output("-", [&](std::ostream& out) { write_topology_text(result, out); });
  return Exit::done;
}

}  // namespace

void add_topology_command(CLI::App& app, Exit& status) {
  CLI::App* command =
      app.add_subcommand("topology", "what a fabric is: sizes, distances, bisection, load, cost, a drawing");
  const auto o = std::make_shared<TopologyOptions>();
  command
      ->add_option("name", o->name,
                   "a cluster, node type, scenario or topology: a name of rehearse list, or a YAML file")
      ->required();
  command->add_option("--endpoints", o->endpoints, "of a topology by itself: how many are attached")
      ->check(not_empty("a number"));
  command->add_option("--set", o->settings, "KEY=VALUE laid over it: --set fabric.oversubscription=2")
      ->allow_extra_args(false);
  command->add_option("--json", o->json, "write all figures as JSON (- is standard output)")->check(not_empty());
  command->add_option("--dot", o->dot, "write the graph for GraphViz")->check(not_empty());
  command->add_option("--svg", o->svg, "draw the graph")->check(not_empty());
  command->add_flag("--inside", o->inside, "of --dot and --svg: the inside of a node, not the fabric");
  command->add_flag("-q,--quiet", o->quiet, "no report on standard output");
  command->callback([o, &status] { status = topology(*o); });
}

}  // namespace rehearse
