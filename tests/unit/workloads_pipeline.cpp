// Pipeline schedules: every row for many shapes. Each pass once, no deadlock, few micro batches in flight, refusals.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "tests/support/relative.hpp"
#include "workloads/pipeline/schedule.hpp"

using namespace rehearse;

namespace {

using Order = std::vector<std::vector<Pass>>;  // by stage

Plan plan_of(std::string_view schedule, std::int64_t p, std::int64_t m, std::int64_t v) {
  Plan plan;
  plan.schedule = schedule;
  plan.pipeline = p;
  plan.global_batch = m;
  plan.virtual_stages = v;
  return plan;
}

Order order_of(const PipelineRow& row, const Plan& plan) {
  Order order;
  for (std::int64_t stage = 0; stage < plan.pipeline; ++stage) order.push_back(row.order(plan, stage));
  return order;
}

/// Calls `test(row, plan)` for every row and every shape that it can run.
template <class Test>
void for_each_shape(Test test) {
  for (const PipelineRow& row : pipeline_table())
    for (std::int64_t p : {1, 2, 3, 4, 5, 8})
      for (std::int64_t m : {1, 2, 3, 4, 5, 6, 8, 9, 16, 24, 40})
        for (std::int64_t v : {1, 2, 3, 4}) {
          const Plan plan = plan_of(row.name, p, m, v);
          if (!row.check(plan).empty()) continue;
          CAPTURE(row.name);
          CAPTURE(p);
          CAPTURE(m);
          CAPTURE(v);
          test(row, plan);
        }
}

/// What a pass waits for: (phase, micro batch, model chunk) of the one before; none: the first.
using Done = std::map<std::tuple<Phase, std::int32_t, std::int64_t>, std::int64_t>;  // -> when it ended

bool ready(const Done& done, const Pass& pass, std::int64_t chunk, std::int64_t chunks, std::int64_t now) {
  const auto ended = [&](Phase phase, std::int64_t c) {
    const auto found = done.find({phase, pass.micro_batch, c});
    return found != done.end() && found->second <= now;
  };
  if (pass.phase == Phase::forward) return chunk == 0 || ended(Phase::forward, chunk - 1);
  return ended(Phase::forward, chunk) && (chunk + 1 == chunks || ended(Phase::backward, chunk + 1));
}

/// Runs the order with passes that take one unit; the time, or -1 where it stands still before the end.
std::int64_t unit_time(const Order& order, const Plan& plan) {
  Done done;
  std::vector<std::size_t> next(order.size(), 0);
  for (std::int64_t now = 0;; ++now) {
    bool any = false, left = false;
    for (std::size_t s = 0; s < order.size(); ++s) {
      if (next[s] == order[s].size()) continue;
      left = true;
      const Pass& pass = order[s][next[s]];
      const std::int64_t chunk = pass.chunk * plan.pipeline + static_cast<std::int64_t>(s);
      if (!ready(done, pass, chunk, plan.chunks(), now)) continue;
      done[{pass.phase, pass.micro_batch, chunk}] = now + 1;
      ++next[s];
      any = true;
    }
    if (!left) return now;
    if (!any) return -1;
  }
}

/// Most chunk passes that a stage has begun forward and not yet ended backward.
std::int64_t most_in_flight(const std::vector<Pass>& passes) {
  std::int64_t now = 0, most = 0;
  for (const Pass& pass : passes) most = std::max(most, now += pass.phase == Phase::forward ? 1 : -1);
  return most;
}

}  // namespace

TEST_CASE("pipeline: every pass stands once in the order of its stage, the backward after the forward") {
  for_each_shape([](const PipelineRow& row, const Plan& plan) {
    for (const auto& passes : order_of(row, plan)) {
      CHECK(passes.size() == static_cast<std::size_t>(2 * plan.micro_batches() * plan.virtual_stages));
      std::map<std::pair<std::int32_t, std::int32_t>, std::vector<Phase>> seen;
      for (const Pass& pass : passes) seen[{pass.micro_batch, pass.chunk}].push_back(pass.phase);
      CHECK(seen.size() == static_cast<std::size_t>(plan.micro_batches() * plan.virtual_stages));
      for (const auto& [key, phases] : seen) {
        CHECK((key.first >= 0 && key.first < plan.micro_batches() && key.second >= 0 &&
               key.second < plan.virtual_stages));
        CHECK(phases == std::vector{Phase::forward, Phase::backward});
      }
    }
  });
}

TEST_CASE("pipeline: no order stands still, and with unit passes the bubble has its closed form") {
  for_each_shape([](const PipelineRow& row, const Plan& plan) {
    // Narayanan et al. 2021, Section 2.2: m v forward and backward passes, and p - 1 of each that a stage waits.
    CHECK(unit_time(order_of(row, plan), plan) == 2 * (plan.micro_batches() * plan.virtual_stages + plan.pipeline - 1));
  });
}

TEST_CASE("pipeline: the check by unit passes finds an order that stands still") {
  const Plan plan = plan_of("gpipe", 2, 1, 1);
  const Pass forward{Phase::forward, 0, 0}, backward{Phase::backward, 0, 0};
  CHECK(unit_time({{forward, backward}, {forward, backward}}, plan) == 4);
  CHECK(unit_time({{forward, backward}, {backward, forward}}, plan) == -1);
}

TEST_CASE("pipeline: micro batches in flight") {
  for_each_shape([](const PipelineRow& row, const Plan& plan) {
    const std::int64_t m = plan.micro_batches(), p = plan.pipeline, v = plan.virtual_stages;
    for (std::int64_t stage = 0; stage < p; ++stage) {
      const std::int64_t most = most_in_flight(row.order(plan, stage));
      if (row.name == "gpipe") CHECK(most == m);
      if (row.name == "1f1b") CHECK(most == std::min(m, p - stage));
      // Megatron-LM's warm-up, and the one that is under way in the steady state; with m = p all is warm-up.
      const std::int64_t depth = 2 * (p - stage - 1) + (v - 1) * p + 1;
      if (row.name == "interleaved") CHECK(most == (m == p ? m * v : std::min(m * v, depth)));
    }
  });
}

TEST_CASE("pipeline: the first stage's account of Korthikanti et al. 2022: L (1 + (p - 1) / (p v)) layers' worth") {
  const PipelineRow& row = *pipeline_table().find("interleaved");
  for (std::int64_t p : {2, 4, 8})
    for (std::int64_t v : {2, 3, 4}) {
      const std::int64_t in_flight = most_in_flight(row.order(plan_of("interleaved", p, 8 * p, v), 0));
      CHECK(static_cast<double>(in_flight) / static_cast<double>(p * v) ==
            testing::relative(1 + static_cast<double>(p - 1) / static_cast<double>(p * v), 1e-12));
    }
}

TEST_CASE("pipeline: refusals") {
  const auto refused = [](std::string_view schedule, std::int64_t p, std::int64_t m, std::int64_t v) {
    const std::vector<std::string> reasons = pipeline_table().find(schedule)->check(plan_of(schedule, p, m, v));
    return reasons.empty() ? std::string() : reasons.front();
  };
  CHECK(refused("1f1b", 4, 8, 1).empty());
  CHECK(refused("1f1b", 4, 8, 2).find("virtual_stages 2 needs `schedule: interleaved`") != std::string::npos);
  CHECK(refused("gpipe", 4, 8, 3).find("gpipe has one chunk a stage") != std::string::npos);
  CHECK(refused("interleaved", 4, 8, 2).empty());
  CHECK(refused("interleaved", 4, 6, 2).find("micro batches (6) that divide by pipeline (4)") != std::string::npos);
  CHECK(refused("interleaved", 1, 6, 2).find("needs pipeline of at least 2") != std::string::npos);
}

TEST_CASE("pipeline: a plan that does not divide is refused by key") {
  Model model{
      .layers = 12, .hidden = 64, .heads = 4, .kv_heads = 4, .head_dim = 16, .ffn = 256, .vocab = 100, .seq_len = 30};
  const auto keys = [&](const Plan& plan, std::int64_t gpus) {
    std::vector<std::string> out;
    for (const PlanFault& fault : check_plan(model, plan, gpus)) out.push_back(fault.key_path);
    return out;
  };
  Plan plan = plan_of("1f1b", 3, 8, 1);
  using Keys = std::vector<std::string>;
  CHECK(keys(plan, 3).empty());
  CHECK(keys(plan, 4) == Keys{"plan.data"});
  plan.pipeline = 5;
  CHECK(keys(plan, 5) == Keys{"plan.pipeline"});
  plan = plan_of("interleaved", 2, 8, 4);  // 12 layers, 8 chunks
  CHECK(keys(plan, 2) == Keys{"plan.pipeline"});
  plan = plan_of("1f1b", 1, 8, 1);
  plan.data = 3;
  CHECK(keys(plan, 3) == Keys{"plan.global_batch"});
  plan.data = 1;
  plan.tensor = 8;  // neither 4 heads nor 4 KV heads are split over 8, and fewer KV heads than ranks are copied
  CHECK(keys(plan, 8) == Keys{"plan.tensor"});
  plan.tensor = 4;
  plan.sequence_parallel = true;  // 30 tokens
  CHECK(keys(plan, 4) == Keys{"plan.tensor"});
  model.seq_len = 32;
  model.kv_heads = 3, model.heads = 12;  // 12 heads divide by 3 KV heads; 3 over 4 ranks are copied
  CHECK(keys(plan, 4).empty());
  model.kv_heads = 6;
  CHECK(keys(plan, 4) == Keys{"plan.tensor"});
}
