// Turns: which messages of a pattern wait for which, found step by step.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "workloads/collectives/pattern.hpp"

namespace rehearse {

/// What one position sends in one step on one channel. It begins when the place's turn before has left and the messages
/// `awaits` have arrived.
struct Turn {
  std::uint32_t place = 0;            ///< channel * positions + position
  std::vector<std::uint32_t> sends;   ///< indices into the step
  std::vector<std::uint64_t> awaits;  ///< messages, numbered through all steps
};

/// Where the elements of a message are in one of its buffers.
struct ElementRuns {
  std::int64_t first = 0, count = 0, runs = 1, stride = 0;
  [[nodiscard]] std::int64_t end() const { return first + (runs - 1) * stride + count; }
};

/// Those that a message brings to its destination.
ElementRuns received(const Transfer& t);

/// Keeps, for every position, the messages on their way to it that no turn waits for yet.
class TurnFinder {
 public:
  explicit TurnFinder(std::uint32_t positions) : positions_(positions), incoming_(positions) {}

  /// The turns of the next step, in the order of their first message. The messages of the step get the next numbers.
  /// `whole`: a merged step, whose messages stand for many elements: each waits for all that came before.
  std::span<const Turn> add_step(std::span<const Transfer> step, bool whole);
  /// The message, which brought `elements`, has arrived: nobody has to wait for it any more. (Optional: without it,
  /// what it brought is known to be there once a turn has waited for it.)
  void forget(std::uint64_t message, std::uint32_t position, const ElementRuns& elements);

  [[nodiscard]] std::uint32_t place(std::uint32_t position, std::uint32_t channel) const {
    return channel * positions_ + position;
  }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

 private:
  struct Incoming {
    std::uint32_t channel = 0;
    bool stream = false;
    ElementRuns elements;
  };
  /// What is on its way to a position. Messages are kept by how far their elements reach, to a power of two, and then
  /// by the first: of those that meet given elements few others lie in between.
  struct Inbox {
    using Key = std::pair<std::int64_t, std::uint64_t>;        ///< first element, message
    std::map<std::int64_t, std::map<Key, Incoming>> by_reach;  ///< none reaches beyond first + reach
    std::map<std::uint64_t, std::uint32_t> whole;              ///< channels of those with elements all over the buffer
  };
  Turn& turn_of(std::uint32_t place);
  static void await_channel(Inbox& inbox, std::uint32_t channel, std::vector<std::uint64_t>& awaits);
  static void await_elements(Inbox& inbox, const Transfer& sent, std::vector<std::uint64_t>& awaits);

  std::uint32_t positions_;
  std::uint64_t messages_ = 0;
  std::vector<Inbox> incoming_;            // by position
  std::vector<std::uint32_t> turn_index_;  // by place, of this step
  std::vector<Turn> turns_;                // the first `used_` are of this step
  std::size_t used_ = 0;
};

}  // namespace rehearse
