// Properties of programs over random plans of every kind: what one computes, sends, receives and keeps in memory.
#include <doctest/doctest.h>

#include <map>
#include <tuple>

#include <fmt/format.h>

#include "tests/support/cluster_text.hpp"
#include "tests/support/random_plans.hpp"
#include "tests/support/relative.hpp"
#include "workloads/program.hpp"

using namespace rehearse;

namespace {

constexpr int plans = 300;

struct Built {
  Job job;
  Program program;
  std::vector<double> workers;  ///< by role
};

Built build(std::uint64_t seed) {
  Built out{testing::RandomPlan(seed).job(), {}, {}};
  const Cluster cluster = testing::cluster_of(fmt::format(
      "{{node: {{gpus: {}, device: a100-80gb-sxm, interconnect: {{bandwidth: 300 GB/s, latency: 1 us}}}}, nodes: 1}}",
      out.job.gpus.size()));
  const std::vector<Job> jobs{out.job};
  const JobLayout layout(jobs, cluster);
  out.program = build_program(jobs, layout, cluster, {});
  out.workers.assign(layout.roles().size(), 0);
  for (std::uint32_t w = 0; w < layout.workers(); ++w) ++out.workers[layout.role_of(w)];
  return out;
}

std::string text_of(const Built& built) {
  return to_yaml(to_value(built.job.model)) + to_yaml(to_value(built.job.plan));
}

/// FLOPs of the products of all workers, but those that are made again.
double flops(const Built& built) {
  double sum = 0;
  for (std::size_t role = 0; role < built.program.roles.size(); ++role)
    for (const Instruction& i : built.program.roles[role])
      if (i.type == Instruction::Type::compute && built.program.segments[i.index].kind != Kind::recompute)
        sum += built.workers[role] * built.program.segments[i.index].flops.value();
  return sum;
}

/// Rows that are made to fill the last one of some experts.
bool pads_experts(const Job& job) {
  const Plan& plan = job.plan;
  const std::int64_t tokens = plan.micro_batch * job.model.seq_len / plan.context;
  const std::int64_t sent = tokens / (plan.sequence_parallel ? plan.tensor : 1) * job.model.experts.per_token;
  return job.model.experts.count > 0 && sent * plan.expert % job.model.experts.count != 0;
}

/// Products that several GPUs make alike: of KV heads that tensor ranks share, of routers and latent vectors that each
/// tensor rank has.
bool repeats_products(const Job& job) {
  const Plan& plan = job.plan;
  return plan.tensor > 1 && (job.model.kv_heads < plan.tensor || job.model.experts.count > 0 || job.model.is_latent());
}

}  // namespace

TEST_CASE("random plans: whatever the plan, all GPUs together make the model's products, each once") {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < plans; ++seed) {
    const Built built = build(seed);
    const Job& job = built.job;
    if (repeats_products(job) || pads_experts(job) || job.plan.attention == AttentionKind::flash) continue;
    CAPTURE(text_of(built));
    CHECK(flops(built) == testing::relative(model_flops(job.model, job.plan.global_batch).value(), 1e-9));
    ++compared;
  }
  CHECK(compared > plans / 6);
}

TEST_CASE("random plans: what is sent is received, once, by the stage that it is for") {
  for (std::uint64_t seed = 0; seed < plans; ++seed) {
    const Built built = build(seed);
    CAPTURE(text_of(built));
    std::map<std::tuple<std::uint32_t, std::size_t, std::size_t>, int> balance;  // message, from, to
    double sent = 0, received = 0;
    for (std::size_t role = 0; role < built.program.roles.size(); ++role)
      for (const Instruction& i : built.program.roles[role]) {
        const bool send = i.type == Instruction::Type::send;
        if (!send && i.type != Instruction::Type::receive) continue;
        const double bytes = built.workers[role] * static_cast<double>(built.program.messages[i.index].bytes.value());
        (send ? sent : received) += bytes;
        const std::size_t peer = i.peer;
        balance[send ? std::tuple(i.index, role, peer) : std::tuple(i.index, peer, role)] += send ? 1 : -1;
      }
    CHECK(sent == received);
    for (const auto& [message, difference] : balance) CHECK(difference == 0);
  }
}

TEST_CASE("random plans: memory is never negative, and an iteration gives back what it takes") {
  for (std::uint64_t seed = 0; seed < plans; ++seed) {
    const Built built = build(seed);
    CAPTURE(text_of(built));
    for (const auto& role : built.program.roles) {
      std::map<std::pair<std::uint32_t, std::int32_t>, std::int64_t> alive;  // bytes, by block and micro batch
      const auto step = [&](const MemoryEvent& event, std::int32_t micro_batch) {
        if (built.program.blocks[event.block].of_all) micro_batch = -1;
        std::int64_t& bytes = alive[{event.block, micro_batch}];
        bytes += event.bytes.value();
        if (bytes < 0 || (event.bytes > Bytes(0) && bytes != event.bytes.value()))
          FAIL_CHECK("twice there, or gone before it came: ", built.program.blocks[event.block].name);
        if (alive.at({event.block, micro_batch}) == 0) alive.erase({event.block, micro_batch});
      };
      for (const Instruction& i : role) {
        if (i.type == Instruction::Type::memory) step(built.program.memory[i.index], i.tags.micro_batch);
        if (i.type != Instruction::Type::compute) continue;
        for (const MemoryEvent& event : built.program.segments[i.index].memory) step(event, i.tags.micro_batch);
      }
      for (const auto& [block, bytes] : alive)
        FAIL_CHECK("still there: ", built.program.blocks[block.first].name, " ", bytes);
    }
  }
}

TEST_CASE("random plans: who waits for a collective has started it, and all in a group call for the same") {
  for (std::uint64_t seed = 0; seed < plans; ++seed) {
    const Built built = build(seed);
    CAPTURE(text_of(built));
    for (const auto& role : built.program.roles) {
      std::map<std::uint32_t, int> waits;  // by handle, since it was started
      for (const Instruction& i : role) {
        if (i.type == Instruction::Type::collective && built.program.calls[i.index].step.handle >= 0)
          waits[static_cast<std::uint32_t>(built.program.calls[i.index].step.handle)] = 0;
        if (i.type == Instruction::Type::wait && i.index != no_index) {
          REQUIRE(waits.contains(i.index));
          CHECK(++waits.at(i.index) == 1);
        }
      }
    }
  }
}
