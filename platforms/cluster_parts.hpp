// What the files of Cluster share.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/schedule.hpp"
#include "platforms/catalogue.hpp"
#include "platforms/cluster.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

/// A node type with the GPU and the in-node network that its YAML describes.
struct NodeParts {
  Node node;
  Device device;
  Topology inside;  ///< endpoints are the GPUs; empty where there is no interconnect
};

/// The topologies of a cluster, and where their links stand in its list: node by node (the in-node topology's, then
/// PCIe up and down of each GPU, then the memory of its CPUs), then the fabric's, in the order of their topologies. So
/// a route is the topologies' links, shifted.
struct Cluster::Graphs {
  struct Inside {
    Topology topology;        ///< endpoints are the GPUs
    bool one_switch = false;  ///< that all GPUs hang on
    bool pcie = false, host = false;
    std::uint32_t first_pcie = 0;  ///< within a node's links
    std::uint32_t links_per_node = 0;
    std::uint32_t first_link = 0;  ///< of the first node of the group
  };
  /// Where links are down; null: none of them.
  struct Cut {
    std::shared_ptr<const Topology> between;
    std::map<std::uint32_t, std::shared_ptr<const Topology>> inside;  ///< by node
  };
  std::vector<Inside> inside;  ///< by group
  std::vector<Cut> cuts;       ///< by epoch of the degradation
  Topology between;            ///< of the NICs; empty for a single node
  std::uint32_t first_between = 0;
};

/// The node type whose NICs the fabric's links are made for.
const Node& fastest_nic(std::span<const NodeGroup> groups);

/// Where a link stands.
struct LinkPlace {
  const Topology* topology = nullptr;  ///< null: PCIe
  std::uint32_t first = 0;             ///< link of the cluster that is the topology's (or the node's PCIe's) first
  std::uint32_t node = no_index;       ///< no_index: the fabric
};
LinkPlace place_of(std::span<const NodeGroup> groups, const Cluster::Graphs& graphs, LinkId link);

/// The graphs in each epoch, with what is down in it.
std::vector<Cluster::Graphs::Cut> cut_graphs(std::span<const NodeGroup> groups, const Cluster::Graphs& graphs,
                                             const Degradation& degradation);

/// All links of the cluster, in their order; `graphs` learns where they stand.
std::vector<Link> list_links(std::span<const NodeGroup> groups, Cluster::Graphs& graphs);

/// Reads a node's mapping (no `base`); faults are noted.
NodeParts read_node(Reader& reader);

/// The entry resolved, with its `name` where it has none: that of the catalogue entry it is or is based on.
Value resolve_named(const std::string& catalogue, const Value& name_or_mapping, const std::string& key_path);

/// Read the part at `key` by `read(Reader&)`: a mapping that stands alone is read in place; a catalogue name or a
/// mapping with a `base` is resolved first, and its faults noted at `key`.
template <class Part>
Part read_entry(Reader& reader, std::string_view key, const std::string& catalogue, Part (*read)(Reader&)) {
  Reader here = reader.child(key, true);
  if (!reader.has(key)) return {};
  const Value& value = here.value();
  if (value.type == Value::Type::mapping && value.find("base") == nullptr) return read(here);
  here.mark_read();
  try {
    Value root;
    root[here.key_path()] = resolve_named(catalogue, value, here.key_path());
    Reader whole(std::move(root), std::string(key));
    Reader entry = whole.child(here.key_path());
    Part part = read(entry);
    whole.finish();
    return part;
  } catch (const InputError& error) {
    for (const Fault& fault : error.faults()) {
      const bool same = fault.file == value.file && fault.line == value.line && fault.key_path == here.key_path();
      reader.fault(key, same ? fault.message : fault.to_string());
    }
    return {};
  }
}

}  // namespace rehearse
