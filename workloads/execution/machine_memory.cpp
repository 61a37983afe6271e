#include "workloads/execution/machine_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

namespace rehearse {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

/// The number behind `key` in a file of "key number ..." lines; `otherwise` where there is none.
std::int64_t keyed_number(const fs::path& file, const std::string& key, std::int64_t otherwise) {
  std::ifstream in(file);
  for (std::string word; in >> word; in.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    std::int64_t number = 0;
    if (word == key) return in >> number ? number : otherwise;
  }
  return otherwise;
}

/// The number that the file consists of; `otherwise` where there is none ("max").
std::int64_t number(const fs::path& file, std::int64_t otherwise) {
  std::ifstream in(file);
  std::int64_t number = 0;
  return in >> number ? number : otherwise;
}

/// What the files of a control group are called, by version.
struct GroupFiles {
  const char *limit, *usage, *reclaimable;
};
constexpr GroupFiles version_1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr GroupFiles version_2{"memory.max", "memory.current", "inactive_file"};

/// Of the group's folder. Cached files that nobody reads count as used, but give way.
std::int64_t left_in_group(const fs::path& group, const GroupFiles& files) {
  const std::int64_t limit = number(group / files.limit, unlimited);
  if (limit == unlimited) return unlimited;
  const std::int64_t used = number(group / files.usage, 0) - keyed_number(group / "memory.stat", files.reclaimable, 0);
  return std::max<std::int64_t>(0, limit - std::max<std::int64_t>(0, used));
}

/// A group's limit binds the groups within it; and in a container only the mount's own folder may be there.
std::int64_t left_in_groups(const fs::path& mount, std::string group, const GroupFiles& files) {
  std::int64_t left = left_in_group(mount, files);
  for (; group.size() > 1; group.resize(group.find_last_of('/')))
    left = std::min(left, left_in_group(mount / group.substr(1), files));
  return left;
}

std::int64_t left_by_control_groups(const fs::path& root) {
  std::int64_t left = unlimited;
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // ID:CONTROLLERS:PATH
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos || line.compare(second, 2, ":/") != 0) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") left = std::min(left, left_in_groups(root / "sys/fs/cgroup", path, version_2));
    if (controllers.find(",memory,") != std::string::npos)
      left = std::min(left, left_in_groups(root / "sys/fs/cgroup/memory", path, version_1));
  }
  return left;
}

}  // namespace

Bytes available_memory_below(const fs::path& root) {
  constexpr std::int64_t most_kib = unlimited / 1024;
  const std::int64_t kib = keyed_number(root / "proc/meminfo", "MemAvailable:", most_kib);
  const std::int64_t machine = kib < most_kib ? kib * 1024 : unlimited;
  return Bytes(std::min(machine, left_by_control_groups(root)));
}

}  // namespace rehearse
