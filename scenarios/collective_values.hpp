// Sizes, numbers of ranks and clusters as `rehearse collective` takes them. Private to scenarios.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/units.hpp"

namespace rehearse {

/// The most bytes that a collective may be asked for: no sum over the messages of any algorithm wraps round.
inline constexpr std::int64_t most_collective_bytes = std::int64_t{1} << 60;

// "FIRST" or "FIRST:LAST", from first to last. Throw std::invalid_argument that says what was expected.
std::vector<Bytes> parse_sizes(std::string_view text, std::int64_t step_factor);
std::vector<std::uint32_t> parse_ranks(std::string_view text);
/// "1024", "1 MiB", "128M".
Bytes parse_size(std::string_view text);

/// The cluster as a mapping, with node and device resolved, the settings laid over it, and enough nodes for `gpus`
/// where it does not say how many. Faults are appended; a null where there is nothing to read.
Value resolve_collective_cluster(const Value& asked, const std::vector<std::string>& settings, std::uint32_t gpus,
                                 std::vector<Fault>& faults);

}  // namespace rehearse
