// The slots of an all_to_all. Private to workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"

namespace rehearse {

/// The part of each slot that a request is about.
struct Slots {
  std::uint32_t ranks = 1, channel = 0;
  std::int64_t width = 0;  ///< of a whole slot
  Slice part;

  explicit Slots(const CollectiveRequest& request)
      : ranks(request.ranks),
        channel(request.channel),
        width((request.total + request.ranks - 1) / request.ranks),
        part(request.elements) {}

  /// Slot i of the buffer; 0..2 ranks - 1 as CollectiveOp has them, those behind are scratch.
  [[nodiscard]] std::int64_t at(std::int64_t i) const { return i * width + part.first; }
  /// From a rank to another what it has for that one, to where it belongs.
  [[nodiscard]] Transfer whole_way(std::uint32_t source, std::uint32_t destination) const {
    return {.source = source,
            .destination = destination,
            .channel = channel,
            .from = at(destination),
            .to = at(std::int64_t{ranks} + source),
            .count = part.count};
  }
};

}  // namespace rehearse
