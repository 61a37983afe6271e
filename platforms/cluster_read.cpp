// Clusters from YAML: names to mappings, nodes of one type or of several, the fabric between them.
#include <algorithm>

#include "platforms/cluster_parts.hpp"

namespace rehearse {

namespace {

constexpr std::int64_t most_gpus = 1 << 20;

// Whether all endpoints hang on one vertex that is none, each by one cable.
bool is_one_switch(const Topology& topology) {
  const std::size_t endpoints = topology.endpoints.size();
  return boost::num_vertices(topology.graph) == endpoints + 1 && topology.edges.size() == 2 * endpoints;
}

// How many nodes of the type; at least one, so that nothing divides by zero.
std::uint32_t read_nodes(Reader& reader, const Node& node) {
  const std::int64_t nodes = reader.get_at_least("nodes", 1);
  const std::int64_t most = most_gpus / std::max(node.gpus, 1u);
  if (nodes <= most) return static_cast<std::uint32_t>(nodes);
  reader.fault("nodes",
               "expected at most " + std::to_string(most) + " nodes of this type, found " + std::to_string(nodes));
  return 1;
}

// `node` and `nodes`, of the cluster or of an item of its groups.
NodeGroup read_group(Reader& reader, Cluster::Graphs& graphs) {
  NodeParts parts = read_entry<NodeParts>(reader, "node", "nodes", read_node);
  NodeGroup group;
  group.nodes = read_nodes(reader, parts.node);
  group.node = std::move(parts.node);
  group.device = std::move(parts.device);
  const bool one_switch = is_one_switch(parts.inside);
  graphs.inside.push_back({.topology = std::move(parts.inside), .one_switch = one_switch});
  return group;
}

std::vector<NodeGroup> read_groups(Reader& reader, Cluster::Graphs& graphs) {
  Reader list = reader.child("groups");
  if (!reader.has("groups")) return {read_group(reader, graphs)};
  for (const char* key : {"node", "nodes"}) {
    reader.child(key).mark_read();
    // Not at `node`: what that was resolved to stands in the catalogue's file.
    if (reader.has(key)) list.fault("stands beside `" + std::string(key) + "`; leave out one or the other");
  }
  std::vector<NodeGroup> groups;
  for (Reader& item : list.items()) groups.push_back(read_group(item, graphs));
  if (!groups.empty()) return groups;
  if (list.is_sequence()) list.fault("expected at least one group, such as {node: dgx-h100, nodes: 4}");
  graphs.inside.emplace_back();
  return {NodeGroup{.node = {}, .device = {}, .nodes = 1}};
}

// Where each group begins; false where there are more GPUs than a cluster may have.
bool number(std::vector<NodeGroup>& groups) {
  std::int64_t nodes = 0, gpus = 0, nics = 0;
  for (NodeGroup& group : groups) {
    group.first_node = static_cast<std::uint32_t>(nodes);
    group.first_gpu = static_cast<std::uint32_t>(gpus);
    group.first_nic = static_cast<std::uint32_t>(nics);
    nodes += group.nodes;
    gpus += std::int64_t{group.nodes} * group.node.gpus;
    nics += std::int64_t{group.nodes} * group.node.nics;
    if (gpus > most_gpus) return false;
  }
  return true;
}

TopologyRequest request_of(const std::vector<NodeGroup>& groups) {
  const Node& fastest = fastest_nic(groups);
  const auto alike = [&](const NodeGroup& g) { return g.node.nics == fastest.nics; };
  const NodeGroup& last = groups.back();
  return {last.first_nic + last.nodes * last.node.nics, fastest.nic_bandwidth, fastest.nic_latency,
          std::ranges::all_of(groups, alike) ? fastest.nics : 0};
}

Topology read_fabric(Reader& reader, const std::vector<NodeGroup>& groups) {
  Reader params = reader.child("fabric");
  const bool single = groups.size() == 1 && groups.front().nodes == 1;
  const bool faulty = std::ranges::any_of(groups, [](const NodeGroup& g) { return g.node.gpus == 0; });
  const auto without = std::ranges::find(groups, 0U, [](const NodeGroup& g) { return g.node.nics; });
  if (!single) params.child("prices").mark_read();  // of what they buy, `rehearse topology` makes a sum
  if (!single && !faulty && without == groups.end()) return build_topology(request_of(groups), params, "fat_tree");
  params.mark_read();
  if (single || faulty) return {};  // nothing to join (or a node type with faults)
  reader.fault(groups.size() == 1 ? "node" : "groups",
               "the node type '" + without->node.name +
                   "' has no NIC (nic.count), so it cannot be joined with others;" + " only nodes: 1 can be");
  return {};
}

// Null counts as absent.
bool has(const Value& at, std::string_view key) {
  const Value* value = at.find(key);
  return value != nullptr && value->type != Value::Type::null;
}

// The cluster's node types as mappings, with their devices.
void resolve_node(Value& at, const std::string& key_path) {
  if (!has(at, "node")) return;
  Value& node = at["node"];
  node = resolve_named("nodes", node, key_path + ".node");
  if (!has(node, "device")) return;
  Value& device = node["device"];
  device = resolve_named("devices", device, key_path + ".node.device");
}

}  // namespace

Value resolve_cluster(const Value& name_or_mapping, const std::string& key_path) {
  Value cluster = resolve_named("clusters", name_or_mapping, key_path);
  resolve_node(cluster, key_path);
  if (!has(cluster, "groups")) return cluster;
  std::vector<Value>& groups = cluster["groups"].items;
  for (std::size_t g = 0; g < groups.size(); ++g) resolve_node(groups[g], key_path + ".groups." + std::to_string(g));
  return cluster;
}

Cluster Cluster::read(Reader& reader) {
  for (const char* key : {"name", "description"}) static_cast<void>(reader.get<std::string>(key, ""));
  Cluster cluster;
  const auto graphs = std::make_shared<Graphs>();
  cluster.groups_ = read_groups(reader, *graphs);
  if (!number(cluster.groups_)) {
    reader.fault("groups", "expected at most " + std::to_string(most_gpus) + " GPUs in all");
    for (NodeGroup& group : cluster.groups_) group.nodes = 1;
    number(cluster.groups_);
  }
  graphs->between = read_fabric(reader, cluster.groups_);
  for (NodeGroup& group : cluster.groups_) group.node.gpus = std::max(group.node.gpus, 1u);  // zero after a fault
  number(cluster.groups_);
  const NodeGroup& last = cluster.groups_.back();
  cluster.nodes_ = last.first_node + last.nodes;
  cluster.gpus_ = last.first_gpu + last.nodes * last.node.gpus;
  Reader degradation = reader.child("degradation");
  if (reader.any_fault()) {
    degradation.mark_read();
    return cluster;
  }
  cluster.links_ = list_links(cluster.groups_, *graphs);
  graphs->cuts.resize(1);
  cluster.graphs_ = graphs;
  if (reader.has("degradation")) cluster.degrade(degradation);
  return cluster;
}

void Cluster::degrade(Reader& list) {
  degradation_ = read_degradation(list, *this);
  for (const auto& [link, state] : degradation_.epochs.front().links) {
    Link& degraded = links_[index(link)];
    if (state.share > 0) degraded.bandwidth *= state.share;
    degraded.latency += state.latency;
  }
  const auto graphs = std::make_shared<Graphs>(*graphs_);
  graphs->cuts = cut_graphs(groups_, *graphs, degradation_);
  graphs_ = graphs;
}

}  // namespace rehearse
