#include "topologies/custom_graphviz.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/graphviz.hpp>

namespace rehearse {
namespace {

struct DotNode {
  std::string name, endpoint, group;
};
struct DotEdge {
  std::string bandwidth, latency, link_class, count;
};

void set_text(Value& mapping, const std::string& key, const std::string& text) {
  if (text.empty()) return;
  mapping[key] = scalar_value(text);
  mapping[key].file = mapping.file;
}

Value empty(Value::Type type, const std::string& file) {
  Value value;
  value.type = type;
  value.file = file;
  return value;
}

template <class Graph>
Value to_value(const Graph& graph, const std::string& file, bool one_way) {
  Value root = empty(Value::Type::mapping, file);
  Value vertices = empty(Value::Type::sequence, file), links = vertices;
  for (std::size_t v = 0; v < boost::num_vertices(graph); ++v) {
    Value node = empty(Value::Type::mapping, file);
    set_text(node, "name", graph[v].name);
    set_text(node, "endpoint", graph[v].endpoint);
    set_text(node, "group", graph[v].group);
    vertices.items.push_back(std::move(node));
  }
  const auto range = boost::edges(graph);
  for (auto e = range.first; e != range.second; ++e) {
    Value link = empty(Value::Type::mapping, file);
    set_text(link, "from", graph[boost::source(*e, graph)].name);
    set_text(link, "to", graph[boost::target(*e, graph)].name);
    set_text(link, "bandwidth", graph[*e].bandwidth);
    set_text(link, "latency", graph[*e].latency);
    set_text(link, "class", graph[*e].link_class);
    set_text(link, "count", graph[*e].count);
    if (one_way) set_text(link, "one_way", "true");
    links.items.push_back(std::move(link));
  }
  root["vertices"] = std::move(vertices);
  root["links"] = std::move(links);
  return root;
}

template <class Directed>
Value read_as(const std::string& text, const std::string& file, bool one_way) {
  using Graph = boost::adjacency_list<boost::vecS, boost::vecS, Directed, DotNode, DotEdge>;
  Graph graph;
  boost::dynamic_properties properties(boost::ignore_other_properties);
  properties.property("node_id", boost::get(&DotNode::name, graph));
  properties.property("endpoint", boost::get(&DotNode::endpoint, graph));
  properties.property("group", boost::get(&DotNode::group, graph));
  properties.property("bandwidth", boost::get(&DotEdge::bandwidth, graph));
  properties.property("latency", boost::get(&DotEdge::latency, graph));
  properties.property("class", boost::get(&DotEdge::link_class, graph));
  properties.property("count", boost::get(&DotEdge::count, graph));
  boost::read_graphviz(text, graph, properties);
  return to_value(graph, file, one_way);
}

Value read_text(const std::string& text, const std::string& file) {
  try {
    return read_as<boost::undirectedS>(text, file, false);
  } catch (const boost::directed_graph_error&) {
    return read_as<boost::bidirectionalS>(text, file, true);
  }
}

// What the parser says of the text; empty where it has nothing to say.
std::string syntax_error(const std::string& text) {
  try {
    read_text(text, {});
    return {};
  } catch (const boost::graph_exception& error) {
    return error.what();
  }
}

// The parser does not tell the line, but it stops at the first error: the text up to the end of that line gives the
// same error, and what is shorter ends too early and gives another. An end that comes too early is on the last line.
int line_of(const std::string& text, const std::string& error) {
  std::vector<std::size_t> ends;  // of each line
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n' || i + 1 == text.size()) ends.push_back(i + 1);
  if (ends.empty()) return 1;
  const bool at_end = error.find("<eof>") != std::string::npos;
  const auto last = ends.end() - 1;
  const auto line = at_end ? last : std::partition_point(ends.begin(), last, [&](std::size_t end) {
    return syntax_error(text.substr(0, end)) != error;
  });
  return static_cast<int>(line - ends.begin() + 1);
}

}  // namespace

Value read_graphviz_file(const std::filesystem::path& path) {
  std::error_code error;
  std::ifstream in(path);
  if (!std::filesystem::is_regular_file(path, error) || !in) throw InputError("no such file: '" + path.string() + "'");
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  try {
    return read_text(text, path.string());
  } catch (const boost::graph_exception& fault) {
    throw InputError(
        {Fault{path.string(), line_of(text, fault.what()), {}, std::string("not Graphviz: ") + fault.what()}});
  }
}

}  // namespace rehearse
