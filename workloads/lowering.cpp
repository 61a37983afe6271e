#include "workloads/lowering.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "workloads/memory/segment_changes.hpp"

namespace rehearse {

namespace {

/// The ops of a collective or message that several classes of GPUs take part in; made by whoever comes first.
struct Meeting {
  OpId opens{}, closes{};
};

class Lowering {
 public:
  Lowering(std::span<const Job> jobs, const Program& program, const Communication& communication,
           const Folding& folding, const CollectiveTimes& times, const Iterations& iterations)
      : jobs_(jobs),
        program_(program),
        communication_(communication),
        folding_(folding),
        times_(times),
        iterations_(iterations),
        builder_(static_cast<std::uint32_t>(folding.workers.size())) {}

  Lowered run() {
    intern_names();
    for (const std::uint32_t iterations : iterations_) out_.iteration_ends.emplace_back(iterations);
    for (std::uint32_t c = 0; c < folding_.workers.size(); ++c) lower_worker(c);
    out_.schedule = builder_.build();
    return std::move(out_);
  }

 private:
  /// A worker's place in its program: what its next op waits for.
  struct Cursor {
    Rank rank{};
    std::uint32_t worker = 0;
    std::uint32_t iteration = 0;
    LaneId compute{}, communication{};
    std::vector<OpId> before;  ///< of the next blocking op
    /// The last collective of each kind of group: those of one group go one after another, as on a stream of their own.
    std::array<std::vector<OpId>, group_kind_count> last_collective;
    std::array<std::uint32_t, group_kind_count> calls{};  ///< collectives so far, by kind of group
    std::array<std::vector<OpId>, host_way_count> last_of_host;
    std::map<std::uint32_t, OpId> handles;  ///< the last collective or copy with each
    double slowdown = 1.0;
    std::vector<std::uint32_t>* parts = nullptr;  ///< of the segments at this slowdown; no_index: not made yet
    std::optional<Jitter> jitter;
    std::uint64_t kernels = 0;  ///< so far
  };

  void intern_names() {
    for (const Segment& segment : program_.segments) segment_names_.push_back(builder_.name(segment.name));
    for (const CollectiveCall& call : program_.calls) call_names_.push_back(builder_.name(call.name));
    message_names_ = {builder_.name("activations"), builder_.name("gradients")};
  }

  void lower_worker(std::uint32_t worker_class) {
    Cursor at;
    at.rank = Rank{worker_class};
    at.worker = folding_.workers[worker_class].representative;
    at.compute = builder_.add_lane(at.rank, "compute");
    at.communication = builder_.add_lane(at.rank, "communication");
    const std::uint32_t job = communication_.layout().job_of(at.worker),
                        gpu = communication_.layout().gpu_of(at.worker);
    const Degradation& degradation = communication_.cluster().degradation();
    at.slowdown = degradation.epochs.front().slowdown_of(gpu);
    at.parts = &parts_[at.slowdown];
    at.parts->resize(program_.segments.size(), no_index);
    if (const auto jitter = degradation.jitter.find(gpu); jitter != degradation.jitter.end())
      at.jitter = jitter->second;
    if (jobs_[job].start > Seconds() && iterations_[job] > 0)
      at.before = {builder_.add_compute(builder_.name("start"), Kind::other, no_lane, jobs_[job].start, {})};
    for (; at.iteration < iterations_[job]; ++at.iteration) {
      for (const Instruction& instruction : program_.roles[communication_.layout().role_of(at.worker)])
        lower_instruction(instruction, at);
      auto& ends = out_.iteration_ends[job][at.iteration];
      ends.insert(ends.end(), at.before.begin(), at.before.end());
    }
  }

  void lower_instruction(const Instruction& i, Cursor& at) {
    switch (i.type) {
      case Instruction::Type::compute: return lower_compute(i, at);
      case Instruction::Type::collective: return lower_collective(i, at);
      case Instruction::Type::send: return lower_send(i, at);
      case Instruction::Type::receive: return lower_receive(i, at);
      case Instruction::Type::wait: return lower_wait(i, at);
      case Instruction::Type::memory: return add_memory({1, program_.memory[i.index].bytes}, at);
      case Instruction::Type::host: return lower_host(i, at);
    }
  }

  void lower_wait(const Instruction& i, Cursor& at) {
    if (i.index != no_index) {
      // Of a collective with a group of one member nothing is known: there was none.
      if (const auto found = at.handles.find(i.index); found != at.handles.end()) at.before.push_back(found->second);
      return;
    }
    for (const auto& last : at.last_collective) at.before.insert(at.before.end(), last.begin(), last.end());
    for (const auto& last : at.last_of_host) at.before.insert(at.before.end(), last.begin(), last.end());
  }

  /// When a share of the last op's time has passed.
  void add_memory(const SegmentChange& change, const Cursor& at) {
    out_.memory.push_back({at.rank, static_cast<std::uint32_t>(out_.memory_ops.size()),
                           static_cast<std::uint32_t>(at.before.size()), change.share, change.bytes});
    out_.memory_ops.insert(out_.memory_ops.end(), at.before.begin(), at.before.end());
  }

  const std::vector<SegmentChange>& changes_of(std::uint32_t segment) {
    if (changes_.empty())
      for (const Segment& each : program_.segments) changes_.push_back(changes_in(each));
    return changes_[segment];
  }

  void lower_compute(const Instruction& i, Cursor& at) {
    const Segment& segment = program_.segments[i.index];
    const auto [duration, parts] = at.jitter ? jittered(segment, at) : slowed(i.index, at);
    const OpId op = builder_.add_compute(segment_names_[i.index], segment.kind, at.compute, duration, i.tags, parts);
    builder_.add_edges(at.before, op);
    at.before = {op};
    for (const SegmentChange& change : changes_of(i.index)) add_memory(change, at);
  }

  /// How long a segment takes on a GPU, and its parts.
  struct Paced {
    Seconds duration;
    std::uint32_t parts = no_index;
  };

  Paced jittered(const Segment& segment, Cursor& at) {
    const std::uint32_t gpu = communication_.layout().gpu_of(at.worker);
    std::vector<Part> parts;
    Seconds sum;
    for (const SegmentPart& part : segment.parts) {
      const Seconds duration = part.duration * at.slowdown * at.jitter->factor(gpu, at.kernels++);
      parts.push_back({builder_.name(part.name), duration, part.flops});
      sum += duration;
    }
    return {sum, builder_.add_parts(parts)};
  }

  Paced slowed(std::uint32_t number, const Cursor& at) {
    const Segment& segment = program_.segments[number];
    std::uint32_t& known = (*at.parts)[number];
    if (known == no_index) {
      std::vector<Part> parts;
      for (const SegmentPart& part : segment.parts)
        parts.push_back({builder_.name(part.name), part.duration * at.slowdown, part.flops});
      known = builder_.add_parts(parts);
    }
    return {segment.duration * at.slowdown, known};
  }

  void lower_collective(const Instruction& i, Cursor& at) {
    const CollectiveCall& call = program_.calls[i.index];
    const std::uint32_t group = communication_.group_of(at.worker, call.step.group);
    if (group == no_group) return;
    const std::uint32_t group_class = folding_.group_class[group];
    const auto kind = static_cast<std::size_t>(call.step.group);
    const std::uint32_t number = at.calls[kind]++;
    auto& meetings = collectives_[group_class];
    if (number == meetings.size()) meetings.push_back(open_collective(i, group_class));
    const Meeting& meeting = meetings.at(number);
    builder_.add_edges(at.before, meeting.opens);
    builder_.add_edges(at.last_collective[kind], meeting.opens);
    if (const auto found = at.handles.find(static_cast<std::uint32_t>(call.step.after)); found != at.handles.end())
      builder_.add_edge(found->second, meeting.opens);
    builder_.add_span({.name = call_names_[i.index],
                       .lane = at.communication,
                       .opens = meeting.opens,
                       .closes = meeting.closes,
                       .bytes = Bytes(call.step.elements * call.step.element_bytes),
                       .tags = i.tags,
                       .kind = call.step.kind});
    at.last_collective[kind] = {meeting.closes};
    if (call.step.blocking) at.before = {meeting.closes};
    if (call.step.handle >= 0) at.handles[static_cast<std::uint32_t>(call.step.handle)] = meeting.closes;
  }

  /// The ops of one call: it starts when its last member comes and ends for all when all is done.
  Meeting open_collective(const Instruction& i, std::uint32_t group_class) {
    const CollectiveCall& call = program_.calls[i.index];
    const CollectiveSpec spec =
        padded_spec(call.step, communication_.groups()[folding_.group_of_class[group_class]].view);
    const NameId name = call_names_[i.index];
    ++out_.collectives;
    const FoldedCollective& collective = folded(group_class, spec);
    const OpId opens = builder_.add_join(name, call.step.kind, i.tags);
    const auto known = times_.find({group_class, spec});
    if (known != times_.end()) {
      ++out_.replayed;
      const OpId op =
          builder_.add_compute(name, call.step.kind, no_lane, call.step.before + collective.start + known->second,
                               i.tags, no_index, loads_of(group_class, spec));
      builder_.add_edge(opens, op);
      return {opens, op};
    }
    const OpId started =
        builder_.add_compute(name, call.step.kind, no_lane, call.step.before + collective.start, i.tags);
    builder_.add_edge(opens, started);
    return {opens, add_flows(builder_, collective, started, name, call.step.kind, i.tags)};
  }

  const FoldedCollective& folded(std::uint32_t group_class, const CollectiveSpec& spec) {
    const auto key = std::pair(group_class, spec);
    const auto found = folded_.find(key);
    if (found != folded_.end()) return found->second;
    return folded_.emplace(key, fold_collective(communication_, folding_, group_class, spec)).first->second;
  }

  /// The bytes that a replayed collective puts on each path.
  std::uint32_t loads_of(std::uint32_t group_class, const CollectiveSpec& spec) {
    const auto [found, fresh] = loads_.try_emplace({group_class, spec}, no_index);
    if (!fresh) return found->second;
    std::map<PathId, Bytes> sums;
    for (const FoldedCollective::Flow& flow : folded(group_class, spec).flows) sums[flow.path] += flow.bytes;
    std::vector<Load> loads;
    for (const auto& [path, bytes] : sums) loads.push_back({path, bytes});
    return found->second = builder_.add_loads(loads);
  }

  void lower_host(const Instruction& i, Cursor& at) {
    const HostCall& call = program_.host[i.index];
    const NameId name = builder_.name(call.name);
    auto& last = at.last_of_host[static_cast<std::size_t>(call.step.way)];
    const OpId opens = builder_.add_join(name, Kind::offload, i.tags);
    builder_.add_edges(at.before, opens);
    builder_.add_edges(last, opens);
    const OpId closes = builder_.add_flow(name, Kind::offload, at.rank, at.rank, call.step.bytes,
                                          folding_.path(communication_.host_wire(at.worker, call.step.way)), i.tags);
    builder_.add_edge(opens, closes);
    builder_.add_span({.name = name,
                       .lane = at.communication,
                       .opens = opens,
                       .closes = closes,
                       .bytes = call.step.bytes,
                       .tags = i.tags,
                       .kind = Kind::offload});
    last = {closes};
    if (call.step.blocking) at.before = {closes};
    if (call.step.handle >= 0) at.handles[static_cast<std::uint32_t>(call.step.handle)] = closes;
  }

  void lower_send(const Instruction& i, Cursor& at) {
    const Message& message = program_.messages[i.index];
    const OpId flow =
        message_flow(communication_.pipeline_wire(at.worker, i.peer, message.phase), i.index, at.iteration, i.tags);
    builder_.add_edges(at.before, flow);
    if (message.blocking) at.before = {flow};
  }

  void lower_receive(const Instruction& i, Cursor& at) {
    const Message& message = program_.messages[i.index];
    const std::uint32_t sender = communication_.layout().peer(at.worker, i.peer);
    const std::uint32_t own_stage = communication_.layout().stage_of(at.worker);
    at.before.push_back(
        message_flow(communication_.pipeline_wire(sender, own_stage, message.phase), i.index, at.iteration, i.tags));
  }

  OpId message_flow(std::uint32_t wire_id, std::uint32_t message, std::uint32_t iteration, Tags tags) {
    auto& flows = flows_[iteration];
    const std::uint64_t key = (std::uint64_t{folding_.wire_class[wire_id]} << 32) | message;
    const auto found = flows.find(key);
    if (found != flows.end()) return found->second;
    const Wire& wire = communication_.wires()[wire_id];
    tags.stage = static_cast<std::int16_t>(communication_.layout().stage_of(wire.from));
    const OpId flow = builder_.add_flow(message_names_[wire.phase == Phase::forward ? 0 : 1], Kind::pipeline_comm,
                                        Rank{folding_.worker_class[wire.from]}, Rank{folding_.worker_class[wire.to]},
                                        program_.messages[message].bytes, folding_.path(wire_id), tags);
    return flows[key] = flow;
  }

  std::span<const Job> jobs_;
  const Program& program_;
  const Communication& communication_;
  const Folding& folding_;
  const CollectiveTimes& times_;
  const Iterations& iterations_;
  ScheduleBuilder builder_;
  Lowered out_;
  std::vector<NameId> segment_names_, call_names_;
  std::vector<std::vector<SegmentChange>> changes_;  // by segment
  std::array<NameId, 2> message_names_{};
  std::map<double, std::vector<std::uint32_t>> parts_;                   // by slowdown and segment
  std::unordered_map<std::uint32_t, std::vector<Meeting>> collectives_;  // by group class, in order of call
  std::map<std::pair<std::uint32_t, CollectiveSpec>, FoldedCollective> folded_;
  std::map<std::pair<std::uint32_t, CollectiveSpec>, std::uint32_t> loads_;
  /// By iteration; then by wire class and message.
  std::map<std::uint32_t, std::unordered_map<std::uint64_t, OpId>> flows_;
};

}  // namespace

Lowered lower(std::span<const Job> jobs, const Program& program, const Communication& communication,
              const Folding& folding, const CollectiveTimes& times, const Iterations& iterations) {
  return Lowering(jobs, program, communication, folding, times, iterations).run();
}

}  // namespace rehearse
