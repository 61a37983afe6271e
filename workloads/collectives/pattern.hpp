// Pattern: what every rank of a collective does, step by step, made step by step.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace rehearse {

/// One message. Positions are 0..ranks-1 within the group; switches that compute stand behind them. Every position has
/// a buffer; the message holds `runs` runs of `count` elements, the first from `from` of the source's buffer to `to` of
/// the destination's, each next one `stride` elements on in both. Where source and destination are the same it is a
/// local copy: it moves data and takes no time.
struct Transfer {
  std::uint32_t source = 0, destination = 0;
  std::uint32_t channel = 0;
  bool reduce = false;  ///< the receiver adds them to its own instead of overwriting
  std::int64_t from = 0, to = 0;
  std::int64_t count = 0;
  std::int64_t runs = 1, stride = 0;
  std::uint32_t rounds = 1;  ///< the steps that a merged one stands for
  bool lockstep = false;     ///< waits for all that came before on its channel, not only for what it hands on
  bool stream = false;  ///< many chunks as one: handed on while it comes in, so it does not wait for another stream

  [[nodiscard]] std::int64_t elements() const { return count * runs; }
};

using MakeStep = std::function<void(std::uint64_t step, std::vector<Transfer>& out)>;

/// A stretch of steps.
struct Stretch {
  std::uint64_t steps = 0;
  /// Appends the transfers of step 0..steps-1. Pure: any step, in any order, as often as one likes.
  MakeStep make;
  /// A ring's: every step uses the same wires (source, destination, channel), each at most once, and each position
  /// hands on what it got in the step before. One long message on each wire takes as long as the steps one after
  /// another.
  bool steady = false;
  /// Only of a steady stretch, and only where it is quicker than adding up the steps: appends one transfer for each
  /// wire with the elements of all steps (as `count`) and their number (as `rounds`).
  std::function<void(std::vector<Transfer>& out)> merged = {};
};

/// The rules by which a pattern is simulated and carried out:
/// - What a position sends in a step is what its buffer holds after all earlier steps; what it receives is stored (or
///   added) after that. So two positions may exchange the same elements in one step.
/// - In one step nothing is received twice into the same elements, unless it is added.
/// - In time, a position sends in the order of steps on each channel: a message starts when those of the position's
///   earlier steps have left, and when the messages of earlier steps that bring any of its elements have arrived (on
///   any channel). A message in lockstep, or without elements, waits for all that came before on its channel. (A
///   message has left when its last byte has; the latency until it has arrived holds up nobody but who waits for it.)
struct Pattern {
  std::uint32_t ranks = 0;
  std::uint32_t switches = 0;  ///< positions ranks..ranks+switches-1: the switch of options.nodes[i]
  std::uint32_t channels = 1;  ///< channels that its transfers name are below this
  /// So many connections join two positions, and channel c takes number c mod that; 0: each channel one of its own.
  std::uint32_t connections = 0;
  std::int64_t buffer = 0;  ///< elements that the buffer of each position must have
  std::vector<Stretch> stretches = {};

  [[nodiscard]] std::uint32_t positions() const { return ranks + switches; }
  [[nodiscard]] std::uint32_t connection(std::uint32_t channel) const {
    return connections == 0 ? channel : channel % connections;
  }
  [[nodiscard]] std::uint64_t steps() const;
  /// Appends the transfers of a step, 0..steps()-1. O(stretches + transfers of the step).
  void step(std::uint64_t step, std::vector<Transfer>& out) const;
};

/// For builders.

/// Patterns one after another; a rank begins with the next as soon as its own part of the one before is done.
Pattern in_sequence(std::vector<Pattern> patterns);
/// Patterns side by side, step by step: of disjoint positions, on channels of their own, or as one algorithm whose
/// steps are those of all together. Ranks as in the first.
Pattern side_by_side(std::vector<Pattern> patterns);
/// The pattern among some of `ranks` positions: its position i is `positions[i]` (its switch i: `switches[i]`).
Pattern placed(Pattern pattern, std::uint32_t ranks, std::vector<std::uint32_t> positions,
               const std::vector<std::uint32_t>& switches = {});
/// One step or several, of a pattern without switches.
Pattern stepwise(std::uint32_t ranks, std::uint64_t steps, MakeStep make);

/// One transfer for each message of a steady stretch's steps, as Stretch::merged has it. O(transfers of all steps)
/// without `merged`.
std::vector<Transfer> merge_steps(const Stretch& stretch);

}  // namespace rehearse
