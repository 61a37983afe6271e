#include "workloads/proof/interpreter.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"

namespace rehearse {

namespace {

constexpr std::size_t most_faults = 8;

PassKey pass_of(const Instruction& i) { return {i.tags.micro_batch, i.chunk, i.phase == Phase::forward}; }

void run_kernel(RankState& state, const Instruction& i, const Segment& segment) {
  const std::string& name = segment.parts.front().name;
  if (segment.block == "optimizer") return run_optimizer_kernel(state, name);
  const KernelScope k(state, pass_of(i), segment.layer, segment.block, segment.kind);
  if (segment.block == "attention") return run_attention_kernel(k, name);
  if (segment.block == "mlp") return run_mlp_kernel(k, name);
  if (segment.block == "experts") return run_experts_kernel(k, name);
  if (segment.block == "embedding") return run_embedding_kernel(k, name);
  if (segment.block == "head") return run_head_kernel(k, name);
  unknown_kernel(segment.block, name);
}

std::string place_of(const Instruction& i, const Program& program) {
  using Type = Instruction::Type;
  std::string what;
  switch (i.type) {
    case Type::compute: what = fmt::format("'{}'", program.segments[i.index].name); break;
    case Type::collective:
      what = fmt::format("{} of the {} group", program.calls[i.index].name,
                         group_kind_name(program.calls[i.index].step.group));
      break;
    case Type::send: what = fmt::format("a send to stage {}", i.peer); break;
    case Type::receive: what = fmt::format("a receive from stage {}", i.peer); break;
    case Type::wait: what = "a wait"; break;
    case Type::memory: what = "a change of memory"; break;
    case Type::host: what = fmt::format("{} of the host", program.host[i.index].name); break;
  }
  return i.tags.micro_batch < 0 ? what : fmt::format("{}, micro batch {}", what, i.tags.micro_batch);
}

}  // namespace

Interpreter::Interpreter(const ProofScene& scene) : scene_(scene) {
  const std::uint32_t workers = scene.communication.layout().workers();
  ranks_.reserve(workers);  // frames keep references
  for (std::uint32_t rank = 0; rank < workers; ++rank) ranks_.emplace_back(scene, rank);
  cursors_.resize(workers);
}

const std::vector<Instruction>& Interpreter::program_of(std::uint32_t rank) const {
  return scene_.program.roles[scene_.communication.layout().role_of(rank)];
}

std::string Interpreter::where(std::uint32_t rank) const {
  const auto& instructions = program_of(rank);
  const std::size_t next = cursors_[rank].next;
  return fmt::format("rank {} (stage {}), instruction {}, {}", rank, ranks_[rank].stage, next,
                     place_of(instructions[next], scene_.program));
}

std::vector<std::string> Interpreter::run() {
  bool moved = true;
  while (moved && faults_.empty()) {
    moved = false;
    for (std::uint32_t rank = 0; rank < ranks_.size() && faults_.empty(); ++rank) moved |= advance(rank);
  }
  if (faults_.empty()) report_hanging();
  if (faults_.empty()) report_left();
  return faults_;
}

bool Interpreter::advance(std::uint32_t rank) {
  const auto& instructions = program_of(rank);
  Cursor& at = cursors_[rank];
  const std::size_t before = at.next;
  const bool was_blocked = at.blocked.has_value();
  bool given = false;
  try {
    given = give_deferred(rank);
    while (at.next < instructions.size() && carry_out(rank, instructions[at.next])) {
      ++at.next;
      ++instructions_;
    }
  } catch (const ProofFault& fault) {
    faults_.push_back(fmt::format("{}: {}", where(rank), fault.what()));
  }
  return given || at.next > before || at.blocked.has_value() != was_blocked;
}

bool Interpreter::carry_out(std::uint32_t rank, const Instruction& i) {
  using Type = Instruction::Type;
  switch (i.type) {
    case Type::compute: compute(rank, i); return true;
    case Type::memory: memory(rank, i, scene_.program.memory[i.index]); return true;
    case Type::collective: return collective(rank, i);
    case Type::wait: return wait(rank, i.index);
    case Type::send: send(rank, i); return true;
    case Type::receive: return receive(rank, i);
    case Type::host: host(rank, i); return true;
  }
  return true;
}

void Interpreter::compute(std::uint32_t rank, const Instruction& i) {
  const Segment& segment = scene_.program.segments[i.index];
  for (const MemoryEvent& event : segment.memory)
    if (event.part == 0) memory(rank, i, event);
  run_kernel(ranks_[rank], i, segment);
  for (const MemoryEvent& event : segment.memory)
    if (event.part > 0) memory(rank, i, event);
}

void Interpreter::memory(std::uint32_t rank, const Instruction& i, const MemoryEvent& event) {
  const MemoryBlock& block = scene_.program.blocks[event.block];
  const KernelScope k(ranks_[rank], pass_of(i), block.layer, {}, Kind::other);
  if (event.bytes > Bytes(0)) return k.make(block.name);
  if (block.name.starts_with("whole gradients") || block.name.find("gradient bucket") != std::string::npos)
    expect_reduced(rank, i, block.name);
  k.unmake(block.name);
  if (!block.name.starts_with("gathered parameters")) return;
  for (const bool experts : {false, true})
    ranks_[rank].release(pass_of(i), {block.layer, block.name.ends_with("of the head"), experts});
}

void Interpreter::expect_reduced(std::uint32_t rank, const Instruction& i, std::string_view block) const {
  for (const Open& open : cursors_[rank].open) {
    if (open.meeting == nullptr || open.put || open.handle < 0) continue;
    const Operand operand = scene_.program.calls[open.instruction->index].step.operand;
    const bool of_block = operand == Operand::expert_gradients
                              ? !block.starts_with("gradient bucket")
                              : operand == Operand::gradients && !block.starts_with("expert gradient bucket");
    if (of_block && pass_of(*open.instruction) == pass_of(i))
      throw ProofFault("lets go of gradients that are being reduced");
  }
}

bool Interpreter::collective(std::uint32_t rank, const Instruction& i) {
  Cursor& at = cursors_[rank];
  if (!at.blocked) {
    const CollectiveStep& step = scene_.program.calls[i.index].step;
    const std::uint32_t group = scene_.communication.group_of(rank, step.group);
    if (group == no_group) return true;
    Open open = come(rank, i, group);
    if (!step.blocking) {
      open.deferred = step.after >= 0;
      at.open.push_back(open);
      open.deferred ? void(give_deferred(rank)) : give(rank, open);
      return true;
    }
    give(rank, open);
    at.blocked = open;
  }
  if (!done(*at.blocked)) return false;
  put(rank, *at.blocked);
  at.blocked.reset();
  return true;
}

Interpreter::Open Interpreter::come(std::uint32_t rank, const Instruction& i, std::uint32_t group) {
  const CollectiveStep& step = scene_.program.calls[i.index].step;
  const std::vector<std::uint32_t>& members = scene_.communication.groups()[group].members;
  const auto member = static_cast<std::size_t>(std::ranges::find(members, rank) - members.begin());
  Meeting& meeting = meetings_[{group, cursors_[rank].calls[group]++}];
  if (meeting.step == nullptr) {
    meeting.step = &step;
    meeting.members.resize(members.size());
  }
  if (meeting.step->op != step.op || meeting.step->elements != step.elements || meeting.step->operand != step.operand)
    throw ProofFault(fmt::format("comes to {} of {} elements where others came to {} of {}",
                                 collective_op_name(step.op), step.elements, collective_op_name(meeting.step->op),
                                 meeting.step->elements));
  return {.meeting = &meeting, .group = group, .member = member, .handle = step.handle, .instruction = &i};
}

void Interpreter::give(std::uint32_t rank, const Open& open) {
  Meeting& meeting = *open.meeting;
  const CollectiveStep& step = scene_.program.calls[open.instruction->index].step;
  Contribution given = contribute(ranks_[rank], *open.instruction, step,
                                  {static_cast<std::int64_t>(open.member), std::ssize(meeting.members)});
  if (given.elements != step.elements)
    throw ProofFault(fmt::format("gives {} elements to a collective of {}", given.elements, step.elements));
  meeting.members[open.member] = std::move(given);
  if (++meeting.came == meeting.members.size()) hold(meeting, open.group);
}

bool Interpreter::give_deferred(std::uint32_t rank) {
  bool any = false;
  std::vector<Open>& open = cursors_[rank].open;
  for (std::size_t o = 0; o < open.size(); ++o) {
    if (!open[o].deferred) continue;
    const std::int32_t after = scene_.program.calls[open[o].instruction->index].step.after;
    const auto before = std::find_if(open.rend() - static_cast<std::ptrdiff_t>(o), open.rend(),
                                     [&](const Open& other) { return other.handle == after; });
    if (before != open.rend()) {
      if (!done(*before)) continue;
      put(rank, *before);
    }
    open[o].deferred = false;
    give(rank, open[o]);
    any = true;
  }
  return any;
}

void Interpreter::hold(Meeting& meeting, std::uint32_t group) {
  const CommGroup& of = scene_.communication.groups()[group];
  const CollectiveSpec spec = padded_spec(*meeting.step, of.view);
  const CollectiveWay& way = scene_.communication.prepared(of, spec).chosen.way;
  ++collectives_;
  if (!meeting.members.front()->slots.empty()) {
    std::vector<std::vector<Numbers>> given;
    for (auto& member : meeting.members) given.push_back(std::move(member->slots));
    meeting.slots = player_.play_slots(way, given);
    return;
  }
  std::vector<Numbers> given;
  for (auto& member : meeting.members) given.push_back(std::move(member->given));
  for (const Numbers& numbers : given)
    if (numbers.size() != given.front().size()) throw ProofFault("gives another number of elements than others do");
  // A rank's share may be empty: of few replicated gradients, say.
  meeting.got = given.front().empty() ? given : player_.play(way, meeting.members.front()->fold, given);
}

void Interpreter::put(std::uint32_t rank, Open& open) {
  if (std::exchange(open.put, true)) return;
  if (open.meeting == nullptr) return ranks_[rank].fetch(pass_of(*open.instruction), open.instruction->tags.layer);
  const Contribution& member = *open.meeting->members[open.member];
  open.meeting->slots.empty() ? member.put(open.meeting->got[open.member])
                              : member.put_slots(open.meeting->slots[open.member]);
}

bool Interpreter::wait(std::uint32_t rank, std::uint32_t handle) {
  std::vector<Open>& open = cursors_[rank].open;
  if (handle == no_index) {
    if (!std::ranges::all_of(open, [&](const Open& o) { return done(o); })) return false;
    for (Open& o : open) put(rank, o);
    open.clear();
    return true;
  }
  const auto last = std::find_if(open.rbegin(), open.rend(), [&](const Open& o) {
    return o.handle >= 0 && static_cast<std::uint32_t>(o.handle) == handle;
  });
  if (last == open.rend()) return true;
  if (!done(*last)) return false;
  put(rank, *last);
  open.erase(std::next(last).base());
  return true;
}

void Interpreter::host(std::uint32_t rank, const Instruction& i) {
  const HostStep& step = scene_.program.host[i.index].step;
  if (step.layer < 0) return run_host_step(ranks_[rank], step.way);
  if (step.way == HostWay::to_host) return ranks_[rank].keep_on_host(pass_of(i), step.layer);
  cursors_[rank].open.push_back({.handle = step.handle, .instruction = &i});
}

void Interpreter::send(std::uint32_t rank, const Instruction& i) {
  const std::uint32_t to = scene_.communication.layout().peer(rank, i.peer);
  const auto [found, fresh] = messages_under_way_.try_emplace({rank, to, i.index});
  if (!fresh) throw ProofFault("sends a message once more");
  found->second = take_message(ranks_[rank], scene_.program.messages[i.index]);
  ++messages_;
}

bool Interpreter::receive(std::uint32_t rank, const Instruction& i) {
  const std::uint32_t from = scene_.communication.layout().peer(rank, i.peer);
  const auto found = messages_under_way_.find({from, rank, i.index});
  if (found == messages_under_way_.end()) return false;
  put_message(ranks_[rank], scene_.program.messages[i.index], found->second);
  messages_under_way_.erase(found);
  return true;
}

void Interpreter::report_hanging() {
  for (std::uint32_t rank = 0; rank < ranks_.size() && faults_.size() < most_faults; ++rank)
    if (cursors_[rank].next < program_of(rank).size())
      faults_.push_back(fmt::format("{}: waits for ever", where(rank)));
}

void Interpreter::report_left() {
  const auto add = [&](std::uint32_t rank, const std::string& what) {
    if (faults_.size() < most_faults) faults_.push_back(fmt::format("rank {}: {}", rank, what));
  };
  for (const auto& [key, numbers] : messages_under_way_)
    add(std::get<1>(key), fmt::format("never receives what rank {} sent", std::get<0>(key)));
  for (std::uint32_t rank = 0; rank < ranks_.size(); ++rank) {
    if (!cursors_[rank].open.empty()) add(rank, "never waits for a collective");
    for (const auto& [key, value] : ranks_[rank].store.blocks()) add(rank, "never lets go of " + to_string(key));
  }
}

}  // namespace rehearse
