#include "workloads/collectives/turns.hpp"

#include <algorithm>

namespace rehearse {

namespace {

constexpr std::uint32_t none = UINT32_MAX;

/// Whether any element is in both.
bool meet(const ElementRuns& a, const ElementRuns& b) {
  if (a.count == 0 || b.count == 0 || a.first >= b.end() || b.first >= a.end()) return false;
  if (a.runs == 1 && b.runs == 1) return true;
  for (std::int64_t i = 0; i < a.runs; ++i) {
    const std::int64_t begin = a.first + i * a.stride, past = begin + a.count;
    // The first run of b that ends behind `begin`.
    const std::int64_t before = begin - b.count - b.first;
    const std::int64_t run = before < 0 ? 0 : b.stride > 0 ? before / b.stride + 1 : b.runs;
    if (run < b.runs && b.first + run * b.stride < past) return true;
  }
  return false;
}

}  // namespace

Turn& TurnFinder::turn_of(std::uint32_t place) {
  if (turn_index_[place] == none) {
    turn_index_[place] = static_cast<std::uint32_t>(used_);
    if (used_ == turns_.size()) turns_.emplace_back();
    Turn& turn = turns_[used_++];
    turn.place = place;
    turn.sends.clear();
    turn.awaits.clear();
  }
  return turns_[turn_index_[place]];
}

std::span<const Turn> TurnFinder::add_step(std::span<const Transfer> step, bool whole) {
  for (std::size_t i = 0; i < used_; ++i) turn_index_[turns_[i].place] = none;
  used_ = 0;
  for (const Transfer& t : step)
    if (const std::size_t needed = std::size_t{t.channel + 1} * positions_; turn_index_.size() < needed)
      turn_index_.resize(needed, none);
  for (std::uint32_t i = 0; i < step.size(); ++i) {
    const Transfer& t = step[i];
    Turn& turn = turn_of(place(t.source, t.channel));
    turn.sends.push_back(i);
    const bool all = whole || t.lockstep || t.elements() == 0;
    const ElementRuns sent{t.from, t.count, t.runs, t.stride};
    std::erase_if(incoming_[t.source], [&](const Incoming& in) {
      // Of what is not known by its elements only what came on the same channel counts.
      const bool needed =
          all || in.whole ? in.channel == t.channel : !(t.stream && in.stream) && meet(in.elements, sent);
      if (needed) turn.awaits.push_back(in.message);
      return needed;
    });
  }
  for (const Transfer& t : step)
    incoming_[t.destination].push_back({messages_++, t.channel, whole, t.stream, {t.to, t.count, t.runs, t.stride}});
  return std::span(turns_).first(used_);
}

void TurnFinder::forget(std::uint64_t message, std::uint32_t position) {
  auto& incoming = incoming_[position];
  const auto found = std::ranges::find(incoming, message, &Incoming::message);
  if (found == incoming.end()) return;
  *found = incoming.back();
  incoming.pop_back();
}

}  // namespace rehearse
