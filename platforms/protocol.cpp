#include "platforms/protocol.hpp"

namespace rehearse {

std::string_view protocol_name(Protocol protocol) {
  constexpr std::array<std::string_view, all_protocols.size()> names{"none", "ll", "ll128", "simple"};
  return names[static_cast<std::size_t>(protocol)];
}

double wire_overhead(Protocol protocol) {
  if (protocol == Protocol::ll) return 2.0;
  if (protocol == Protocol::ll128) return 16.0 / 15.0;
  return 1.0;
}

}  // namespace rehearse
