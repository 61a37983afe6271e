// Which algorithm, protocol, channels and chunks a collective gets.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workloads/collective_group.hpp"

namespace rehearse {

/// A collective as it is asked for.
struct CollectiveTask {
  CollectiveOp op = CollectiveOp::all_reduce;
  std::int64_t elements = 0;  ///< as in CollectiveOp
  std::int64_t element_bytes = 1;
  std::uint32_t root = 0;
};

/// What was asked for; nothing: to be chosen.
struct CollectiveWish {
  std::string algorithm = "auto";  ///< a row of collective_table(op), or "auto"
  std::optional<Protocol> protocol;
  std::optional<std::uint32_t> channels;
  std::optional<std::uint32_t> chunks;  ///< of each channel
  friend auto operator<=>(const CollectiveWish&, const CollectiveWish&) = default;
};

/// How a collective is carried out.
struct CollectiveWay {
  const CollectiveRow* row = nullptr;
  Protocol protocol = Protocol::none;
  CollectiveOptions options;
};

/// A way with the time by which it is chosen: what the library that would run it expects on an idle network. It knows
/// nothing of how a pipeline fills, and adds up where messages overlap; the simulation knows better.
struct CollectiveCandidate {
  CollectiveWay way;
  Seconds start;             ///< before the first message: software, and the copies that no message hides
  Seconds latency;           ///< of the messages one after another
  Seconds bandwidth;         ///< bytes over the narrowest link
  std::string_view busiest;  ///< kind of that link ("nvlink"); empty: no links
  [[nodiscard]] Seconds time() const { return start + latency + bandwidth; }
};

/// All ways that meet the wish, the quickest first (ties: the order of the tables). "auto" means, where the node type
/// has protocols, NCCL's algorithms; else all whose pattern is small enough to be looked at. Throws InputError where
/// there is none: a row that needs_switch without switches, a protocol that the node type does not have.
std::vector<CollectiveCandidate> collective_candidates(const CollectiveGroup& group, const CollectiveTask& task,
                                                       const CollectiveWish& wish);

/// What the way costs before its first message.
Seconds collective_start(const CollectiveGroup& group, const CollectiveTask& task, const CollectiveWay& way);

}  // namespace rehearse
