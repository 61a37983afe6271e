#include "workloads/collectives/turns.hpp"

#include <algorithm>
#include <bit>

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

/// Behind its first element, to a power of two.
std::int64_t reach(const ElementRuns& elements) {
  const auto length = static_cast<std::uint64_t>(std::max<std::int64_t>(1, elements.end() - elements.first));
  return static_cast<std::int64_t>(std::bit_ceil(length));
}

void await_whole(std::map<std::uint64_t, std::uint32_t>& whole, std::uint32_t channel,
                 std::vector<std::uint64_t>& awaits) {
  std::erase_if(whole, [&](const auto& entry) {
    if (entry.second == channel) awaits.push_back(entry.first);
    return entry.second == channel;
  });
}

}  // namespace

ElementRuns received(const Transfer& t) { return {t.to, t.count, t.runs, t.stride}; }

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
    const std::size_t others = turn.awaits.size();
    if (whole || t.lockstep || t.elements() == 0) {
      await_channel(incoming_[t.source], t.channel, turn.awaits);
    } else {
      await_elements(incoming_[t.source], t, turn.awaits);
    }
    std::sort(turn.awaits.begin() + static_cast<std::ptrdiff_t>(others), turn.awaits.end());
  }
  for (const Transfer& t : step) {
    Inbox& inbox = incoming_[t.destination];
    const std::uint64_t message = messages_++;
    if (whole) {
      inbox.whole.emplace(message, t.channel);
      continue;
    }
    const ElementRuns elements = received(t);
    inbox.by_reach[reach(elements)].emplace(Inbox::Key(elements.first, message),
                                            Incoming{t.channel, t.stream, elements});
  }
  return std::span(turns_).first(used_);
}

void TurnFinder::await_channel(Inbox& inbox, std::uint32_t channel, std::vector<std::uint64_t>& awaits) {
  for (auto& [reach, messages] : inbox.by_reach)
    std::erase_if(messages, [&](const auto& entry) {
      if (entry.second.channel == channel) awaits.push_back(entry.first.second);
      return entry.second.channel == channel;
    });
  await_whole(inbox.whole, channel, awaits);
}

void TurnFinder::await_elements(Inbox& inbox, const Transfer& sent, std::vector<std::uint64_t>& awaits) {
  const ElementRuns elements{sent.from, sent.count, sent.runs, sent.stride};
  for (auto& [reach, messages] : inbox.by_reach) {
    auto at = messages.lower_bound({elements.first - reach, 0});
    while (at != messages.end() && at->first.first < elements.end()) {
      const Incoming& in = at->second;
      if ((sent.stream && in.stream) || !meet(in.elements, elements)) {
        ++at;
        continue;
      }
      awaits.push_back(at->first.second);
      at = messages.erase(at);
    }
  }
  // Of what is not known by its elements only what came on the same channel counts.
  await_whole(inbox.whole, sent.channel, awaits);
}

void TurnFinder::forget(std::uint64_t message, std::uint32_t position, const ElementRuns& elements) {
  Inbox& inbox = incoming_[position];
  if (inbox.whole.erase(message) > 0) return;
  const auto found = inbox.by_reach.find(reach(elements));
  if (found != inbox.by_reach.end()) found->second.erase({elements.first, message});
}

}  // namespace rehearse
