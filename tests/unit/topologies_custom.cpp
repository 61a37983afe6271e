// custom: graphs from YAML and from Graphviz, and all that can be wrong with them.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "tests/unit/topologies_routing_support.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::contains;
using testing::faults;

std::string custom(const std::string& vertices, const std::string& links) {
  return "{topology: custom, vertices: [" + vertices + "], links: [" + links + "]}";
}

std::vector<std::string> link_names(const Topology& t) {
  std::vector<std::string> names;
  for (std::uint32_t edge = 0; edge < t.edges.size(); ++edge) names.push_back(t.link_name(edge));
  return names;
}

// A folder of its own that goes when the test does.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("rehearse-custom-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  void write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }
  // Builds from a YAML file in this folder.
  [[nodiscard]] Topology build(const std::string& keys, std::uint32_t endpoints) const {
    write("topology.yaml", "{topology: custom, " + keys + "}");
    Reader reader(load_yaml(path_ / "topology.yaml"), "topology");
    Topology t = build_topology({endpoints, BytesPerSecond(testing::port), Seconds(5e-7)}, reader);
    reader.finish();
    return t;
  }
  // What is wrong with two endpoints joined by this text.
  [[nodiscard]] std::string faults_of(const std::string& dot) const {
    write("graph.dot", dot);
    try {
      static_cast<void>(build("graphviz: graph.dot", 2));
      return {};
    } catch (const InputError& error) {
      return error.what();
    }
  }

 private:
  std::filesystem::path path_;
};

TEST_CASE("custom: links with their properties, defaults of the topology, names of parallel ones") {
  const Topology t = build(
      "{topology: custom, latency: 1 us, vertices: [s0, {name: s1, group: 3}], links: ["
      "{from: endpoint0, to: s0, bandwidth: 50 GB/s}, {from: s1, to: endpoint1, latency: 0 us, class: rail},"
      "{from: s1, to: s0, one_way: true}, {from: s0, to: s1, count: 3}]}",
      2);
  CHECK(link_names(t) == std::vector<std::string>{"endpoint0->s0", "s0->endpoint0", "s1->endpoint1", "endpoint1->s1",
                                                  "s0->s1", "s1->s0", "s0->s1#2", "s1->s0#2", "s0->s1#3", "s1->s0#3",
                                                  "s1->s0#4"});
  CHECK(t.link(0).bandwidth == BytesPerSecond(50e9));
  CHECK(t.link(0).latency == Seconds(1e-6));
  CHECK(t.link(0).link_class == "port");
  CHECK(t.link(2).bandwidth == BytesPerSecond(testing::port));
  CHECK(t.link(2).latency == Seconds(0));
  CHECK(t.link(3).link_class == "rail");
  CHECK(t.link(10).link_class == "link");
  CHECK(t.graph[3].group == 3);
  const TopologyMetrics m = measure(t);
  CHECK(m.endpoints == 2);
  CHECK(m.switches == 2);
  CHECK(m.diameter == 3);
  testing::check_routes(t);
}

TEST_CASE("custom: with the cables of a fat tree it is that fat tree") {
  const Topology tree = build("{topology: fat_tree, radix: 8}", 32);
  std::string vertices, links;
  for (std::size_t v = 32; v < boost::num_vertices(tree.graph); ++v) vertices += tree.graph[v].name + ", ";
  for (std::uint32_t edge = 0; edge < tree.edges.size(); edge += 2)
    links += "{from: " + tree.graph[boost::source(tree.edges[edge], tree.graph)].name +
             ", to: " + tree.graph[boost::target(tree.edges[edge], tree.graph)].name + "}, ";
  const Topology t = build(custom(vertices, links), 32);
  CHECK(link_names(t) == link_names(tree));
  const TopologyMetrics m = measure(t), expected = measure(tree);
  CHECK(m.mean_distance == expected.mean_distance);
  CHECK(m.bisection == expected.bisection);
  testing::check_routes(t);
}

TEST_CASE("custom: endpoints by other names, and one-way links") {
  const Topology t =
      build(custom("{name: host, endpoint: 1}, {name: endpoint0, group: 2}",
                   "{from: endpoint0, to: host, one_way: true}, {from: host, to: endpoint2, one_way: true}, "
                   "{from: endpoint2, to: endpoint0, one_way: true}"),
            3);
  CHECK(link_names(t) ==
        std::vector<std::string>{"endpoint0->endpoint1", "endpoint1->endpoint2", "endpoint2->endpoint0"});
  CHECK(t.graph[0].group == 2);
  CHECK(t.route(0, 2, 0).size() == 2);
  CHECK(t.route(2, 0, 0).size() == 1);

  Reader reader(parse_yaml(custom("", "{from: gpu0, to: gpu1}"), "test.yaml"), "topology");
  const Topology node = build_topology({2, BytesPerSecond(1e9), Seconds(0), 1, "gpu"}, reader);
  reader.finish();
  CHECK(node.link_name(0) == "endpoint0->endpoint1");
  CHECK(contains(faults(custom("", "{from: gpu0, to: gpu1}"), 2), "unknown vertex, 'gpu0'"));
}

TEST_CASE("custom: faults of vertices") {
  const std::string link = "{from: endpoint0, to: s}, {from: endpoint1, to: s}";
  CHECK(faults(custom("s", link), 2).empty());
  CHECK(contains(faults(custom("s, s", link), 2), "vertices[1]: the vertex 's' stands twice"));
  CHECK(contains(faults(custom("s, endpoint2", link), 2), "vertices[1]: 'endpoint2' is none of the endpoints"));
  CHECK(contains(faults(custom("s, endpoint1, endpoint1", link), 2), "'endpoint1' stands twice"));
  CHECK(contains(faults(custom("s, {name: a, endpoint: 2}", link), 2), "vertices[1].endpoint: the endpoints are"));
  CHECK(contains(faults(custom("s, {name: a, endpoint: 1}, {name: b, endpoint: 1}", link), 2), "another name"));
  CHECK(contains(faults(custom("s, {name: endpoint0, endpoint: 1}", link), 2), "'endpoint0' stands twice"));
  CHECK(contains(faults(custom("s, {group: 1}", link), 2), "vertices[1]"));
  CHECK(contains(faults(custom("s, {name: t, group: -1}", link), 2), "vertices[1].group"));
  CHECK(contains(faults(custom("s, ''", link), 2), "vertices[1]: a vertex needs a name"));
  CHECK(contains(faults(custom("s, {name: t, grup: 1}", link), 2), "did you mean 'group'"));
  CHECK(contains(faults(custom("s, idle", link), 2), "none of them joins 'idle' to anything"));
  CHECK(contains(faults("{topology: custom, vertices: s, links: [" + link + "]}", 2), "vertices: expected a list"));
}

TEST_CASE("custom: faults of links") {
  const std::string link = "{from: endpoint0, to: spine}, {from: endpoint1, to: spine}, ";
  const auto with = [&link](const std::string& more) { return faults(custom("spine", link + more), 2); };
  CHECK(with("").empty());
  CHECK(contains(with("{from: spin, to: endpoint0}"),
                 "test.yaml:1: links[2].from: a link to an unknown vertex, 'spin'; did you mean 'spine'?"));
  CHECK(contains(with("{from: endpoint2, to: spine}"), "or endpoint0 to endpoint1)"));
  CHECK(contains(with("{from: spine, to: spine}"), "links[2]: a link from 'spine' to itself"));
  CHECK(contains(with("{from: spine}"), "to"));
  CHECK(contains(with("{from: spine, to: ''}"), "links[2].to: "));
  CHECK(contains(with("{from: spine, to: endpoint0, count: 0}"), "links[2].count: "));
  CHECK(contains(with("{from: spine, to: endpoint0, count: 99999999}"), "links[2].count: there would be over"));
  CHECK(contains(with("{from: spine, to: endpoint0, bandwidth: 0 GB/s}"), "links[2].bandwidth: "));
  CHECK(contains(with("{from: spine, to: endpoint0, bandwidth: 50}"), "links[2].bandwidth: "));
  CHECK(contains(with("{from: spine, to: endpoint0, latency: -1 us}"), "links[2].latency: expected zero or more"));
  CHECK(contains(with("{from: spine, to: endpoint0, one_way: maybe}"), "links[2].one_way: "));
  CHECK(contains(with("{from: spine, to: endpoint0, bandwith: 5 GB/s}"), "did you mean 'bandwidth'"));
  CHECK(contains(with("spine"), "links[2]"));
  CHECK(contains(faults(custom("", ""), 2), "links: a custom topology needs at least one link"));
  CHECK(contains(faults("{topology: custom}", 2), "needs at least one link"));
}

TEST_CASE("custom: what is not joined is named") {
  CHECK(contains(faults(custom("s", "{from: endpoint0, to: s}, {from: endpoint1, to: s}"), 3),
                 "none of them joins 'endpoint2' to anything"));
  CHECK(contains(faults(custom("", "{from: endpoint0, to: endpoint1}, {from: endpoint2, to: endpoint3}"), 4),
                 "links: there is no way from endpoint0 to endpoint2"));
  CHECK(contains(
      faults(custom("", "{from: endpoint0, to: endpoint1}, {from: endpoint0, to: endpoint2, one_way: true}"), 3),
      "there is no way from endpoint2 to endpoint0"));
}

TEST_CASE("custom: Graphviz, beside the YAML file") {
  const Folder folder;
  folder.write("graph.dot",
               "graph {  // drawn attributes mean nothing here\n"
               "  node [shape=box]; a [endpoint=1, color=red]; s1 [group=4];\n"
               "  endpoint0 -- s0 [bandwidth=\"50 GB/s\", latency=\"2 us\", class=rail];\n"
               "  s0 -- s1 [count=2, label=trunk]; s1 -- a;\n}\n");
  const Topology t = folder.build("graphviz: graph.dot, bandwidth: 10 GB/s", 2);
  CHECK(t.route(0, 1, 0).size() == 3);
  CHECK(t.edges.size() == 8);
  CHECK(t.link(t.route(0, 1, 0).front()).bandwidth == BytesPerSecond(50e9));
  CHECK(t.link(t.route(0, 1, 0).front()).latency == Seconds(2e-6));
  CHECK(t.link(t.route(0, 1, 0).front()).link_class == "rail");
  CHECK(t.link(t.route(0, 1, 0).back()).bandwidth == BytesPerSecond(10e9));
  for (std::size_t v = 2; v < 4; ++v) CHECK(t.graph[v].group == (t.graph[v].name == "s1" ? 4 : 0));

  folder.write("graph.dot", "digraph { endpoint0 -> endpoint1 -> endpoint2 -> endpoint0 }");
  const Topology ring = folder.build("graphviz: graph.dot", 3);
  CHECK(ring.edges.size() == 3);
  CHECK(ring.route(0, 2, 0).size() == 2);
}

TEST_CASE("custom: faults of Graphviz files") {
  const Folder folder;
  CHECK(folder.faults_of("graph { endpoint0 -- endpoint1 }").empty());
  CHECK(contains(folder.faults_of("graph {\n endpoint0 -- endpoint1\n endpoint0 -> endpoint1\n}\n"),
                 "graph.dot:3: not Graphviz: Using -> in undirected graph"));
  CHECK(contains(folder.faults_of("graph {\n endpoint0 -- endpoint1 [label=;\n ]\n}\n"), "graph.dot:2: not Graphviz"));
  CHECK(contains(folder.faults_of("graph {\n endpoint0 -- endpoint1\n\n"), "graph.dot:3: not Graphviz"));
  CHECK(contains(folder.faults_of("\n\ngrap {\n}"), "graph.dot:3: not Graphviz"));
  CHECK(contains(folder.faults_of(""), "graph.dot:1: not Graphviz"));
  const std::string bandwidth = folder.faults_of("graph { endpoint0 -- endpoint1 [bandwidth=fast] }");
  CHECK(contains(bandwidth, "topology.yaml:1: graphviz: "));
  CHECK(contains(bandwidth, "graph.dot: links[0].bandwidth: "));
  CHECK(contains(folder.faults_of("graph { endpoint0 -- endpoint1 [bandwidth=\"0 GB/s\"] }"), "bandwidth"));
  CHECK(contains(folder.faults_of("graph { endpoint0 -- endpoint2 -- endpoint1 }"), "'endpoint2' is none of"));
  CHECK(contains(folder.faults_of("graph { endpoint0; endpoint1 }"), "at least one link"));
  CHECK(contains(faults("{topology: custom, graphviz: nowhere.dot}", 2), "graphviz: no such file: 'nowhere.dot'"));
  CHECK(contains(faults("{topology: custom, graphviz: a.dot, vertices: [s]}", 2), "vertices: `graphviz` stands for"));
}

}  // namespace
}  // namespace rehearse
