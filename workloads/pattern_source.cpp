#include "workloads/pattern_source.hpp"

#include <cmath>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/schedule.hpp"
#include "workloads/collectives/transfer_graph.hpp"
#include "workloads/collectives/turns.hpp"
#include "workloads/merged_latency.hpp"

namespace rehearse {

namespace {

/// Things that are used again once they are given back; their names are indices.
template <class T>
class Pool {
 public:
  std::uint32_t take() {
    if (free_.empty()) {
      all_.emplace_back();
      return static_cast<std::uint32_t>(all_.size() - 1);
    }
    const std::uint32_t i = free_.back();
    free_.pop_back();
    return i;
  }
  void give_back(std::uint32_t i) { free_.push_back(i); }
  T& operator[](std::uint32_t i) { return all_[i]; }

 private:
  std::vector<T> all_;
  std::vector<std::uint32_t> free_;
};

class PatternSource final : public FlowSource {
 public:
  PatternSource(const Pattern& pattern, bool fluid, const Network& network, WireOf wire)
      : pattern_(pattern),
        network_(network),
        fluid_(fluid),
        wire_of_(std::move(wire)),
        finder_(pattern.positions()),
        places_(std::size_t{pattern.channels} * pattern.positions()) {}

  void begin(std::vector<SourceFlow>& started) override {
    for (std::uint32_t place = 0; place < places_.size(); ++place) go_on(place, started);
  }

  void left(std::uint64_t token, std::vector<SourceFlow>& started) override {
    const std::uint32_t turn = flows_[static_cast<std::uint32_t>(token)].turn;
    if (--turns_[turn].open > 0) return;
    Place& place = places_[turns_[turn].place];
    place.first = turns_[turn].next;
    if (place.first == no_index) place.last = no_index;
    const std::uint32_t at = turns_[turn].place;
    turns_.give_back(turn);
    go_on(at, started);
  }

  void arrived(std::uint64_t token, std::vector<SourceFlow>& started) override {
    const auto slot = static_cast<std::uint32_t>(token);
    const Flow flow = flows_[slot];
    flows_.give_back(slot);
    slot_of_.erase(flow.message);
    if (flow.waiting == no_index) return finder_.forget(flow.message, flow.destination, flow.elements);
    Turn& turn = turns_[flow.waiting];
    if (--turn.awaits == 0) go_on(turn.place, started);
  }

 private:
  struct Flow {
    std::uint64_t message = 0;
    std::uint32_t turn = 0, next_send = no_index;
    std::uint32_t destination = 0;
    ElementRuns elements;              ///< that it brings
    std::uint32_t waiting = no_index;  ///< the turn that waits for it
    SourceWire wire;
    Bytes bytes;
  };
  struct Turn {
    std::uint32_t place = 0;
    std::uint32_t awaits = 0;  ///< messages that have not arrived
    std::uint32_t open = 0;    ///< flows that have not left
    std::uint32_t first_send = no_index;
    std::uint32_t next = no_index;  ///< of the same place
    bool begun = false;
  };
  /// A position on a channel: its turns that are known and have not left.
  struct Place {
    std::uint32_t first = no_index, last = no_index;
  };

  [[nodiscard]] bool exhausted() const { return stretch_ == pattern_.stretches.size(); }

  /// Begins the next turn of a place if nothing holds it up. A place that knows of none has steps made until it does.
  void go_on(std::uint32_t place, std::vector<SourceFlow>& started) {
    while (places_[place].first == no_index && !exhausted()) make_next_step();
    if (places_[place].first == no_index) return;
    Turn& turn = turns_[places_[place].first];
    if (turn.begun || turn.awaits > 0) return;
    turn.begun = true;
    for (std::uint32_t f = turn.first_send; f != no_index; f = flows_[f].next_send)
      started.push_back({flows_[f].wire.path, flows_[f].bytes, flows_[f].wire.latency, f});
  }

  void make_next_step() {
    const Stretch& stretch = pattern_.stretches[stretch_];
    const bool merged = fluid_ && stretch.steady;
    step_.clear();
    if (merged)
      step_ = merge_steps(stretch);
    else
      stretch.make(step_in_stretch_, step_);
    if (merged || ++step_in_stretch_ == stretch.steps) {
      ++stretch_;
      step_in_stretch_ = 0;
    }
    add_step(merged);
  }

  void add_step(bool merged) {
    const std::uint64_t first = finder_.messages();
    const std::span<const ::rehearse::Turn> turns = finder_.add_step(step_, merged);
    slots_.clear();
    for (const Transfer& t : step_) slots_.push_back(add_flow(t, first + slots_.size()));
    for (const ::rehearse::Turn& turn : turns) add_turn(turn);
    if (merged) pay_merged_latency();
  }

  std::uint32_t add_flow(const Transfer& t, std::uint64_t message) {
    const std::uint32_t slot = flows_.take();
    const SourceWire& way = wire(t);
    flows_[slot] = {.message = message,
                    .destination = t.destination,
                    .elements = received(t),
                    .wire = way,
                    .bytes = Bytes(std::llround(static_cast<double>(t.elements()) * way.bytes_per_element))};
    slot_of_[message] = slot;
    return slot;
  }

  void add_turn(const ::rehearse::Turn& found) {
    const std::uint32_t id = turns_.take();
    Turn turn{.place = found.place,
              .awaits = static_cast<std::uint32_t>(found.awaits.size()),
              .open = static_cast<std::uint32_t>(found.sends.size())};
    for (std::size_t i = found.sends.size(); i-- > 0;) {  // so that they start in the order of the step
      Flow& flow = flows_[slots_[found.sends[i]]];
      flow.turn = id;
      flow.next_send = std::exchange(turn.first_send, slots_[found.sends[i]]);
    }
    for (const std::uint64_t message : found.awaits) flows_[slot_of_.at(message)].waiting = id;
    turns_[id] = turn;
    Place& place = places_[found.place];
    if (place.last == no_index)
      place.first = id;
    else
      turns_[place.last].next = id;
    place.last = id;
  }

  void pay_merged_latency() {
    const std::vector<std::uint32_t> rings = rings_of(step_, pattern_.positions());
    MergedLatencies merged;
    for (std::size_t i = 0; i < rings.size(); ++i) {
      const Flow& flow = flows_[slots_[i]];
      merged.add(step_[i].source, step_[i].destination, rings[i], step_[i].rounds, flow.wire.latency);
      for (const Hop& hop : network_.hops(flow.wire.path))
        merged.cross(hop.link, flow.bytes / network_.link(hop.link).bandwidth * hop.times);
    }
    const std::vector<Seconds> latencies = merged.latencies();
    for (std::size_t i = 0; i < rings.size(); ++i) flows_[slots_[i]].wire.latency = latencies[i];
  }

  const SourceWire& wire(const Transfer& t) {
    const std::uint32_t connection = pattern_.connection(t.channel);
    const std::uint64_t key = (std::uint64_t{finder_.place(t.source, connection)} << 32) | t.destination;
    const auto [known, fresh] = wires_.try_emplace(key);
    if (fresh) known->second = wire_of_(t.source, t.destination, connection);
    return known->second;
  }

  const Pattern& pattern_;
  const Network& network_;
  bool fluid_;
  WireOf wire_of_;
  TurnFinder finder_;
  std::size_t stretch_ = 0;
  std::uint64_t step_in_stretch_ = 0;
  std::vector<Transfer> step_;
  std::vector<std::uint32_t> slots_;  // of the step's flows
  Pool<Flow> flows_;
  Pool<Turn> turns_;
  std::vector<Place> places_;                                 // by channel, then position
  std::unordered_map<std::uint64_t, std::uint32_t> slot_of_;  // by message under way or to come
  std::unordered_map<std::uint64_t, SourceWire> wires_;
};

}  // namespace

std::unique_ptr<FlowSource> pattern_source(const Pattern& pattern, bool fluid, const Network& network, WireOf wire) {
  return std::make_unique<PatternSource>(pattern, fluid, network, std::move(wire));
}

}  // namespace rehearse
