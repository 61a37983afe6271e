// Graphs in the language of Graphviz, for the topology `custom`; private to topologies.
#pragma once

#include <filesystem>

#include "engine/base/document.hpp"

namespace rehearse {

/// The `vertices` and `links` of a custom topology. A node is the endpoint that it is named after ("endpoint0") or
/// whose number its attribute `endpoint` has, else a switch; `group` as in YAML. An edge of a `graph` is a cable, of a
/// `digraph` a one-way link; its attributes bandwidth, latency, class and count are as in YAML. Other attributes are
/// for drawing. Throws InputError: unreadable, not Graphviz (with the line).
Value read_graphviz_file(const std::filesystem::path& path);

}  // namespace rehearse
