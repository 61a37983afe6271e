// The memory that this machine has left. Private to workloads/execution and its tests.
#pragma once

#include <filesystem>

#include "engine/base/units.hpp"

namespace rehearse {

/// As available_memory(), read from proc/ and sys/fs/cgroup/ below `root`. The largest number of bytes if neither
/// tells.
Bytes available_memory_below(const std::filesystem::path& root);

}  // namespace rehearse
