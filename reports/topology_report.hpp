// Reports of `rehearse topology`. Each writes to a stream.
#pragma once

#include <iosfwd>

#include "scenarios/topology_job.hpp"

namespace rehearse {

/// A block for each network: sizes, cables, distances, bisection, load, cost.
void write_topology_text(const TopologyResult& result, std::ostream& out);
/// An object: what the job stands for, and a list of networks with all figures. Rates are bytes/s, times seconds.
void write_topology_json(const TopologyResult& result, std::ostream& out);

/// A graph in GraphViz' language: a node for each vertex, by its name (endpoints have their number as `endpoint`), and
/// an edge for each cable with `bandwidth`, `latency` and `class`, as YAML has them; a directed graph with an edge for
/// each link where some go one way only.
void write_topology_dot(const TopologyPart& part, std::ostream& out);
/// A drawing (topologies/drawing.hpp) with a legend.
void write_topology_svg(const TopologyJob& job, const TopologyPart& part, std::ostream& out);

}  // namespace rehearse
