// The account of a GPU's memory: a role's program as a stream of blocks, allocators, buffers, the moment of the most.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "tests/support/cluster_text.hpp"
#include "tests/support/plan_job.hpp"
#include "tests/support/relative.hpp"
#include "workloads/memory/account.hpp"
#include "workloads/memory/role_stream.hpp"
#include "workloads/memory/segment_changes.hpp"

using namespace rehearse;

namespace {

constexpr std::int64_t mib = 1 << 20;

/// A cluster of one node; overheads as given.
Cluster node_of(std::int64_t gpus, const std::string& capacity = "80 GiB") {
  return testing::cluster_of(fmt::format(
      "{{node: {{gpus: {}, device: {{base: a100-80gb-sxm, memory: {{capacity: {}}}, allocation: {{context: 300 MiB, "
      "malloc: 10 us, free: 20 us}}}}, interconnect: {{bandwidth: 300 GB/s, latency: 1 us}}, collectives: {{buffer: "
      "100 "
      "MiB}}}}, nodes: 1}}",
      gpus, capacity));
}

struct Built {
  explicit Built(const Plan& plan, const std::string& capacity = "80 GiB")
      : cluster(node_of(plan.gpus(), capacity)), job(testing::job_of(plan)) {
    job.model.layers = 8, job.model.hidden = 512, job.model.heads = job.model.kv_heads = 8, job.model.head_dim = 64;
    job.model.ffn = 2048, job.model.vocab = 1024, job.model.seq_len = 256;
    layout.emplace(std::span<const Job>(&job, 1), cluster);
    program = build_program(std::span<const Job>(&job, 1), *layout, cluster, {});
  }
  [[nodiscard]] StageMemory memory(std::uint32_t role) const {
    return stage_memory(job, program, layout->roles()[role], role, cluster.groups()[0]);
  }

  Cluster cluster;
  Job job;
  std::optional<JobLayout> layout;
  Program program;
};

Plan plan_of(std::string_view schedule) {
  Plan plan;
  plan.schedule = schedule;
  plan.pipeline = 4, plan.global_batch = 8;
  plan.virtual_stages = pipeline_table().find(schedule)->default_chunks;
  return plan;
}

std::vector<MemoryEvent> events_of(const Program& program, std::uint32_t role,
                                   std::vector<std::int32_t>& micro_batches) {
  std::vector<MemoryEvent> out;
  for (const Instruction& i : program.roles[role]) {
    const std::size_t before = out.size();
    if (i.type == Instruction::Type::memory) out.push_back(program.memory[i.index]);
    if (i.type == Instruction::Type::compute)
      out.insert(out.end(), program.segments[i.index].memory.begin(), program.segments[i.index].memory.end());
    micro_batches.insert(micro_batches.end(), out.size() - before, i.tags.micro_batch);
  }
  return out;
}

/// The most that is in use beside what is fixed, by a plain sum.
Bytes most_by_sum(const Program& program, std::uint32_t role) {
  std::vector<std::int32_t> micro_batches;
  Bytes now, most;
  for (const MemoryEvent& event : events_of(program, role, micro_batches)) most = std::max(most, now += event.bytes);
  return most;
}

}  // namespace

TEST_CASE("account: every schedule, every allocator") {
  for (const PipelineRow& row : pipeline_table()) {
    Plan plan = plan_of(row.name);
    if (!row.check(plan.shape()).empty()) continue;
    CAPTURE(row.name);
    for (const AllocatorRow& allocator : allocator_table()) {
      CAPTURE(allocator.name);
      plan.allocator = allocator.name;
      const Built built(plan);
      for (std::uint32_t r = 0; r < 4; ++r) {
        const StageMemory memory = built.memory(r);
        CHECK(memory.in_use() - memory.fixed() == most_by_sum(built.program, r));
        CHECK(memory.fragmentation >= Bytes(0));
        CHECK((allocator.name != "ideal" || memory.fragmentation == Bytes(0)));
        CHECK(memory.framework == Bytes(300 * mib));
        CHECK(memory.peak() >= memory.in_use() + memory.framework + memory.communication);
        REQUIRE(memory.largest.size() == StageMemory::most_largest);
        for (std::size_t i = 1; i < memory.largest.size(); ++i)
          CHECK(memory.largest[i].bytes <= memory.largest[i - 1].bytes);
        CHECK(memory.at.micro_batch >= 0);
      }
    }
  }
}

TEST_CASE("account: a steady iteration of the caching allocator calls the device never, of `device` for each block") {
  Plan plan = plan_of("1f1b");
  CHECK(Built(plan).memory(1).calls == DeviceCalls{});
  plan.allocator = "device";
  const Built built(plan);
  std::vector<std::int32_t> micro_batches;
  std::int64_t made = 0;
  for (const MemoryEvent& event : events_of(built.program, 1, micro_batches)) made += event.bytes > Bytes(0) ? 1 : 0;
  CHECK(built.memory(1).calls == DeviceCalls{made, made, 0});
}

TEST_CASE("account: calls to the device lengthen a program by what they take") {
  const auto seconds = [](const Program& program, std::uint32_t role) {
    double sum = 0;
    for (const Instruction& i : program.roles[role]) {
      if (i.type != Instruction::Type::compute) continue;
      const Segment& segment = program.segments[i.index];
      double parts = 0;
      for (const SegmentPart& part : segment.parts) parts += part.duration.value();
      CHECK(parts == testing::relative(segment.duration.value(), 1e-12));
      sum += segment.duration.value();
    }
    return sum;
  };
  Plan plan = plan_of("zero_bubble_h1");
  const Built cached(plan);
  plan.allocator = "device";
  const Built uncached(plan);
  for (std::uint32_t r = 0; r < 4; ++r) {
    const auto calls = static_cast<double>(uncached.memory(r).calls.mallocs);
    const double longer = seconds(uncached.program, r) - seconds(cached.program, r);
    CHECK(longer == testing::relative(calls * (10e-6 + 20e-6), 1e-9));
  }
}

TEST_CASE("account: a buffer for each kind of group that a role communicates in") {
  const auto buffers = [](std::int64_t tensor, std::int64_t pipeline, std::int64_t data) {
    Plan plan;
    plan.tensor = tensor, plan.pipeline = pipeline, plan.data = data;
    plan.global_batch = 4 * data, plan.clip_gradients = false;
    return Built(plan).memory(0).communication.value() / (100 * mib);
  };
  CHECK(buffers(1, 1, 1) == 0);
  CHECK(buffers(2, 1, 1) == 1);
  CHECK(buffers(1, 1, 2) == 1);
  CHECK(buffers(1, 2, 1) == 2);  // messages; the tied embedding
  CHECK(buffers(2, 2, 2) == 4);
}

TEST_CASE("account: where a cache is more than the device has, it counts as far as it must be kept") {
  const auto account = [](const std::string& capacity) {
    Built built(plan_of("1f1b"), capacity);
    built.program.blocks = {{"first", 0, MemoryUse::workspace}, {"second", 0, MemoryUse::workspace}};
    built.program.memory = {
        {0, 0, Bytes(300 * mib)}, {0, 0, Bytes(-300 * mib)}, {0, 1, Bytes(400 * mib)}, {0, 1, Bytes(-400 * mib)}};
    built.program.roles[1].clear();
    for (std::uint32_t i = 0; i < 4; ++i)
      built.program.roles[1].push_back({.type = Instruction::Type::memory, .index = i});
    return built.memory(1);
  };
  const StageMemory roomy = account("80 GiB");
  CHECK(roomy.of(MemoryUse::workspace) == Bytes(400 * mib));
  CHECK(roomy.fragmentation >= Bytes(300 * mib));  // the first block's segment is of no use to the second
  CHECK(roomy.calls == DeviceCalls{});
  const Bytes less = roomy.peak() - Bytes(100 * mib);
  const StageMemory tight = account(fmt::format("{} B", less.value()));
  CHECK(tight.peak() == roomy.peak() - Bytes(300 * mib));
  CHECK(tight.calls == DeviceCalls{});  // in the first iteration; from then on both have the second block's segment
  const StageMemory none = account(fmt::format("{} B", (tight.peak() - Bytes(1)).value()));
  CHECK(none.peak() == roomy.peak());
}

TEST_CASE("account: the most is in use where the last layer's backward pass begins, of all micro batches under way") {
  Plan plan = plan_of("1f1b");
  plan.pipeline = 1, plan.global_batch = 1;
  const StageMemory memory = Built(plan).memory(0);
  CHECK(memory.at.kind == Kind::backward);
  CHECK(memory.at.micro_batch == 0);
  CHECK(memory.of(MemoryUse::activations) > Bytes(0));
  CHECK(memory.largest.front().block.use == MemoryUse::activations);
}

TEST_CASE("account: a program that loses count of a block is a fault of the program") {
  Program program;
  program.blocks = {{"block", 0, MemoryUse::workspace}};
  const auto stream = [&](const std::vector<std::int64_t>& bytes) {
    program.memory.clear();
    program.roles = {{}};
    for (const std::int64_t b : bytes) {
      program.roles[0].push_back(
          {.type = Instruction::Type::memory, .index = static_cast<std::uint32_t>(program.memory.size())});
      program.memory.push_back({0, 0, Bytes(b)});
    }
    return RoleStream(program, program.roles[0], 0).events().size();
  };
  CHECK(stream({5, -5, 7, -7}) == 4);
  CHECK_THROWS_AS(stream({5, 5}), std::logic_error);
  CHECK_THROWS_AS(stream({-5}), std::logic_error);
  CHECK_THROWS_AS(stream({5, -4}), std::logic_error);
  CHECK_THROWS_AS(stream({5}), std::logic_error);
}

TEST_CASE("account: of a segment the highest point and the end are told") {
  Segment segment;
  segment.duration = Seconds(4);
  segment.parts = {{"a", Seconds(1), {}}, {"b", Seconds(3), {}}};
  const auto changes = [&](std::vector<MemoryEvent> events) {
    segment.memory = std::move(events);
    std::vector<std::pair<double, std::int64_t>> out;
    for (const SegmentChange& change : changes_in(segment)) out.emplace_back(change.share, change.bytes.value());
    return out;
  };
  using Changes = std::vector<std::pair<double, std::int64_t>>;
  CHECK(changes({}) == Changes{});
  CHECK(changes({{0, 0, Bytes(8)}, {1, 0, Bytes(2)}}) == Changes{{0.25, 10}});
  CHECK(changes({{0, 0, Bytes(8)}, {1, 1, Bytes(2)}, {2, 0, Bytes(-8)}}) == Changes{{0.25, 10}, {1, -8}});
  CHECK(changes({{1, 0, Bytes(-8)}, {2, 0, Bytes(3)}}) == Changes{{1, -5}});
  CHECK(changes({{0, 0, Bytes(8)}, {1, 0, Bytes(-8)}}) == Changes{{0, 8}, {0.25, -8}});
}
