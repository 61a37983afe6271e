// The cables of a topology, and the links that go one way only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/topology.hpp"

namespace rehearse {

/// Whether the link is one direction of a cable: links 2c and 2c + 1 are cable c, one-way links stand behind all
/// cables.
bool is_cable(const Topology& topology, std::uint32_t link);

/// The first link of each cable, then the one-way links.
std::vector<std::uint32_t> cable_links(const Topology& topology);

/// Cables that are alike.
struct CableKind {
  std::string name;  ///< as cable_kind
  BytesPerSecond bandwidth;
  Seconds latency;
  std::uint32_t count = 0;
};

/// The class of a cable's links; "x+/x-" where the two directions have two; "port, one way" of a one-way link.
std::string cable_kind(const Topology& topology, std::uint32_t link);

/// In the order of their first cables.
std::vector<CableKind> cable_kinds(const Topology& topology);

}  // namespace rehearse
