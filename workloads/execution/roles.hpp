// Who sends and receives what, and when, as a pattern is carried out. Private to workloads/execution.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/collectives/pattern.hpp"

namespace rehearse {

/// A message of the pattern. Local copies are messages too, from a position to itself.
struct RoleMessage {
  Transfer transfer;
  std::int64_t at = 0;  ///< where it lies in its sender's outbox, in elements, from its packing until its step ends
};

/// One step: how many of PlayerRole::sends and PlayerRole::receives are done when it ends.
struct RoleTurn {
  std::uint32_t sends = 0, receives = 0;
  friend bool operator==(const RoleTurn&, const RoleTurn&) = default;
};

/// What one player does: of each turn it first packs and sends all, then receives all, then waits until what it sent
/// was received. So its outbox holds the messages of one step, and no wait can be in vain: each is for what others do
/// in the same step, which waits for nothing but the steps before.
struct PlayerRole {
  std::vector<std::uint32_t> sends, receives;  ///< ids of messages, in the order of the steps and within them
  std::vector<RoleTurn> turns;                 ///< only steps that it takes part in
  std::int64_t outbox = 0;                     ///< elements of the fullest step's messages
  std::int64_t inbox = 0;                      ///< elements of the largest message that it receives
};

/// The roles of some players, each playing one position or several, made before time is taken: a player that went
/// through the steps itself would make the transfers of all others as well.
class Roles {
 public:
  static constexpr std::uint32_t nobody = UINT32_MAX;  ///< somebody who is not among these players

  /// `player_of`: for each position its player, 0..players-1, or nobody.
  Roles(const Pattern& pattern, std::span<const std::uint32_t> player_of, std::uint32_t players);

  [[nodiscard]] std::span<const RoleMessage> messages() const { return messages_; }
  [[nodiscard]] const RoleMessage& message(std::uint32_t id) const { return messages_[id]; }
  [[nodiscard]] const PlayerRole& role(std::uint32_t player) const { return roles_[player]; }

 private:
  std::vector<RoleMessage> messages_;
  std::vector<PlayerRole> roles_;
};

/// Each position a player of its own.
std::vector<std::uint32_t> each_by_itself(const Pattern& pattern);
/// What each position's role takes (outbox, inbox, list of messages) if it is played by itself, in bytes.
/// O(transfers) time, O(positions) memory.
std::vector<std::int64_t> role_bytes(const Pattern& pattern);

/// Copies what the message holds from the source's buffer to `out`, run after run.
void pack(const Transfer& transfer, const float* buffer, float* out);
/// Stores the packed elements in the destination's buffer, or adds them.
void unpack(const Transfer& transfer, const float* packed, float* buffer);

}  // namespace rehearse
