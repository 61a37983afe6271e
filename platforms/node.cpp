// A node type from YAML: its sections one by one, and the network between its GPUs.
#include <algorithm>
#include <array>
#include <filesystem>

#include "platforms/cluster_parts.hpp"

namespace rehearse {
namespace {

// A share of a datasheet figure: above 0, at most 1.
double read_efficiency(Reader& section) {
  const double efficiency = section.get_positive<double>("efficiency", 1.0);
  if (efficiency <= 1.0) return efficiency;
  section.fault("efficiency",
                "expected at most 1, the whole of the bandwidth; found " + section.value().find("efficiency")->text);
  return 1.0;
}

Seconds read_latency(Reader& section) {
  const auto latency = section.get<Seconds>("latency");
  if (latency < Seconds(0))
    section.fault("latency", "expected zero or more, found '" + section.value().find("latency")->text + "'");
  return latency;
}

void read_origin(Reader& section, const std::string& name, Node& node) {
  const std::string origin = section.get<std::string>("origin", "");
  if (!origin.empty()) node.origins[name] = origin;
}

void read_pcie(Reader& reader, Node& node) {
  Reader pcie = reader.child("pcie");
  if (!reader.has("pcie")) return;
  node.pcie_bandwidth = pcie.get_positive<BytesPerSecond>("bandwidth");
  node.pcie_efficiency = read_efficiency(pcie);
  node.pcie_latency = read_latency(pcie);
  read_origin(pcie, "pcie", node);
}

void read_host(Reader& reader, Node& node) {
  Reader host = reader.child("host");
  if (!reader.has("host")) return;
  node.host_memory = host.get_positive<Bytes>("memory");
  node.host_bandwidth = host.get_positive<BytesPerSecond>("bandwidth");
  node.host_efficiency = read_efficiency(host);
  read_origin(host, "host", node);
}

// What the communication library's messages cost.
ProtocolCost read_protocol_cost(Reader& protocol) {
  return {.latency = read_latency(protocol), .efficiency = read_efficiency(protocol)};
}

constexpr std::array<Protocol, 3> written_protocols{Protocol::ll, Protocol::ll128, Protocol::simple};

// Of each protocol of the section, after those of `collectives` have been read.
void read_nic_protocols(Reader& nic, Node& node) {
  Reader section = nic.child("protocols");
  for (const Protocol protocol : written_protocols) {
    Reader here = section.child(protocol_name(protocol));
    if (!section.has(protocol_name(protocol))) continue;  // null: what a base has is not there
    const ProtocolCost cost = read_protocol_cost(here);
    const auto known = node.protocols.find(protocol);
    if (known == node.protocols.end())
      here.fault("collectives.protocols of the node has no " + std::string(protocol_name(protocol)));
    else
      known->second.between = cost;
  }
}

void read_computing_switch(Reader& collectives, Node& node) {
  Reader section = collectives.child("in_switch");
  if (!collectives.has("in_switch")) return;
  node.computing_switch = SwitchProfile{.bandwidth = section.get_positive<BytesPerSecond>("bandwidth"),
                                        .start = section.get<Seconds>("start")};
  if (node.computing_switch->start < Seconds(0)) section.fault("start", "expected zero or more");
  read_origin(section, "in_switch", node);
}

// Fewer than the device has: kernels go on beside a collective.
void read_multiprocessors(Reader& collectives, const Device& device, Node& node) {
  node.collective_multiprocessors = collectives.get_at_least("multiprocessors", 0, 0);
  if (node.collective_multiprocessors == 0 || node.collective_multiprocessors < device.multiprocessors) return;
  collectives.fault("multiprocessors", "expected fewer than the " + std::to_string(device.multiprocessors) +
                                           " of the device, found " + std::to_string(node.collective_multiprocessors));
}

void read_collectives(Reader& reader, const Device& device, Node& node) {
  Reader collectives = reader.child("collectives");
  node.collective_launch = collectives.get<Seconds>("launch", Seconds(0));
  if (node.collective_launch < Seconds(0)) collectives.fault("launch", "expected zero or more");
  if (collectives.has("copy")) node.collective_copy = collectives.get_positive<BytesPerSecond>("copy");
  node.collective_buffer = collectives.get<Bytes>("buffer", Bytes(0));
  if (node.collective_buffer < Bytes(0)) collectives.fault("buffer", "expected zero or more");
  read_multiprocessors(collectives, device, node);
  Reader section = collectives.child("protocols");
  for (const Protocol protocol : written_protocols) {
    Reader here = section.child(protocol_name(protocol));
    if (!section.has(protocol_name(protocol))) continue;  // null: what a base has is not there
    ProtocolProfile& profile = node.protocols[protocol];
    profile.start = here.get<Seconds>("start");
    if (profile.start < Seconds(0)) here.fault("start", "expected zero or more");
    profile.chunk = here.get_positive<Bytes>("chunk");
    profile.inside = read_protocol_cost(here);
  }
  read_computing_switch(collectives, node);
  read_origin(collectives, "collectives", node);
}

void read_nic(Reader& reader, Node& node) {
  Reader nic = reader.child("nic");
  if (!reader.has("nic")) return;
  const std::int64_t count = nic.get_at_least("count", 0);
  if (node.gpus > 0 && count > node.gpus)
    nic.fault("count", "expected at most one for each of the " + std::to_string(node.gpus) + " GPUs, found " +
                           std::to_string(count) + "; where GPUs have several, write one of their joint bandwidth");
  node.nics = static_cast<std::uint32_t>(std::min<std::int64_t>(count, node.gpus));
  read_origin(nic, "nic", node);
  if (count == 0) return nic.mark_read();
  node.nic_bandwidth = nic.get_positive<BytesPerSecond>("bandwidth");
  node.nic_efficiency = read_efficiency(nic);
  node.nic_latency = read_latency(nic);
  read_nic_protocols(nic, node);
}

Topology read_interconnect(Reader& reader, Node& node) {
  Reader section = reader.child("interconnect");
  if (!reader.has("interconnect")) {
    if (node.gpus > 1 && !reader.has("pcie"))
      reader.fault("interconnect",
                   "missing; " + std::to_string(node.gpus) + " GPUs need links between them: an interconnect or pcie");
    return {};
  }
  node.gpu_bandwidth = section.get_positive<BytesPerSecond>("bandwidth");
  node.gpu_efficiency = read_efficiency(section);
  node.gpu_latency = read_latency(section);
  read_origin(section, "interconnect", node);
  if (node.gpus > 1)
    return build_topology({node.gpus, node.gpu_bandwidth, node.gpu_latency, 1, "gpu"}, section, "switch");
  section.mark_read();  // one GPU has nobody to talk to
  return {};
}

Value& set_text(Value& mapping, const std::string& key, const std::string& text) {
  Value& value = mapping[key];
  value.type = Value::Type::scalar;
  value.text = text;
  return value;
}

}  // namespace

Value resolve_named(const std::string& catalogue, const Value& name_or_mapping, const std::string& key_path) {
  Value entry = resolve_entry(catalogue, name_or_mapping, key_path);
  const Value* base = name_or_mapping.type == Value::Type::mapping ? name_or_mapping.find("base") : &name_or_mapping;
  if (base == nullptr || entry.find("name") != nullptr) return entry;
  const std::filesystem::path path(base->text);
  set_text(entry, "name", (path.extension() == ".yaml" ? path.stem() : path.filename()).string());
  return entry;
}

NodeParts read_node(Reader& reader) {
  constexpr std::int64_t most_gpus = 4096;
  NodeParts parts;
  Node& node = parts.node;
  node.name = reader.get<std::string>("name", "custom");
  node.description = reader.get<std::string>("description", "");
  // Zero after a fault, so that nothing below is held against a wrong number.
  const std::int64_t gpus = reader.get_at_least("gpus", 1, 0);
  if (!reader.has("gpus")) reader.fault("gpus", "missing; expected the number of GPUs");
  if (gpus > most_gpus) reader.fault("gpus", "expected at most " + std::to_string(most_gpus) + " in one node");
  node.gpus = static_cast<std::uint32_t>(std::min(gpus, most_gpus));
  parts.device = read_entry<Device>(reader, "device", "devices", read_device);
  node.device_name = parts.device.name;
  read_collectives(reader, parts.device, node);
  read_pcie(reader, node);
  read_host(reader, node);
  read_nic(reader, node);
  parts.inside = read_interconnect(reader, node);
  return parts;
}

}  // namespace rehearse
