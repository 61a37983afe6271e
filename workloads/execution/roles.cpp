#include "workloads/execution/roles.hpp"

#include <algorithm>
#include <cassert>
#include <functional>
#include <numeric>

namespace rehearse {

namespace {

template <class F>
void for_each_step(const Pattern& pattern, F f) {
  std::vector<Transfer> transfers;
  for (const Stretch& stretch : pattern.stretches)
    for (std::uint64_t s = 0; s < stretch.steps; ++s) {
      transfers.clear();
      stretch.make(s, transfers);
      f(transfers);
    }
}

/// How large a role becomes, counted message by message.
struct RoleSize {
  std::size_t sends = 0, receives = 0, turns = 0;
  std::int64_t outbox = 0, inbox = 0;
  std::int64_t packed = 0;      // of this step
  std::uint64_t last_step = 0;  // counted from 1

  void take_part(std::uint64_t step) {
    if (step == last_step) return;
    last_step = step;
    packed = 0;
    ++turns;
  }
  void send(const Transfer& t) {
    ++sends;
    packed += t.elements();
    outbox = std::max(outbox, packed);
  }
  void receive(const Transfer& t) {
    ++receives;
    inbox = std::max(inbox, t.elements());
  }
};

struct Sizes {
  std::vector<RoleSize> roles;
  std::size_t messages = 0;
};

Sizes measure(const Pattern& pattern, std::span<const std::uint32_t> player_of, std::uint32_t players) {
  Sizes sizes{.roles = std::vector<RoleSize>(players)};
  std::uint64_t step = 0;
  for_each_step(pattern, [&](const std::vector<Transfer>& transfers) {
    ++step;
    for (const Transfer& t : transfers) {
      const std::uint32_t from = player_of[t.source], to = player_of[t.destination];
      if (from == Roles::nobody && to == Roles::nobody) continue;
      ++sizes.messages;
      for (const std::uint32_t player : {from, to})
        if (player != Roles::nobody) sizes.roles[player].take_part(step);
      if (from != Roles::nobody) sizes.roles[from].send(t);
      if (to != Roles::nobody) sizes.roles[to].receive(t);
    }
  });
  return sizes;
}

void reserve(PlayerRole& role, const RoleSize& size) {
  role.sends.reserve(size.sends);
  role.receives.reserve(size.receives);
  role.turns.reserve(size.turns);
  role.outbox = size.outbox;
  role.inbox = size.inbox;
}

[[maybe_unused]] bool within_buffer(const Pattern& pattern, const Transfer& t) {
  const std::int64_t extent = t.runs > 0 ? (t.runs - 1) * t.stride + t.count : 0;
  return t.elements() == 0 || (t.from >= 0 && t.to >= 0 && t.stride >= 0 && t.from + extent <= pattern.buffer &&
                               t.to + extent <= pattern.buffer);
}

/// Writes roles step by step.
class RoleWriter {
 public:
  RoleWriter(std::vector<RoleMessage>& messages, std::vector<PlayerRole>& roles)
      : messages_(messages), roles_(roles), packed_(roles.size()) {}

  void add(const Transfer& t, std::uint32_t from, std::uint32_t to) {
    const auto id = static_cast<std::uint32_t>(messages_.size());
    messages_.push_back({t});
    if (from != Roles::nobody) {
      messages_.back().at = packed_[from];
      packed_[from] += t.elements();
      roles_[from].sends.push_back(id);
      active_.push_back(from);
    }
    if (to != Roles::nobody) {
      roles_[to].receives.push_back(id);
      active_.push_back(to);
    }
  }

  void end_step() {
    for (const std::uint32_t player : active_) {
      PlayerRole& role = roles_[player];
      const RoleTurn turn{static_cast<std::uint32_t>(role.sends.size()),
                          static_cast<std::uint32_t>(role.receives.size())};
      if (role.turns.empty() || role.turns.back() != turn) role.turns.push_back(turn);
      packed_[player] = 0;
    }
    active_.clear();
  }

 private:
  std::vector<RoleMessage>& messages_;
  std::vector<PlayerRole>& roles_;
  std::vector<std::int64_t> packed_;   // elements in this step, by player
  std::vector<std::uint32_t> active_;  // in this step, some more than once
};

}  // namespace

Roles::Roles(const Pattern& pattern, std::span<const std::uint32_t> player_of, std::uint32_t players)
    : roles_(players) {
  assert(player_of.size() == pattern.positions());
  const Sizes sizes = measure(pattern, player_of, players);
  assert(sizes.messages < nobody);
  messages_.reserve(sizes.messages);
  for (std::uint32_t p = 0; p < players; ++p) reserve(roles_[p], sizes.roles[p]);
  RoleWriter writer(messages_, roles_);
  for_each_step(pattern, [&](const std::vector<Transfer>& transfers) {
    for (const Transfer& t : transfers) {
      assert(within_buffer(pattern, t));
      const std::uint32_t from = player_of[t.source], to = player_of[t.destination];
      if (from != nobody || to != nobody) writer.add(t, from, to);
    }
    writer.end_step();
  });
}

std::vector<std::uint32_t> each_by_itself(const Pattern& pattern) {
  std::vector<std::uint32_t> player_of(pattern.positions());
  std::iota(player_of.begin(), player_of.end(), 0U);
  return player_of;
}

std::vector<std::int64_t> role_bytes(const Pattern& pattern) {
  constexpr std::size_t message = sizeof(RoleMessage) + 2 * sizeof(std::uint32_t);  // with its id and its mark
  std::vector<std::int64_t> bytes;
  for (const RoleSize& size : measure(pattern, each_by_itself(pattern), pattern.positions()).roles) {
    const std::size_t lists = (size.sends + size.receives) * message + size.turns * sizeof(RoleTurn);
    const std::int64_t boxes = (size.outbox + size.inbox) * static_cast<std::int64_t>(sizeof(float));
    bytes.push_back(boxes + static_cast<std::int64_t>(lists));
  }
  return bytes;
}

void pack(const Transfer& transfer, const float* buffer, float* out) {
  for (std::int64_t run = 0; run < transfer.runs; ++run)
    out = std::copy_n(buffer + transfer.from + run * transfer.stride, transfer.count, out);
}

void unpack(const Transfer& transfer, const float* packed, float* buffer) {
  for (std::int64_t run = 0; run < transfer.runs; ++run, packed += transfer.count) {
    float* to = buffer + transfer.to + run * transfer.stride;
    if (transfer.reduce)
      std::transform(packed, packed + transfer.count, to, to, std::plus<>());
    else
      std::copy_n(packed, transfer.count, to);
  }
}

}  // namespace rehearse
