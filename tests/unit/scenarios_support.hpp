// Whole simulations for tests: each in a child process, held to what every result must obey, and sent back as figures.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "scenarios/simulate.hpp"
#include "tests/support/forked.hpp"
#include "tests/support/work_done.hpp"

namespace rehearse::testing {

/// The figures of a run that two ways to simulate it must agree on.
struct Run {
  struct Gpu {
    double stage = 0, members = 0;
    std::array<double, 9> breakdown{};
  };
  struct JobFigures {
    double alone = 0, together = 0, start = 0, end = 0;
    std::vector<double> iterations;
  };
  double time = 0, ops = 0, flows = 0, replayed = 0;
  std::map<std::string, JobFigures> jobs;  ///< by name
  std::map<std::string, Gpu> gpus;         ///< by number in the cluster
  std::map<std::string, double> links;     ///< bytes of the simulated links, by name
  std::map<std::string, double> hottest;   ///< bytes of the most utilised links, by name
  std::string faults;                      ///< rules that the result breaks, a line each
};

inline std::array<double, 9> values(const Breakdown& b) {
  return {b.compute.value(),   b.tensor_comm.value(),  b.pipeline_comm.value(), b.data_comm.value(), b.bubble.value(),
          b.optimizer.value(), b.context_comm.value(), b.expert_comm.value(),   b.offload.value()};
}

/// What no result may break; a line for each breach.
class ResultRules {
 public:
  ResultRules(const Scenario& scenario, const Result& result)
      : model_(scenario.jobs.front().model),
        plan_(scenario.jobs.front().plan),
        node_(scenario.cluster.node(0)),
        one_type_(scenario.cluster.groups().size() == 1),
        disturbed_(scenario.cluster.degradation().changes()),
        r_(result),
        shares_heads_(scenario.jobs.front().model.kv_heads < plan_.tensor) {}

  std::vector<std::string> broken(bool exact) {
    for (const std::string& fault : validate(r_.schedule)) out_.push_back("schedule: " + fault);
    rule(r_.iteration_time > Seconds(0) && std::isfinite(r_.iteration_time.value()), "the time is positive and finite");
    check_jobs();
    for (const BoundRow& bound : r_.bounds)
      rule(bound.bound == Seconds(0) || bound.ratio >= 1 - 1e-9, "not below: " + bound.name);
    rule(r_.mfu > 0 && r_.mfu <= 1 && r_.hfu > 0 && r_.hfu <= 1, "MFU and HFU are shares");
    check_gpus();
    check_memory();
    if (!disturbed_)
      rule(op_off_pace(r_.schedule, r_.timeline).empty(), "kernels take what is beside them into account");
    for (const LinkUse& use : r_.hottest_links)
      rule(use.utilisation >= 0 && use.utilisation <= 1 + 1e-9, "a link carries no more than it can: " + use.link.name);
    if (exact && one_type_ && r_.jobs.size() == 1 && r_.jobs.front().iterations.size() == 1) check_flow_bytes();
    return std::move(out_);
  }

 private:
  void rule(bool holds, const std::string& what) {
    if (!holds) out_.push_back(what);
  }

  void check_jobs() {
    const auto same = [](Seconds a, Seconds b) { return std::abs((a - b).value()) <= 1e-12 * b.value(); };
    Seconds longest, last;
    for (const JobResult& job : r_.jobs) {
      longest = std::max(longest, job.together);
      last = std::max(last, job.end);
      const Seconds sum = std::accumulate(job.iterations.begin(), job.iterations.end(), Seconds());
      rule(same(job.start + sum, job.end), "iterations add up to the time of their job");
      rule(same(job.counted_from + job.together * static_cast<double>(job.counted), job.end), "their mean is so long");
    }
    rule(r_.iteration_time == longest, "the iteration is that of the job where it is longest");
    rule(same(r_.timeline.makespan, last) && r_.run_time == r_.timeline.makespan, "the run ends with the last job");
  }

  void check_gpus() {
    std::vector<std::uint32_t> members(r_.jobs.size());
    for (const SimulatedGpu& gpu : r_.gpus) {
      members[gpu.job] += gpu.members;
      double sum = 0;
      for (double part : values(gpu.breakdown)) {
        rule(part >= 0, "no part of a breakdown is negative");
        sum += part;
      }
      rule(std::abs(sum - r_.jobs[gpu.job].together.value()) <= 1e-9 * sum, "a breakdown adds up to the iteration");
    }
    for (std::size_t j = 0; j < members.size(); ++j)
      rule(members[j] == r_.jobs[j].gpu_count, "the simulated GPUs stand for all of a job");
    rule(std::accumulate(members.begin(), members.end(), 0U) == r_.gpu_count, "the simulated GPUs stand for all");
  }

  void check_memory() {
    std::vector<Bytes> last(r_.gpus.size());
    std::vector<Seconds> when(r_.gpus.size(), Seconds(-1));
    Bytes most;  // of the fullest GPU
    for (const MemorySample& sample : r_.memory_samples) {
      const std::size_t rank = index(sample.rank);
      const SimulatedGpu& gpu = r_.gpus[rank];
      rule(when[rank] >= Seconds(0) || sample.bytes == gpu.static_memory, "memory begins with weights and states");
      rule(sample.time >= when[rank], "memory samples are in order");
      rule(sample.bytes >= gpu.static_memory, "memory never falls below weights and states");
      if (gpu.job == r_.memory.job && gpu.stage == r_.memory.stage) most = std::max(most, sample.bytes);
      when[rank] = sample.time, last[rank] = sample.bytes;
    }
    for (std::size_t rank = 0; rank < last.size(); ++rank)
      rule(last[rank] == r_.gpus[rank].static_memory, "memory ends where it began");
    rule(!one_type_ || most == r_.memory.in_use, "the most over time is that of the account");
  }

  /// Every GPU simulated, nothing replayed: the flows carry what the calls and messages need, and the padding.
  void check_flow_bytes() {
    std::map<Kind, double> needed, padding, carried, flows;
    double copied = 0;
    for (const Span& span : r_.schedule.spans()) {
      if (span.bytes == Bytes(4)) continue;  // one number, the norm of the gradients
      const bool all_reduce = r_.schedule.name(span.name).starts_with("all_reduce");
      if (span.kind == Kind::offload) {
        copied += static_cast<double>(span.bytes.value());
        continue;
      }
      const double n = group_size(span.kind, all_reduce);
      needed[span.kind] += (all_reduce ? 2 : 1) * (n - 1) / n * static_cast<double>(span.bytes.value());
      padding[span.kind] += 2.0 * static_cast<double>(plan_.gpus()) * 8 * 4;  // at most 8 channels, 4 bytes an element
    }
    for (const Op& op : r_.schedule.ops()) {
      if (op.type != OpType::flow) continue;
      const bool message = r_.schedule.name(op.name) == "activations" || r_.schedule.name(op.name) == "gradients";
      if (message)
        check_message(op);
      else
        carried[op.kind] += op.amount, ++flows[op.kind];
    }
    rule(carried[Kind::offload] == copied, "copies to and from the host carry their bytes");
    for (const auto& [kind, bytes] : needed) {
      if (kind == Kind::tensor_comm && shares_heads_) continue;  // some are of a part of the group
      const auto [least, most] = wire_bytes(kind);
      rule(carried[kind] >= bytes * least * least_share(kind) * (1 - 1e-12) - flows[kind] &&  // whole bytes each
               carried[kind] <= (bytes + padding[kind]) * most,
           "flows carry what is called for: " + std::string(kind_name(kind)));
    }
    const auto m = plan_.micro_batches() * plan_.data * plan_.tensor;
    // Between the arms of a V nothing travels.
    const std::int64_t turns = plan_.pipeline_row().layout == ChunkLayout::v_shaped ? 1 : 0;
    rule(messages_ == 2 * m * (plan_.chunks() - 1 - turns), "a message for each boundary, micro batch and direction");
  }

  /// Bytes on the wire for one that must be sent, at least and at most: by protocol, and by algorithm where it sends
  /// more than a ring.
  [[nodiscard]] std::pair<double, double> wire_bytes(Kind kind) const {
    std::pair<double, double> out{HUGE_VAL, 0};
    for (const SimulatedGpu& gpu : r_.gpus)
      for (const CollectiveUse& use : gpu.collectives) {
        if (use.kind != kind) continue;
        const auto [least, most] = protocol_bytes(use);
        out = {std::min(out.first, least), std::max(out.second, most * algorithm_bytes(use))};
      }
    return out;
  }

  [[nodiscard]] std::pair<double, double> protocol_bytes(const CollectiveUse& use) const {
    if (use.protocol == Protocol::none) return {1, 1};
    const ProtocolProfile& profile = node_.protocols.at(use.protocol);
    const double inside = wire_overhead(use.protocol) / profile.inside.efficiency;
    if (use.nodes == 1) return {inside, inside};
    const double between = wire_overhead(use.protocol) / profile.between->efficiency;
    return {std::min(inside, between), std::max(inside, between)};
  }

  [[nodiscard]] double algorithm_bytes(const CollectiveUse& use) const {
    if (use.algorithm == "ring" || use.algorithm == "nccl_tree") return 1;
    if (use.algorithm != "in_switch") return HUGE_VAL;
    const double n = use.ranks, once = node_.gpu_bandwidth / node_.computing_switch->bandwidth;
    return 1 + once * (n + 1) / (n - 1);
  }

  /// Tensor ranks that share KV heads sum these in groups of their own, which need less of what they sum.
  [[nodiscard]] double least_share(Kind kind) const {
    if (kind != Kind::tensor_comm || model_.kv_heads >= plan_.tensor) return 1;
    const auto needed = [](double ranks) { return (ranks - 1) / ranks; };
    const auto tensor = static_cast<double>(plan_.tensor);
    return needed(tensor / static_cast<double>(model_.kv_heads)) / needed(tensor);
  }

  void check_message(const Op& op) {
    ++messages_;
    if (message_bytes_ == 0) message_bytes_ = op.amount;
    rule(op.amount == message_bytes_ && op.amount > 0, "all messages are equally long");
  }

  /// Hybrid sharding has groups of shards, and sums of gradients over those with the same one.
  [[nodiscard]] double group_size(Kind kind, bool all_reduce) const {
    if (kind == Kind::embedding_comm) return 2;
    if (kind != Kind::data_comm) return static_cast<double>(plan_.tensor);
    const bool whole = plan_.shards() == plan_.data || plan_.shards() == 1;
    return static_cast<double>(whole ? plan_.data : all_reduce ? plan_.data / plan_.shards() : plan_.shards());
  }

  const Model& model_;
  const Plan& plan_;
  const Node& node_;
  bool one_type_;   // of node: the fullest GPU has the most bytes, and protocols cost everywhere the same
  bool disturbed_;  // kernels slow down at dates, too
  const Result& r_;
  bool shares_heads_;  // tensor ranks have the same KV heads
  double message_bytes_ = 0;
  std::int64_t messages_ = 0;
  std::vector<std::string> out_;
};

/// One figure a line: "what|name|number|number...", numbers in hexadecimal so that no digit is lost.
class RunText {
 public:
  static std::string write(const Result& r, const std::vector<std::string>& faults) {
    RunText text;
    text.line("run", "",
              {r.iteration_time.value(), static_cast<double>(r.ops), static_cast<double>(r.flows),
               static_cast<double>(r.replayed_collectives)});
    for (const JobResult& job : r.jobs) {
      std::vector<double> numbers{job.alone.value(), job.together.value(), job.start.value(), job.end.value()};
      for (const Seconds iteration : job.iterations) numbers.push_back(iteration.value());
      text.line("job", job.name, numbers);
    }
    for (const SimulatedGpu& gpu : r.gpus) {
      std::vector<double> numbers{static_cast<double>(gpu.stage), static_cast<double>(gpu.members)};
      for (double part : values(gpu.breakdown)) numbers.push_back(part);
      text.line("gpu", std::to_string(gpu.gpu), numbers);
    }
    for (std::size_t l = 0; l < r.network.links().size(); ++l)
      text.line("link", r.network.links()[l].name, {r.timeline.link_bytes[l]});
    for (const LinkUse& use : r.hottest_links) text.line("hottest", use.link.name, {use.bytes});
    for (const std::string& fault : faults) text.line("fault", fault, {});
    return text.out_.str();
  }

  static Run read(const std::string& text) {
    Run run;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t first = line.find('|'), second = line.find('|', first + 1);
      std::istringstream rest(line.substr(second + 1));
      std::vector<double> numbers;
      for (std::string number; std::getline(rest, number, '|');)
        numbers.push_back(std::strtod(number.c_str(), nullptr));
      take(run, line.substr(0, first), line.substr(first + 1, second - first - 1), numbers);
    }
    return run;
  }

 private:
  void line(const char* what, const std::string& name, const std::vector<double>& numbers) {
    out_ << what << '|' << name << std::hexfloat;
    for (double number : numbers) out_ << '|' << number;
    out_ << (numbers.empty() ? "|\n" : "\n");
  }

  static void take(Run& run, const std::string& what, const std::string& name, const std::vector<double>& n) {
    if (what == "run") run.time = n.at(0), run.ops = n.at(1), run.flows = n.at(2), run.replayed = n.at(3);
    if (what == "job") run.jobs[name] = {n.at(0), n.at(1), n.at(2), n.at(3), {n.begin() + 4, n.end()}};
    if (what == "gpu") {
      Run::Gpu& gpu = run.gpus[name] = {n.at(0), n.at(1), {}};
      std::copy_n(n.begin() + 2, gpu.breakdown.size(), gpu.breakdown.begin());
    }
    if (what == "link") run.links[name] += n.at(0);
    if (what == "hottest") run.hottest[name] = n.at(0);
    if (what == "fault") run.faults += name + "\n";
  }

  std::ostringstream out_;
};

/// Simulate the scenario in a child. Throws where it cannot run.
inline Run run_scenario(const Scenario& scenario, const SimulationOptions& options = {}) {
  return RunText::read(in_child([&] {
    const Result result = simulate(scenario, options);
    const bool exact = !options.fold && !options.merge_kernels && !options.reuse_collectives;
    return RunText::write(result, ResultRules(scenario, result).broken(exact));
  }));
}

/// Where two runs of one scenario differ by more than 1e-9 of the iteration or of a link's bytes. `exact` has every GPU
/// and link.
inline std::string differences(const Run& run, const Run& exact) {
  std::ostringstream out;
  const auto compare = [&](double a, double b, double scale, const std::string& what) {
    if (!(std::abs(a - b) <= 1e-9 * scale))
      out << what << ": " << a << " and " << b << ", " << (a - b) / scale << " apart\n";
  };
  compare(run.time, exact.time, exact.time, "iteration time");
  for (const auto& [name, job] : run.jobs) {
    const Run::JobFigures& other = exact.jobs.at(name);
    compare(job.alone, other.alone, other.alone, name + " alone");
    compare(job.together, other.together, other.together, name + " together");
    compare(job.end, other.end, other.end, "end of " + name);
    if (job.iterations.size() != other.iterations.size()) out << name << ": another number of iterations\n";
  }
  std::array<double, 9> sum{}, exact_sum{};
  for (const auto& [name, gpu] : run.gpus) {
    const auto found = exact.gpus.find(name);
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += gpu.members * gpu.breakdown[i];
      if (found != exact.gpus.end())
        compare(gpu.breakdown[i], found->second.breakdown[i], exact.time, "breakdown of GPU " + name);
    }
  }
  double count = 0;
  for (const auto& [name, gpu] : exact.gpus) {
    count += gpu.members;
    for (std::size_t i = 0; i < sum.size(); ++i) exact_sum[i] += gpu.members * gpu.breakdown[i];
  }
  for (std::size_t i = 0; i < sum.size(); ++i)
    compare(sum[i], exact_sum[i], count * exact.time, "breakdown of all GPUs");
  for (const auto& [name, bytes] : run.hottest)
    if (const auto found = exact.links.find(name); found != exact.links.end())
      compare(bytes, found->second, found->second, "bytes of " + name);
  return out.str();
}

}  // namespace rehearse::testing
