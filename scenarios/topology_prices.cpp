#include "scenarios/topology_prices.hpp"

#include <algorithm>

#include "engine/base/table.hpp"

namespace rehearse {

namespace {

double read_price(Reader& prices, std::string_view key) {
  const auto price = prices.get<double>(key, 0.0);
  if (price >= 0) return price;
  prices.fault(key, "expected a price of zero or more, found " + prices.value().find(key)->text);
  return 0;
}

std::vector<std::string> kinds_of(const Topology& topology) {
  std::vector<std::string> kinds;
  for (const CableKind& kind : cable_kinds(topology))
    if (std::find(kinds.begin(), kinds.end(), kind.name) == kinds.end()) kinds.push_back(kind.name);
  return kinds;
}

void read_cables(Reader& prices, const std::vector<std::string>& kinds, TopologyPrices& out) {
  Reader cables = prices.child("cables");
  if (!prices.has("cables")) return;
  if (!cables.is_mapping()) {
    const double each = read_price(prices, "cables");
    for (const std::string& kind : kinds) out.of_cable[kind] = each;
    return;
  }
  for (const std::string& kind : cables.keys()) {
    const double price = read_price(cables, kind);
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
      cables.fault(kind, unknown_name("kind of cable", kind, kinds));
    else
      out.of_cable[kind] = price;
  }
}

}  // namespace

std::optional<TopologyPrices> read_prices(Reader& params, const Topology& topology) {
  Reader prices = params.child("prices");
  if (!params.has("prices")) return std::nullopt;
  TopologyPrices out;
  out.of_switch = read_price(prices, "switch");
  out.of_port = read_price(prices, "port");
  out.of_endpoint = read_price(prices, "endpoint");
  if (topology.endpoints.empty())
    prices.child("cables").mark_read();  // after a fault nobody knows what cables there are
  else
    read_cables(prices, kinds_of(topology), out);
  return out;
}

TopologyCost cost_of(const TopologyPrices& prices, const TopologySurvey& survey) {
  TopologyCost cost;
  cost.switches = prices.of_switch * survey.switches;
  cost.ports = prices.of_port * survey.switch_ports;
  cost.endpoints = prices.of_endpoint * survey.endpoints;
  for (const CableKind& kind : survey.kinds)
    if (const auto price = prices.of_cable.find(kind.name); price != prices.of_cable.end())
      cost.cables += price->second * kind.count;
  return cost;
}

}  // namespace rehearse
