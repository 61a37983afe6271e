// The memory that carrying out a pattern takes, and that a machine has left.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "tests/support/made_patterns.hpp"
#include "workloads/collectives/collective.hpp"
#include "workloads/execution/execute.hpp"
#include "workloads/execution/machine_memory.hpp"

namespace rehearse {
namespace {

constexpr std::int64_t mib = std::int64_t{1} << 20;

constexpr std::int64_t bytes(std::int64_t positions, std::int64_t elements) { return positions * elements * 4; }

std::int64_t ring_memory(std::int64_t elements, std::uint32_t positions) {
  const Pattern ring = build_collective(*collective_table(CollectiveOp::all_reduce).find("ring"), 4, elements);
  return execution_memory(ring, positions).value();
}

TEST_CASE("execution memory: of a ring, each buffer and a chunk out and a chunk in") {
  const std::int64_t lists = ring_memory(0, 4);
  CHECK(lists > 0);
  CHECK(lists < 4 * 12 * 128);  // 6 messages out, 6 in
  CHECK(ring_memory(1000, 4) == lists + bytes(4, 1000 + 250 + 250));
  CHECK(ring_memory(1000, 2) == lists / 2 + bytes(2, 1000 + 250 + 250));
  CHECK(ring_memory(1000, 0) == 0);
}

TEST_CASE("execution memory: all messages of one step are in flight together") {
  const std::int64_t lists = execution_memory(made_exchange(8, 0), 8).value();
  CHECK(execution_memory(made_exchange(8, 100), 8).value() == lists + bytes(8, 100 + 7 * 100 + 100));
}

TEST_CASE("execution memory: of some positions it is the largest that count") {
  const auto only = [](std::uint32_t positions, std::int64_t elements) {
    return execution_memory(made_with_switches(4, elements), positions).value();
  };
  // A switch sends half of the elements to 4 ranks in a step, a rank as much to 2 switches.
  CHECK(only(1, 100) - only(1, 0) == bytes(1, 100 + 4 * 50 + 50));
  CHECK(only(6, 100) - only(6, 0) == bytes(2, 100 + 4 * 50 + 50) + bytes(4, 100 + 2 * 50 + 50));
}

/// A folder that stands for the root of a file system.
class MadeMachine {
 public:
  MadeMachine()
      : root_(std::filesystem::temp_directory_path() / ("rehearse-execution-memory." + std::to_string(getpid()))) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  ~MadeMachine() { std::filesystem::remove_all(root_); }
  MadeMachine(const MadeMachine&) = delete;
  MadeMachine& operator=(const MadeMachine&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  [[nodiscard]] std::int64_t available() const { return available_memory_below(root_).value(); }

 private:
  std::filesystem::path root_;
};

TEST_CASE("available memory: unknown is unlimited") {
  CHECK(MadeMachine().available() == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("available memory: of the machine") {
  const MadeMachine machine;
  machine.write("proc/meminfo", "MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:    2048 kB\nCached: 1 kB\n");
  CHECK(machine.available() == 2 * mib);
}

TEST_CASE("available memory: of control groups, version 2, and those around them") {
  const MadeMachine machine;
  machine.write("proc/meminfo", "MemAvailable: 8192 kB\n");
  machine.write("proc/self/cgroup", "0::/outer/inner\n");
  machine.write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  machine.write("sys/fs/cgroup/outer/inner/memory.current", "1048576\n");
  CHECK(machine.available() == 8 * mib);
  machine.write("sys/fs/cgroup/outer/memory.max", "4194304\n");
  machine.write("sys/fs/cgroup/outer/memory.current", "3145728\n");
  CHECK(machine.available() == 1 * mib);
  machine.write("sys/fs/cgroup/outer/memory.stat", "anon 12\ninactive_file 1048576\nactive_file 5\n");
  CHECK(machine.available() == 2 * mib);
  machine.write("sys/fs/cgroup/outer/memory.current", "9999999\n");
  CHECK(machine.available() == 0);
}

TEST_CASE("available memory: of control groups, version 1, also where the group's own folder is not in sight") {
  const MadeMachine machine;
  machine.write("proc/meminfo", "MemAvailable: 8192 kB\n");
  machine.write("proc/self/cgroup", "7:cpu,cpuacct:/made\n4:memory:/made\nnonsense\n0::/\n");
  machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "3145728\n");
  machine.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1048576\n");
  CHECK(machine.available() == 2 * mib);
  machine.write("sys/fs/cgroup/memory/made/memory.limit_in_bytes", "1048576\n");
  CHECK(machine.available() == 1 * mib);
  machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  machine.write("sys/fs/cgroup/memory/made/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(machine.available() == 8 * mib);
}

TEST_CASE("available memory: this machine has some") { CHECK(available_memory() > Bytes(mib)); }

}  // namespace
}  // namespace rehearse
