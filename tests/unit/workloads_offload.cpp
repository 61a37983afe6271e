// Activations on the host: all that layers keep goes there and comes back, each layer's once.
#include <doctest/doctest.h>

#include <array>
#include <map>
#include <set>

#include "workloads/memory/account.hpp"
#include "workloads/offload.hpp"

using namespace rehearse;

namespace {

Model small_model() {
  Model m{.layers = 4, .hidden = 64, .heads = 4, .kv_heads = 4, .head_dim = 16, .ffn = 256, .vocab = 1024};
  m.seq_len = 32;
  return m;
}

/// What layers keep after these steps; embedding and head, which stay on the GPU, left out.
std::int64_t left_in_layers(const Steps& steps) {
  std::int64_t sum = 0;
  for (const Step& step : steps)
    if (const auto* memory = std::get_if<MemoryStep>(&step);
        memory != nullptr && memory->use == MemoryUse::activations && memory->layer >= 0)
      sum += memory->bytes.value();
  return sum;
}

struct Copies {
  std::array<std::int64_t, host_way_count> bytes{};
  std::int64_t kept = 0;
  std::size_t layers = 0;
};

/// Each layer is copied once, and each copy waited for once.
Copies copies_of(const Steps& steps) {
  Copies out;
  std::set<std::int32_t> open;
  std::set<std::int16_t> layers;
  for (const Step& step : steps) {
    if (const auto* copy = std::get_if<HostStep>(&step)) {
      out.bytes[static_cast<std::size_t>(copy->way)] += copy->bytes.value();
      out.kept += copy->kept.value();
      CHECK_FALSE(copy->blocking);
      CHECK(open.insert(copy->handle).second);
      CHECK(layers.insert(copy->layer).second);
    }
    if (const auto* wait = std::get_if<WaitStep>(&step)) open.erase(wait->handle);
  }
  CHECK(open.empty());
  out.layers = layers.size();
  return out;
}

}  // namespace

TEST_CASE("offload: what layers keep goes to the host and comes back, and their memory is free in between") {
  const Model m = small_model();
  for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full})
    for (const std::int64_t pipeline : {1, 2}) {
      Plan plan;
      plan.pipeline = pipeline, plan.global_batch = 2, plan.recompute = recompute, plan.offload_activations = true;
      for (std::int64_t chunk = 0; chunk < pipeline; ++chunk) {
        CAPTURE(chunk);
        const Steps forward = forward_steps(m, plan, chunk);
        const std::int64_t kept = left_in_layers(forward);
        REQUIRE(kept > 0);
        const Steps out = with_activations_to_host(forward, m, plan, chunk);
        const Steps back = with_activations_from_host(backward_steps(m, plan, chunk), m, plan, chunk);
        CHECK(left_in_layers(out) == 0);
        CHECK(left_in_layers(back) == 0);
        const Copies there = copies_of(out), here = copies_of(back);
        CHECK(there.bytes == std::array<std::int64_t, 3>{kept, 0, 0});
        CHECK(here.bytes == std::array<std::int64_t, 3>{0, kept, 0});
        CHECK(there.kept == kept);
        CHECK(here.kept == -kept);
        CHECK(there.layers == static_cast<std::size_t>(4 / pipeline));
      }
    }
}
