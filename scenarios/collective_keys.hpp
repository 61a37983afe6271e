// Keys that a scenario's collectives and a job of collectives share.
#pragma once

#include <optional>
#include <string>

#include "engine/base/document.hpp"
#include "platforms/protocol.hpp"
#include "workloads/fidelity.hpp"

namespace rehearse {

/// What stands for "to be chosen".
inline constexpr const char* automatic_name = "auto";

/// The key `protocol`; none: auto.
std::optional<Protocol> read_protocol(Reader& reader);
std::string protocol_text(const std::optional<Protocol>& protocol);

/// The key `fidelity`; absent: auto.
Fidelity read_fidelity(Reader& reader);

}  // namespace rehearse
