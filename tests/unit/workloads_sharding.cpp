// Sharded parameters and gradients: what is gathered and reduced of each unit, when it is waited for, and what memory
// it takes; the published bytes of ZeRO.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "tests/support/relative.hpp"
#include "workloads/gradients.hpp"
#include "workloads/memory/account.hpp"
#include "workloads/sharding.hpp"

using namespace rehearse;

namespace {

Model model_of(bool tied) {
  Model m{.layers = 4, .hidden = 64, .heads = 4, .kv_heads = 4, .head_dim = 16, .ffn = 256, .vocab = 1024};
  m.seq_len = 32;
  m.tied_embeddings = tied;
  return m;
}

Plan plan_of(std::int64_t pipeline, std::int64_t prefetch) {
  Plan plan;
  plan.pipeline = pipeline, plan.data = 8, plan.global_batch = 64, plan.zero = 3, plan.prefetch = prefetch;
  plan.reduce_every_micro_batch = true;
  return plan;
}

Steps forward_of(const Model& m, const Plan& plan, std::int64_t chunk) {
  return with_sharded_units(forward_steps(m, plan, chunk), m, plan, chunk,
                            {.gathers = true, .frees = plan.reshard_after_forward, .reduces = false});
}
Steps backward_of(const Model& m, const Plan& plan, std::int64_t chunk, Phase phase = Phase::backward) {
  const bool computes = phase != Phase::backward_weight;
  return with_sharded_units(of_phase(backward_steps(m, plan, chunk), phase), m, plan, chunk,
                            {.gathers = computes && plan.reshard_after_forward,
                             .frees = computes,
                             .reduces = phase != Phase::backward_input});
}

std::vector<CollectiveStep> calls(const Steps& steps, CollectiveOp op, GroupKind group) {
  std::vector<CollectiveStep> out;
  for (const Step& step : steps)
    if (const auto* call = std::get_if<CollectiveStep>(&step);
        call != nullptr && call->op == op && call->group == group)
      out.push_back(*call);
  return out;
}
std::int64_t volume(const Steps& steps, CollectiveOp op, GroupKind group = GroupKind::data) {
  std::int64_t sum = 0;
  for (const CollectiveStep& call : calls(steps, op, group)) sum += call.elements;
  return sum;
}

/// The most that is in use for gathered parameters and whole gradients; what is left at the end must be none.
std::int64_t peak_of_gathered(const Steps& steps) {
  std::int64_t now = 0, most = 0;
  for (const Step& step : steps)
    if (const auto* memory = std::get_if<MemoryStep>(&step);
        memory != nullptr && memory->use == MemoryUse::gathered && memory->name != "gathered input")
      most = std::max(most, now += memory->bytes.value());
  CHECK(now == 0);
  return most;
}

/// Every handle is taken once and waited for once, after it was taken.
void check_handles(const Steps& steps) {
  std::map<std::int32_t, int> waits;
  for (const Step& step : steps) {
    if (const auto* call = std::get_if<CollectiveStep>(&step); call != nullptr && call->handle >= 0) {
      CHECK_FALSE(call->blocking);
      CHECK(waits.emplace(call->handle, 0).second);
    }
    if (const auto* wait = std::get_if<WaitStep>(&step)) {
      REQUIRE(waits.contains(wait->handle));
      ++waits[wait->handle];
    }
  }
  for (const auto& [handle, count] : waits) CHECK(count == 1);
}

std::int64_t table_of(const Model& m) { return m.vocab * m.hidden; }

}  // namespace

TEST_CASE("sharding: ZeRO-3 moves three times the parameters in a micro batch, with those kept between passes twice") {
  for (const bool tied : {false, true})
    for (const std::int64_t pipeline : {1, 2})
      for (const std::int64_t prefetch : {0, 1, 2, 100})
        for (const Recompute recompute : {Recompute::none, Recompute::full})
          for (const bool reshard : {true, false})
            for (std::int64_t chunk = 0; chunk < pipeline; ++chunk) {
              CAPTURE(tied);
              CAPTURE(pipeline);
              CAPTURE(prefetch);
              CAPTURE(reshard);
              const Model m = model_of(tied);
              Plan plan = plan_of(pipeline, prefetch);
              plan.recompute = recompute, plan.reshard_after_forward = reshard;
              const Steps forward = forward_of(m, plan, chunk), backward = backward_of(m, plan, chunk);
              const std::int64_t parameters = chunk_held(m, plan, chunk).dense;
              // Where the head uses the embedding's table it is a unit that gathers it again.
              const std::int64_t gathered = parameters + (tied && pipeline == 1 ? table_of(m) : 0);
              CHECK(volume(forward, CollectiveOp::all_gather) == gathered);
              CHECK(volume(backward, CollectiveOp::all_gather) == (reshard ? gathered : 0));
              CHECK(volume(backward, CollectiveOp::reduce_scatter) == parameters);  // Rajbhandari et al. 2020, 7.2.2
              CHECK(volume(forward, CollectiveOp::reduce_scatter) == 0);
              check_handles(forward);
              check_handles(backward);
              if (!reshard) continue;
              CHECK(peak_of_gathered(forward) > 0);
              CHECK(peak_of_gathered(backward) > 0);
            }
}

TEST_CASE("sharding: of a backward pass in two pieces the first gathers, the second reduces") {
  const Model m = model_of(false);
  const Plan plan = plan_of(2, 1);
  for (const std::int64_t chunk : {0, 1}) {
    const std::int64_t parameters = chunk_held(m, plan, chunk).dense;
    const Steps input = backward_of(m, plan, chunk, Phase::backward_input);
    const Steps weight = backward_of(m, plan, chunk, Phase::backward_weight);
    CHECK(volume(input, CollectiveOp::all_gather) == parameters);
    CHECK(volume(input, CollectiveOp::reduce_scatter) == 0);
    CHECK(volume(weight, CollectiveOp::all_gather) == 0);
    CHECK(volume(weight, CollectiveOp::reduce_scatter) == parameters);
    check_handles(input);
    check_handles(weight);
  }
}

TEST_CASE("sharding: a unit's kernels run when its parameters are there, and as many units are as prefetch says") {
  const Model m = model_of(false);
  for (const std::int64_t prefetch : {0, 1, 2}) {
    CAPTURE(prefetch);
    const Plan plan = plan_of(1, prefetch);
    std::vector<std::int64_t> parameters;
    for (const ShardedUnit& unit : sharded_units(m, plan, 0)) parameters.push_back(unit.parameters.dense);
    REQUIRE(parameters.size() == 6);  // embedding, four layers, head
    const auto most = [&](std::int64_t gradient_bytes) {
      std::int64_t sum = 0;
      for (std::size_t v = 0; v < parameters.size(); ++v) {
        const auto from = parameters.begin() + static_cast<std::ptrdiff_t>(v);
        const auto to = from + std::min<std::ptrdiff_t>(prefetch + 1, parameters.end() - from);
        // Whole gradients are those being made, and those being reduced beside.
        const std::int64_t gradients = parameters[v] + (v > 0 ? parameters[v - 1] : 0);
        sum = std::max(sum, 2 * std::accumulate(from, to, std::int64_t{0}) + gradient_bytes * gradients);
      }
      return sum;
    };
    CHECK(peak_of_gathered(forward_of(m, plan, 0)) == most(0));
    const Steps backward = backward_of(m, plan, 0);
    std::reverse(parameters.begin(), parameters.end());
    CHECK(peak_of_gathered(backward) == most(4));
    Plan summed_last = plan;  // whole gradients are there all the time
    summed_last.reduce_every_micro_batch = false;
    CHECK(peak_of_gathered(backward_of(m, summed_last, 0)) == most(0));
    // Blocking: the first of a pass, and all where nothing is gathered ahead.
    std::size_t blocking = 0;
    for (const CollectiveStep& call : calls(backward, CollectiveOp::all_gather, GroupKind::data))
      blocking += call.blocking ? 1 : 0;
    CHECK(blocking == (prefetch == 0 ? parameters.size() : 1));
  }
}

TEST_CASE("sharding: layers that are recomputed together are gathered for that and once more, the last one once") {
  const Model m = model_of(false);
  Plan plan = plan_of(1, 0);
  plan.recompute = Recompute::full, plan.recompute_interval = 2;
  const Steps backward = backward_of(m, plan, 0);
  std::map<std::int16_t, int> gathers;
  for (const CollectiveStep& call : calls(backward, CollectiveOp::all_gather, GroupKind::data)) ++gathers[call.layer];
  CHECK(gathers == std::map<std::int16_t, int>{{-1, 2}, {0, 2}, {1, 1}, {2, 2}, {3, 1}});
  CHECK(volume(backward, CollectiveOp::reduce_scatter) == chunk_held(m, plan, 0).dense);
  peak_of_gathered(backward);
  plan.prefetch = 2;  // the run's first layer is among the next: it stays
  gathers.clear();
  for (const CollectiveStep& call : calls(backward_of(m, plan, 0), CollectiveOp::all_gather, GroupKind::data))
    ++gathers[call.layer];
  CHECK(gathers == std::map<std::int16_t, int>{{-1, 2}, {0, 1}, {1, 1}, {2, 1}, {3, 1}});
}

TEST_CASE("sharding: hybrid: within a group of shards, and the shares' gradients between such groups") {
  const Model m = model_of(false);
  for (const std::int64_t shard : {2, 4}) {
    Plan plan = plan_of(1, 1);
    plan.shard = shard;
    const std::int64_t parameters = chunk_held(m, plan, 0).dense;
    const Steps backward = backward_of(m, plan, 0);
    CHECK(volume(backward, CollectiveOp::all_gather, GroupKind::shard) == parameters);
    CHECK(volume(backward, CollectiveOp::reduce_scatter, GroupKind::shard) == parameters);
    CHECK(volume(backward, CollectiveOp::all_reduce, GroupKind::replicate) == parameters / shard);
    CHECK(volume(backward, CollectiveOp::reduce_scatter, GroupKind::data) == 0);
    const auto scatters = calls(backward, CollectiveOp::reduce_scatter, GroupKind::shard);
    const auto sums = calls(backward, CollectiveOp::all_reduce, GroupKind::replicate);
    REQUIRE(scatters.size() == sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i) CHECK(sums[i].after == scatters[i].handle);
    CHECK(stepped_parameters(plan, chunk_held(m, plan, 0)).elements == parameters / shard);
  }
}

TEST_CASE("sharding: experts over those that hold the same ones; every gradient once, whoever makes it") {
  Model m = model_of(false);
  m.experts = {.count = 8, .per_token = 2, .ffn = 128};
  Plan plan = plan_of(1, 1);
  plan.expert = 4;
  const Steps steps = with_sharded_units({}, m, plan, 0, {.gathers = true, .frees = true, .reduces = true});
  const HeldParameters held = chunk_held(m, plan, 0);
  CHECK(volume(steps, CollectiveOp::reduce_scatter) == held.dense);
  CHECK(volume(steps, CollectiveOp::reduce_scatter, GroupKind::expert_data) == held.expert);
  CHECK(stepped_parameters(plan, held).elements == held.dense / 8 + held.expert / 2);
  check_handles(steps);
}

TEST_CASE("sharding: ZeRO-2 has two buckets in memory at a time where it reduces beside the pass, else one") {
  const Model m = model_of(false);
  for (const bool overlap : {false, true}) {
    Plan plan = plan_of(1, 1);
    plan.zero = 2, plan.overlap_grad_reduce = overlap, plan.bucket_size = Bytes(40'000);
    const Steps steps = with_gradient_buckets(backward_steps(m, plan, 0), m, plan, 0);
    CHECK(volume(steps, CollectiveOp::reduce_scatter) == chunk_held(m, plan, 0).dense);
    CHECK(peak_of_gathered(steps) == (overlap ? 80'000 : 40'000));
    check_handles(steps);
    for (const CollectiveStep& call : calls(steps, CollectiveOp::reduce_scatter, GroupKind::data))
      CHECK(call.blocking != overlap);
  }
}

TEST_CASE("sharding: bytes a GPU of ZeRO's three stages") {
  // Rajbhandari et al. 2020, Table 1 (GB; two bytes of weights and gradients, twelve of states), to its last digit.
  struct Row {
    std::int64_t parameters, ranks;
    std::array<double, 3> published, digit;
  };
  constexpr std::int64_t small = 7'500'000'000, large = 128'000'000'000, huge = 1'000'000'000'000;
  const std::vector<Row> table{
      {small, 1, {120, 120, 120}, {1, 1, 1}},
      {small, 4, {52.5, 41.3, 30}, {0.1, 0.1, 0.1}},
      {small, 16, {35.6, 21.6, 7.5}, {0.1, 0.1, 0.1}},
      {small, 64, {31.4, 16.6, 1.88}, {0.1, 0.1, 0.01}},
      {small, 256, {30.4, 15.4, 0.47}, {0.1, 0.1, 0.01}},
      {small, 1024, {30.1, 15.1, 0.12}, {0.1, 0.1, 0.01}},
      {large, 4, {896, 704, 512}, {1, 1, 1}},
      {large, 16, {608, 368, 128}, {1, 1, 1}},
      {large, 64, {536, 284, 32}, {1, 1, 1}},
      {large, 256, {518, 263, 8}, {1, 1, 1}},
      {large, 1024, {513, 257, 2}, {1, 1, 1}},
      {huge, 4, {7000, 5500, 4000}, {1, 1, 1}},
      {huge, 16, {4750, 2875, 1000}, {1, 1, 1}},
      {huge, 64, {4187, 2218, 250}, {1, 1, 1}},
      {huge, 256, {4046, 2054, 62.5}, {1, 1, 0.1}},
      {huge, 1024, {4011, 2013, 15.6}, {1, 1, 0.1}},
  };
  for (const Row& row : table)
    for (std::int64_t zero = 0; zero <= 3; ++zero) {
      CAPTURE(row.parameters);
      CAPTURE(row.ranks);
      CAPTURE(zero);
      Model m;
      m.kind = "custom";
      m.layers = 1;
      m.sequence = {{.name = "all", .parameters = row.parameters}};
      REQUIRE_FALSE(m.is_transformer());
      Plan plan;
      plan.data = row.ranks, plan.global_batch = row.ranks, plan.zero = zero, plan.reduce_every_micro_batch = zero >= 2;
      plan.gradient_precision = Precision::bf16;
      const double bytes = static_cast<double>(fixed_memory(m, plan, 0).fixed().value()) / 1e9;
      if (zero == 0) {
        CHECK(bytes == testing::relative(16e-9 * static_cast<double>(row.parameters), 1e-12));
        continue;
      }
      const auto z = static_cast<std::size_t>(zero - 1);
      CHECK(std::abs(bytes - row.published[z]) < row.digit[z]);
      // And to the byte, where ranks divide the parameters.
      if (row.parameters % row.ranks != 0) continue;
      const std::int64_t share = row.parameters / row.ranks;
      const std::int64_t exact =
          (zero >= 3 ? share : row.parameters) * 2 + (zero >= 2 ? share : row.parameters) * 2 + 12 * share;
      CHECK(fixed_memory(m, plan, 0).fixed().value() == exact);
    }
}
