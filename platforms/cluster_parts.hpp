// What the files of Cluster share.
#pragma once

#include <string>
#include <string_view>

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
