// Which messages a turn waits for: the finder, which looks them up by their elements, against one that looks at all.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "workloads/collectives/turns.hpp"

namespace rehearse {
namespace {

/// As the rules of a Pattern have it, message by message and element by element.
class PlainFinder {
 public:
  /// What each transfer of the step has to await beyond what was awaited before, in the order of the step.
  std::vector<std::vector<std::uint64_t>> add_step(const std::vector<Transfer>& step, bool whole) {
    std::vector<std::vector<std::uint64_t>> awaits;
    for (const Transfer& t : step) {
      awaits.emplace_back();
      std::erase_if(incoming_, [&](const Incoming& in) {
        if (in.brought.destination != t.source) return false;
        const bool by_channel = whole || in.whole || t.lockstep || t.elements() == 0;
        const bool needed = by_channel ? in.brought.channel == t.channel
                                       : !(t.stream && in.brought.stream) && any_in_both(in.brought, t);
        if (needed) awaits.back().push_back(in.message);
        return needed;
      });
    }
    for (const Transfer& t : step) incoming_.push_back({t, messages_++, whole});
    return awaits;
  }
  void forget(std::uint64_t message) {
    std::erase_if(incoming_, [&](const Incoming& in) { return in.message == message; });
  }

 private:
  struct Incoming {
    Transfer brought;
    std::uint64_t message = 0;
    bool whole = false;
  };
  static bool any_in_both(const Transfer& in, const Transfer& out) {
    for (std::int64_t i = 0; i < in.runs; ++i)
      for (std::int64_t o = 0; o < out.runs; ++o) {
        const std::int64_t a = in.to + i * in.stride, b = out.from + o * out.stride;
        if (std::max(a, b) < std::min(a + in.count, b + out.count)) return true;
      }
    return false;
  }

  std::vector<Incoming> incoming_;
  std::uint64_t messages_ = 0;
};

constexpr std::uint32_t positions = 4, channels = 3;

/// Short and long messages, some of several runs, some empty; streams and those in lockstep.
Transfer random_transfer(std::mt19937& random) {
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(n));
  };
  Transfer t{.source = static_cast<std::uint32_t>(below(positions)),
             .destination = static_cast<std::uint32_t>(below(positions)),
             .channel = static_cast<std::uint32_t>(below(channels)),
             .from = below(200),
             .to = below(200),
             .count = below(8) == 0   ? 0
                      : below(3) == 0 ? below(100)
                                      : below(6)};
  if (below(4) == 0) {
    t.runs = 1 + below(4);
    t.stride = t.count + below(20);
  }
  t.lockstep = below(20) == 0;
  t.stream = below(4) == 0;
  return t;
}

}  // namespace

TEST_CASE("turns wait for just those messages that bring what they send") {
  std::mt19937 random(7);
  std::size_t awaited = 0, forgotten = 0;
  for (int pattern = 0; pattern < 200; ++pattern) {
    TurnFinder finder(positions);
    PlainFinder plain;
    std::vector<Transfer> messages;
    for (int s = 0; s < 12; ++s) {
      const bool whole = random() % 8 == 0;
      std::vector<Transfer> step(1 + random() % 12);
      for (Transfer& t : step) t = random_transfer(random);
      const auto expected = plain.add_step(step, whole);
      std::size_t sends = 0;
      for (const Turn& turn : finder.add_step(step, whole)) {
        std::vector<std::uint64_t> of_turn;
        for (const std::uint32_t i : turn.sends) {
          CHECK(finder.place(step[i].source, step[i].channel) == turn.place);
          of_turn.insert(of_turn.end(), expected[i].begin(), expected[i].end());
        }
        CHECK(turn.awaits == of_turn);
        awaited += of_turn.size();
        sends += turn.sends.size();
      }
      CHECK(sends == step.size());
      messages.insert(messages.end(), step.begin(), step.end());
      if (random() % 2 == 0) {
        const std::uint64_t gone = random() % messages.size();
        finder.forget(gone, messages[gone].destination, received(messages[gone]));
        plain.forget(gone);
        ++forgotten;
      }
    }
  }
  CHECK(awaited > 1000);
  CHECK(forgotten > 1000);
}

}  // namespace rehearse
