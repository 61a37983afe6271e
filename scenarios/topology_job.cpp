#include "scenarios/topology_job.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "engine/base/table.hpp"
#include "platforms/catalogue.hpp"
#include "scenarios/collective_values.hpp"
#include "scenarios/topology_prices.hpp"

namespace rehearse {

namespace {

constexpr std::int64_t most_endpoints = 1 << 20;
constexpr BytesPerSecond default_port_bandwidth{400e9 / 8};
constexpr Seconds default_port_latency{500e-9};

enum class Subject { topology, cluster, scenario };

bool is_path(const std::string& name) { return name.find('/') != std::string::npos || name.ends_with(".yaml"); }

bool is_entry(const std::string& catalogue, const std::string& name) {
  std::error_code error;
  return !name.empty() && std::filesystem::is_regular_file(catalogue_folder(catalogue) / (name + ".yaml"), error);
}

Subject subject_of_file(const Value& root) {
  if (root.find("topology") != nullptr) return Subject::topology;
  for (const char* key : {"cluster", "jobs", "model", "plan"})
    if (root.find(key) != nullptr) return Subject::scenario;
  const Value* base = root.find("base");
  return base != nullptr && is_entry("scenarios", base->text) ? Subject::scenario : Subject::cluster;
}

Subject subject_of_name(const std::string& name) {
  if (topology_table().find(name) != nullptr) return Subject::topology;
  for (const char* catalogue : {"clusters", "nodes"})
    if (is_entry(catalogue, name)) return Subject::cluster;
  if (is_entry("scenarios", name)) return Subject::scenario;
  std::vector<std::string> names = topology_table().names();
  for (const char* catalogue : {"clusters", "nodes", "scenarios"})
    for (const CatalogueEntry& entry : list_catalogue(catalogue)) names.push_back(entry.name);
  throw InputError(unknown_name("topology, cluster, node type or scenario", name, names));
}

void apply_settings(Value& root, const std::vector<std::string>& settings, std::vector<Fault>& faults) {
  for (const std::string& setting : settings) try {
      apply_setting(root, setting);
    } catch (const InputError& error) {
      add_faults(faults, error);
    }
}

std::string text_at(const Value* mapping, std::string_view key, std::string_view fallback) {
  const Value* found = mapping == nullptr ? nullptr : mapping->find(key);
  return found == nullptr || found->text.empty() ? std::string(fallback) : found->text;
}

/// A part with the names of topology and routing that its mapping has in force.
TopologyPart part_of(std::string what, const Value* mapping, std::string_view fallback, Topology topology) {
  TopologyPart part{std::move(what), {}, text_at(mapping, "topology", fallback), {}, std::move(topology), {}};
  const TopologyRow* row = topology_table().find(part.name);
  const std::string& own = part.topology.default_routing;
  part.routing = text_at(mapping, "routing", row == nullptr ? "" : own.empty() ? row->routing : std::string_view(own));
  return part;
}

std::optional<TopologyPrices> read_fabric_prices(const Value* fabric, const Topology& topology) {
  const Value* prices = fabric == nullptr ? nullptr : fabric->find("prices");
  if (prices == nullptr) return std::nullopt;
  Value root;
  root["cluster"]["fabric"]["prices"] = *prices;
  Reader reader(std::move(root), "cluster");
  Reader params = reader.child("cluster").child("fabric");
  std::optional<TopologyPrices> out = read_prices(params, topology);
  reader.finish();
  return out;
}

/// The fabric with its NICs' names, and with ports that are no faster than their NICs.
TopologyPart fabric_part(const Cluster& cluster, const Value* params) {
  TopologyPart part = part_of("fabric", params, "fat_tree", *cluster.fabric());
  TopologyGraph& graph = part.topology.graph;
  std::map<std::size_t, BytesPerSecond> slower;  // NICs, by vertex
  for (const NodeGroup& group : cluster.groups())
    for (std::uint32_t nic = 0; nic < group.nodes * group.node.nics; ++nic) {
      const std::uint32_t vertex = part.topology.endpoints[group.first_nic + nic];
      graph[vertex].name = cluster.nic_name(group.first_nic + nic);
      if (cluster.groups().size() > 1) slower[vertex] = group.node.nic_bandwidth;
    }
  for (const TopologyEdge& edge : part.topology.edges)
    for (const auto vertex : {boost::source(edge, graph), boost::target(edge, graph)})
      if (const auto nic = slower.find(vertex); nic != slower.end())
        graph[edge].bandwidth = std::min(graph[edge].bandwidth, nic->second);
  part.prices = read_fabric_prices(params, part.topology);
  return part;
}

/// The mapping of a group's node.
const Value* node_mapping(const Value& cluster, std::size_t group) {
  const Value* groups = cluster.find("groups");
  return groups == nullptr ? cluster.find("node") : groups->items[group].find("node");
}

TopologyPart inside_part(const Cluster& cluster, const Value& mapping, std::size_t group) {
  const Value* node = node_mapping(mapping, group);
  TopologyPart part =
      part_of("node", node == nullptr ? nullptr : node->find("interconnect"), "switch", *cluster.inside(group));
  part.node = cluster.groups()[group].node.name;
  for (std::uint32_t e = 0; e < part.topology.endpoints.size(); ++e)
    part.topology.graph[part.topology.endpoints[e]].name = fmt::format("gpu{}", e);
  return part;
}

/// The fabric and the inside of the nodes of a cluster that is resolved.
TopologyJob job_of_cluster(Value mapping, std::vector<Fault> faults) {
  if (!faults.empty()) throw InputError(std::move(faults));
  TopologyJob job;
  job.resolved = mapping;
  Value root;
  root["cluster"] = std::move(mapping);
  Reader reader(std::move(root), "cluster");
  Reader here = reader.child("cluster");
  job.cluster = Cluster::read(here);
  reader.finish();
  const Cluster& cluster = *job.cluster;
  if (cluster.fabric() != nullptr) job.parts.push_back(fabric_part(cluster, job.resolved.find("fabric")));
  for (std::size_t g = 0; g < cluster.groups().size(); ++g)
    if (cluster.inside(g) != nullptr) job.parts.push_back(inside_part(cluster, job.resolved, g));
  const Node& first = cluster.groups().front().node;
  job.name = text_at(&job.resolved, "name", first.name);
  job.description = text_at(&job.resolved, "description", cluster.fabric() == nullptr ? first.description : "");
  return job;
}

TopologyJob job_of_scenario(const std::string& name, const std::vector<std::string>& settings) {
  Value root = resolve_entry("scenarios", load_entry("scenarios", name), "");
  std::vector<Fault> faults;
  if (root.find("cluster") == nullptr)
    throw InputError({{root.file, root.line, "cluster", "missing; expected a value"}});
  root["cluster"] = resolve_cluster(root["cluster"], "cluster");
  apply_settings(root, settings, faults);
  return job_of_cluster(resolve_cluster(root["cluster"], "cluster"), std::move(faults));
}

TopologyRequest read_request(Reader& reader) {
  TopologyRequest request;
  if (!reader.has("endpoints"))
    reader.fault("endpoints", "missing; expected their number, in the file or by --endpoints");
  const std::int64_t endpoints = reader.get_at_least("endpoints", 1, 1);
  if (endpoints > most_endpoints)
    reader.fault("endpoints", fmt::format("expected at most {}, found {}", most_endpoints, endpoints));
  request.endpoints = static_cast<std::uint32_t>(std::min(endpoints, most_endpoints));
  const std::int64_t each = reader.get_at_least("endpoints_per_node", 1, 1);
  if (each > endpoints)
    reader.fault("endpoints_per_node", fmt::format("expected at most the {} endpoints, found {}", endpoints, each));
  request.endpoints_per_node = static_cast<std::uint32_t>(std::min(each, endpoints));
  Reader port = reader.child("port");
  request.port_bandwidth = port.get_positive<BytesPerSecond>("bandwidth", default_port_bandwidth);
  request.port_latency = port.get<Seconds>("latency", default_port_latency);
  if (request.port_latency < Seconds(0)) port.fault("latency", "expected zero or more");
  return request;
}

TopologyJob job_of_topology(Value root, const std::string& endpoints, const std::vector<std::string>& settings) {
  std::vector<Fault> faults;
  if (!endpoints.empty()) {
    root["endpoints"] = scalar_value(endpoints);
    root["endpoints"].file = "--endpoints " + endpoints;
  }
  apply_settings(root, settings, faults);
  if (!faults.empty()) throw InputError(std::move(faults));
  TopologyJob job;
  job.resolved = root;
  Reader reader(std::move(root), "topology");
  job.description = reader.get<std::string>("description", "");
  const TopologyRequest request = read_request(reader);
  TopologyPart part =
      part_of("topology", &job.resolved, "", reader.any_fault() ? Topology{} : build_topology(request, reader));
  if (reader.any_fault()) reader.mark_read();  // what a wrong number of endpoints makes of the rest
  part.prices = read_prices(reader, part.topology);
  job.name = reader.get<std::string>("name", part.name);
  reader.finish();
  job.parts.push_back(std::move(part));
  return job;
}

}  // namespace

TopologyJob read_topology_job(const std::string& name, const std::string& endpoints,
                              const std::vector<std::string>& settings) {
  const bool path = is_path(name);
  Value root = path ? load_entry("clusters", name) : Value{};
  const Subject subject = path ? subject_of_file(root) : subject_of_name(name);
  if (subject == Subject::topology) {
    if (!path) root["topology"] = scalar_value(name);
    return job_of_topology(std::move(root), endpoints, settings);
  }
  if (!endpoints.empty())
    throw InputError("--endpoints is for a topology by itself; those of a cluster are its NICs (--set nodes=N)");
  if (subject == Subject::scenario) return job_of_scenario(name, settings);
  std::vector<Fault> faults;
  Value cluster = resolve_collective_cluster(scalar_value(name), settings, 0, faults);
  TopologyJob job = job_of_cluster(std::move(cluster), std::move(faults));
  if (job.resolved.find("name") == nullptr) job.name = std::filesystem::path(name).stem().string();
  return job;
}

TopologyResult run_topology_job(TopologyJob job) {
  const auto begin = std::chrono::steady_clock::now();
  TopologyResult result{std::move(job), {}, {}};
  for (const TopologyPart& part : result.job.parts) {
    TopologyPartResult done{survey(part.topology), {}};
    if (part.prices) done.cost = cost_of(*part.prices, done.survey);
    result.parts.push_back(std::move(done));
  }
  result.wall = Seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return result;
}

}  // namespace rehearse
