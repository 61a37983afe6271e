// Frameworks: when kernels run that a host issues, what a profile makes of kernels, profiles read and written.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "platforms/catalogue.hpp"
#include "tests/support/dice.hpp"
#include "tests/support/relative.hpp"
#include "workloads/framework_kernels.hpp"
#include "workloads/issue_clock.hpp"
#include "workloads/parameters.hpp"

using namespace rehearse;

namespace {

HostIssue host_of(double forward, double backward) {
  return {.forward = Seconds(forward), .backward = Seconds(backward), .micro_batch = {}, .message = {}, .origin = {}};
}

/// When the last of the kernels ends, each of one launch.
double end_of(const HostIssue& host, const std::vector<double>& kernels, double before = 0) {
  IssueClock clock(host);
  clock.spend(Seconds(before));
  double end = 0;
  for (const double time : kernels) end += clock.add(Kind::forward, 1, Seconds(time)).value();
  return end;
}

double sum(const std::vector<double>& times) { return std::accumulate(times.begin(), times.end(), 0.0); }

Model small_model() {
  Model m{.layers = 2, .hidden = 256, .heads = 4, .kv_heads = 4};
  m.head_dim = 64, m.ffn = 1024, m.vocab = 1024, m.seq_len = 128;
  return m;
}

Plan small_plan() {
  Plan plan;
  plan.micro_batch = plan.global_batch = 2;
  return plan;
}

std::vector<Stream> streams_named(const Steps& steps, std::string_view name) {
  std::vector<Stream> out;
  for (const Step& step : steps)
    if (const auto* kernel = std::get_if<KernelStep>(&step); kernel != nullptr && kernel->kernel.name == name)
      out.push_back(std::get<Stream>(kernel->kernel.work));
  return out;
}

Framework read(const Value& value) {
  Reader reader(value, "framework");
  Framework framework = read_framework(reader);
  reader.finish();
  return framework;
}

Framework read(const std::string& yaml) { return read(parse_yaml(yaml, "framework.yaml")); }

const std::string every_key = R"(name: all
description: every key
host: {forward: 11 us, backward: 7.5 us, micro_batch: 0.3 ms, message: 12.25 us, origin: test}
kernels: {softmax: 3, origin: test}
libraries: {products: 1.25, streams: 0.75, origin: test}
eager: {separate: true, autocast: true, recompute_stops_early: true, origin: test}
accumulation: fused
sharding: 18.5 GB/s
iteration: 23 ms
origin: test
)";

}  // namespace

TEST_CASE("issue clock: kernels longer than it takes to issue one wait for the first only") {
  const std::vector<double> kernels{3e-6, 5e-6, 2e-6, 9e-6};
  for (const double issue : {0.0, 0.5e-6, 2e-6})
    CHECK(end_of(host_of(issue, 0), kernels) == testing::relative(issue + sum(kernels), 1e-12));
}

TEST_CASE("issue clock: shorter ones follow the host, and the last is seen whole") {
  const std::vector<double> kernels{3e-6, 5e-6, 2e-6, 9e-6};
  for (const double issue : {9e-6, 1e-3})
    CHECK(end_of(host_of(issue, 0), kernels) == testing::relative(4 * issue + kernels.back(), 1e-12));
}

TEST_CASE("issue clock: between the two, at least either, and no shorter for a slower host") {
  for (std::uint64_t draw = 0; draw < 50; ++draw) {
    testing::Dice dice(draw);
    std::vector<double> kernels;
    for (std::int64_t k = 1 + dice.below(12); k > 0; --k)
      kernels.push_back(1e-6 * static_cast<double>(1 + dice.below(9)));
    double last = 0;
    for (double issue = 0; issue < 12e-6; issue += 1e-6) {
      const double end = end_of(host_of(issue, 0), kernels), count = static_cast<double>(kernels.size());
      CHECK(end >= std::max({last, issue + sum(kernels), count * issue + kernels.back()}) * (1 - 1e-12));
      CHECK(end <= (count * issue + sum(kernels)) * (1 + 1e-12));
      last = end;
    }
  }
}

TEST_CASE("issue clock: a kernel waits for each of its launches; one without any, for nothing") {
  const HostIssue host = host_of(10e-6, 0);
  IssueClock clock(host);
  CHECK(clock.add(Kind::forward, 5, Seconds(2e-6)).value() == testing::relative(52e-6, 1e-12));
  CHECK(clock.add(Kind::forward, 0, Seconds(3e-6)).value() == testing::relative(3e-6, 1e-12));
  CHECK(clock.add(Kind::forward, 1, Seconds(2e-6)).value() == testing::relative(60e-6 + 2e-6 - 55e-6, 1e-12));
}

TEST_CASE("issue clock: what the host does first delays kernels that wait for it") {
  const std::vector<double> kernels{3e-6, 5e-6, 2e-6};
  CHECK(end_of(host_of(0, 0), kernels, 1e-3) == testing::relative(1e-3 + sum(kernels), 1e-12));
  CHECK(end_of(host_of(10e-6, 0), kernels, 1e-3) == testing::relative(1e-3 + 3 * 10e-6 + kernels.back(), 1e-12));
  const HostIssue idle = host_of(0, 0);
  IssueClock clock(idle);  // the device is busy until after the host is back
  CHECK(clock.add(Kind::forward, 1, Seconds(2e-3)).value() == testing::relative(2e-3, 1e-12));
  clock.spend(Seconds(1e-3));
  CHECK(clock.add(Kind::forward, 1, Seconds(1e-6)).value() == testing::relative(1e-6, 1e-12));
}

TEST_CASE("issue clock: passes of gradients are autograd's, all others Python's") {
  const HostIssue host = host_of(30e-6, 20e-6);
  for (const Kind kind : {Kind::forward, Kind::recompute, Kind::optimizer, Kind::backward, Kind::backward_weight}) {
    IssueClock clock(host);
    const bool backward = kind == Kind::backward || kind == Kind::backward_weight;
    CHECK(clock.add(kind, 1, Seconds(1e-6)).value() == testing::relative((backward ? 20e-6 : 30e-6) + 1e-6, 1e-12));
  }
}

TEST_CASE("framework: a softmax that is not fused is five kernels, which pass scores in fp32 through memory") {
  const Model m = small_model();
  Plan plan = small_plan();
  const std::int64_t matrices = plan.micro_batch * m.heads, scores = matrices * m.seq_len * m.seq_len;
  for (std::int64_t multiple = 0; multiple <= 2 * matrices; ++multiple) {
    CAPTURE(multiple);
    plan.kernels.softmax = multiple;
    const bool fused = multiple > 0 && matrices % multiple == 0;
    const auto forward = streams_named(forward_steps(m, plan, 0), "mask and softmax"),
               backward = streams_named(backward_steps(m, plan, 0), "softmax gradient");
    REQUIRE(forward.size() == static_cast<std::size_t>(m.layers));
    REQUIRE(backward.size() == static_cast<std::size_t>(m.layers));
    // cast, scale, mask, softmax, cast; cast, softmax, mask, scale, cast: 2 and 4 bytes each way.
    CHECK(forward.front().bytes == Bytes(scores * (fused ? 4 : 6 + 8 + 8 + 8 + 6)));
    CHECK(backward.front().bytes == Bytes(scores * (fused ? 6 : 6 + 12 + 8 + 8 + 6)));
    for (const Stream& stream : {forward.front(), backward.front()}) CHECK(stream.launches == (fused ? 1 : 5));
  }
}

TEST_CASE("framework: gradients of matrices are added up by a kernel each, or at the end of the product") {
  const Model m = small_model();
  const std::int64_t elements = m.layers * 12 * m.hidden * m.hidden + m.vocab * m.hidden;
  const auto products = static_cast<std::size_t>(m.layers * 4 + 1);
  for (const Precision gradient : {Precision::fp32, Precision::bf16})
    for (const Accumulation way : {Accumulation::free, Accumulation::separate, Accumulation::fused}) {
      Plan plan = small_plan();
      plan.gradient_precision = gradient;
      Framework f;
      f.accumulation = way;
      const Steps bare = backward_steps(m, plan, 0), steps = with_framework_kernels(bare, m, plan, f);
      const auto sums = streams_named(steps, "gradient accumulation");
      const std::int64_t e = 2, g = element_bytes(gradient);
      std::int64_t bytes = 0;
      for (const Stream& stream : sums) {
        bytes += stream.bytes.value();
        CHECK(stream.launches == (way == Accumulation::separate ? 1 : 0));
      }
      CHECK(sums.size() == (way == Accumulation::free ? 0 : products));
      CHECK(steps.size() == bare.size() + sums.size());
      // The gradient is read and the sum read and written; or the sum read and written instead of a gradient.
      const std::int64_t each = way == Accumulation::free ? 0 : way == Accumulation::separate ? e + 2 * g : 2 * g - e;
      CHECK(bytes == each * elements);
      CHECK(streams_named(with_framework_kernels(forward_steps(m, plan, 0), m, plan, f), "gradient accumulation")
                .empty());
    }
}

TEST_CASE("framework: every key is read, and what is written reads as the same") {
  const Framework f = read(every_key);
  CHECK(f.name == "all");
  CHECK(f.host.forward == Seconds(11e-6));
  CHECK(f.host.backward == Seconds(7.5e-6));
  CHECK(f.host.micro_batch == Seconds(0.3e-3));
  CHECK(f.host.message == Seconds(12.25e-6));
  CHECK(f.kernels.softmax == 3);
  CHECK((f.libraries.products == 1.25 && f.libraries.streams == 0.75));
  CHECK((f.eager.separate && f.eager.autocast && f.eager.recompute_stops_early));
  CHECK(f.accumulation == Accumulation::fused);
  CHECK(f.sharding == BytesPerSecond(18.5e9));
  CHECK(f.iteration == Seconds(23e-3));
  CHECK(to_yaml(to_value(f)) != to_yaml(to_value(Framework{})));
  CHECK(to_yaml(to_value(read(to_value(f)))) == to_yaml(to_value(f)));
}

TEST_CASE("framework: every profile of the catalogue reads, says what it is, and reads again from what is written") {
  const auto entries = list_catalogue("frameworks");
  CHECK(entries.size() >= 2);
  for (const CatalogueEntry& entry : entries) {
    INFO(entry.name);
    CHECK_FALSE(entry.description.empty());
    const Framework f = read(resolve_entry("frameworks", scalar_value(entry.name), "framework"));
    CHECK(f.name == entry.name);
    CHECK(to_yaml(to_value(read(to_value(f)))) == to_yaml(to_value(f)));
    CHECK(f.host.origin.empty() == (f.host.forward == Seconds() && f.host.backward == Seconds()));
  }
  Framework ideal;
  ideal.name = "ideal";
  CHECK(to_yaml(to_value(read(resolve_entry("frameworks", scalar_value(ideal.name), "framework")))) ==
        to_yaml(to_value(ideal)));
}

TEST_CASE("framework: faults have file, line and key path") {
  const auto fault_of = [](const std::string& yaml) -> std::string {
    try {
      read(yaml);
    } catch (const InputError& error) {
      CHECK(error.faults().size() == 1);
      return error.faults().front().to_string();
    }
    return "";
  };
  for (const char* key : {"forward", "backward", "micro_batch", "message"})
    CHECK(fault_of(fmt::format("name: x\nhost: {{{}: -1 us}}\n", key)) ==
          fmt::format("framework.yaml:2: host.{}: expected zero or more", key));
  CHECK(fault_of("iteration: -1 us\n") == "framework.yaml:1: iteration: expected zero or more");
  CHECK(fault_of("sharding: -1 GB/s\n") == "framework.yaml:1: sharding: expected zero or more");
  for (const char* key : {"products", "streams"})
    CHECK(fault_of(fmt::format("name: x\nlibraries: {{{}: 0}}\n", key)) ==
          fmt::format("framework.yaml:2: libraries.{}: expected a factor from 0.1 to 10", key));
  CHECK(fault_of("eager: {autocast: true}\n") ==
        "framework.yaml:1: eager.autocast: has a meaning with `separate: true` only");
}
