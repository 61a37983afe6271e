#include "scenarios/collective_keys.hpp"

#include <algorithm>
#include <vector>

namespace rehearse {

std::optional<Protocol> read_protocol(Reader& reader) {
  std::vector<std::string> names{automatic_name};
  for (const Protocol protocol : all_protocols) names.emplace_back(protocol_name(protocol));
  const std::string name = reader.get_name("protocol", "protocol", names, automatic_name);
  const auto found = std::ranges::find(all_protocols, name, protocol_name);
  return found == all_protocols.end() ? std::nullopt : std::optional(*found);
}

std::string protocol_text(const std::optional<Protocol>& protocol) {
  return protocol ? std::string(protocol_name(*protocol)) : automatic_name;
}

Fidelity read_fidelity(Reader& reader) {
  const std::vector<std::string> names(fidelity_names.begin(), fidelity_names.end());
  const std::string name = reader.get_name("fidelity", "fidelity", names, automatic_name);
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? Fidelity::automatic : static_cast<Fidelity>(found - names.begin());
}

}  // namespace rehearse
