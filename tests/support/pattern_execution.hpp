// Patterns carried out on real numbers by the rules of pattern.hpp, and held to them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "workloads/execution/collective_data.hpp"

namespace rehearse::testing {

using Buffers = std::vector<std::vector<float>>;  // by position

/// The buffers as a collective begins.
inline Buffers buffers_before(const Pattern& pattern, const CollectiveData& data) {
  Buffers buffers(pattern.positions(), std::vector<float>(static_cast<std::size_t>(pattern.buffer)));
  for (std::uint32_t p = 0; p < pattern.positions(); ++p) data.fill(p, buffers[p]);
  return buffers;
}

inline std::int64_t wrong_elements(const Pattern& pattern, const CollectiveData& data, const Buffers& buffers) {
  std::int64_t wrong = 0;
  for (std::uint32_t rank = 0; rank < pattern.ranks; ++rank) wrong += data.count_wrong(rank, buffers[rank]);
  return wrong;
}

/// Appends the elements of the message to `out`.
inline void read_message(const Transfer& t, const Buffers& buffers, std::vector<float>& out) {
  for (std::int64_t run = 0; run < t.runs; ++run) {
    const auto from = buffers[t.source].begin() + t.from + run * t.stride;
    out.insert(out.end(), from, from + t.count);
  }
}

inline void store_message(const Transfer& t, const float* message, Buffers& buffers) {
  for (std::int64_t run = 0; run < t.runs; ++run) {
    float* to = buffers[t.destination].data() + t.to + run * t.stride;
    for (std::int64_t i = 0; i < t.count; ++i) to[i] = t.reduce ? to[i] + *message++ : *message++;
  }
}

/// All positions step by step together: one of the orders that the rules allow.
inline void carry_out(const Pattern& pattern, Buffers& buffers) {
  std::vector<Transfer> step;
  std::vector<float> messages;
  for (const Stretch& stretch : pattern.stretches)
    for (std::uint64_t s = 0; s < stretch.steps; ++s) {
      step.clear();
      messages.clear();
      stretch.make(s, step);
      for (const Transfer& t : step) read_message(t, buffers, messages);
      const float* at = messages.data();
      for (const Transfer& t : step) {
        store_message(t, at, buffers);
        at += t.elements();
      }
    }
}

/// Each position goes from step to step at a random speed; messages take random times.
class RandomExecution {
 public:
  RandomExecution(const Pattern& pattern, Buffers& buffers, std::mt19937& random)
      : buffers_(buffers), random_(random), places_(pattern.positions()) {
    std::vector<Transfer> step;
    for (std::uint64_t s = 0; s < pattern.steps(); ++s) {
      step.clear();
      pattern.step(s, step);
      for (const Transfer& t : step) add(s, t);
    }
  }

  /// Whether everything that was to be sent has been.
  bool run() {
    for (Place& place : places_) begin(place);
    std::size_t delivered = 0;
    for (; !under_way_.empty(); ++delivered) {
      std::swap(under_way_[random_() % under_way_.size()], under_way_.back());
      const std::size_t m = under_way_.back();
      under_way_.pop_back();
      deliver(messages_[m]);
    }
    return delivered == messages_.size();
  }

 private:
  struct Turn {
    std::uint64_t step = 0;
    std::size_t open = 0;
    std::vector<std::size_t> sends, receives;
  };
  /// What a position does.
  struct Place {
    std::vector<Turn> turns;
    std::size_t now = 0;
  };
  struct Message {
    Transfer transfer;
    std::vector<float> elements;
    Place *source = nullptr, *destination = nullptr;
    std::size_t source_turn = 0, destination_turn = 0;
  };

  static Turn& turn_of(Place& place, std::uint64_t step) {
    if (place.turns.empty() || place.turns.back().step != step) place.turns.push_back({.step = step});
    return place.turns.back();
  }
  void add(std::uint64_t step, const Transfer& t) {
    Place &source = places_[t.source], &destination = places_[t.destination];
    Turn& sending = turn_of(source, step);
    ++sending.open;
    sending.sends.push_back(messages_.size());
    Turn& receiving = turn_of(destination, step);
    ++receiving.open;
    receiving.receives.push_back(messages_.size());
    messages_.push_back({t, {}, &source, &destination, source.turns.size() - 1, destination.turns.size() - 1});
  }
  void begin(Place& place) {
    if (place.now == place.turns.size()) return;
    for (const std::size_t m : place.turns[place.now].sends) {
      read_message(messages_[m].transfer, buffers_, messages_[m].elements);
      under_way_.push_back(m);
    }
  }
  void deliver(const Message& message) {
    --message.source->turns[message.source_turn].open;
    --message.destination->turns[message.destination_turn].open;
    end_turns(*message.source);
    end_turns(*message.destination);
  }
  void end_turns(Place& place) {
    while (place.now < place.turns.size() && place.turns[place.now].open == 0) {
      for (const std::size_t m : place.turns[place.now].receives)
        store_message(messages_[m].transfer, messages_[m].elements.data(), buffers_);
      ++place.now;
      begin(place);
    }
  }

  Buffers& buffers_;
  std::mt19937& random_;
  std::vector<Message> messages_;
  std::vector<std::size_t> under_way_;
  std::vector<Place> places_;
};

/// Whether a message brings elements that another one, from its destination, sends on.
inline bool meet(const Transfer& brought, const Transfer& sent) {
  for (std::int64_t i = 0; i < brought.runs; ++i)
    for (std::int64_t j = 0; j < sent.runs; ++j) {
      const std::int64_t to = brought.to + i * brought.stride, from = sent.from + j * sent.stride;
      if (std::max(to, from) < std::min(to + brought.count, from + sent.count)) return true;
    }
  return false;
}

/// Elements of a position's buffer that a step stores into.
struct Stored {
  std::uint32_t position = 0;
  std::int64_t first = 0, end = 0;
  bool added = false;
};

/// What a step has that the rules forbid; empty: nothing.
inline std::string fault_of_step(const Pattern& pattern, const std::vector<Transfer>& step) {
  std::vector<Stored> stored;
  for (const Transfer& t : step) {
    if (t.source >= pattern.positions() || t.destination >= pattern.positions()) return "a position that is not there";
    const std::int64_t last = (t.runs - 1) * t.stride + t.count;
    if (t.count < 0 || t.runs < 1 || t.stride < 0 || t.rounds != 1) return "a count below what can be";
    if (t.from < 0 || t.to < 0 || t.from + last > pattern.buffer || t.to + last > pattern.buffer)
      return "elements outside the buffer";
    for (std::int64_t run = 0; run < t.runs && t.count > 0; ++run)
      stored.push_back({t.destination, t.to + run * t.stride, t.to + run * t.stride + t.count, t.reduce});
  }
  std::ranges::sort(stored, {}, [](const Stored& s) { return std::tuple(s.position, s.first); });
  // The furthest end so far, and the furthest of what overwrites.
  Stored any, overwritten;
  for (const Stored& s : stored) {
    if (any.position != s.position) any = overwritten = {.position = s.position};
    if (s.first < overwritten.end || (!s.added && s.first < any.end)) return "two messages for the same elements";
    any.end = std::max(any.end, s.end);
    if (!s.added) overwritten.end = std::max(overwritten.end, s.end);
  }
  return {};
}

struct WireLoad {
  std::int64_t elements = 0;
  std::uint64_t rounds = 0, messages = 0;
  friend bool operator==(const WireLoad&, const WireLoad&) = default;
};
using WireLoads = std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, WireLoad>;

/// Adds what the transfers bring over each wire; local copies are none.
inline void add_loads(const std::vector<Transfer>& step, WireLoads& loads) {
  for (const Transfer& t : step) {
    if (t.source == t.destination) continue;
    WireLoad& load = loads[{t.source, t.destination, t.channel}];
    load.elements += t.elements();
    load.rounds += t.rounds;
    ++load.messages;
  }
}

/// What a pattern has that the rules forbid; empty: nothing.
inline std::string fault_of(const Pattern& pattern) {
  std::vector<Transfer> step;
  for (const Stretch& stretch : pattern.stretches) {
    WireLoads loads, first;
    for (std::uint64_t s = 0; s < stretch.steps; ++s) {
      step.clear();
      stretch.make(s, step);
      if (const std::string fault = fault_of_step(pattern, step); !fault.empty()) return fault;
      if (!stretch.steady) continue;
      add_loads(step, loads);
      if (s == 0) first = loads;
      const auto as_first = [&](const auto& load) {
        return first.contains(load.first) && load.second.messages == (s + 1) * first.at(load.first).messages;
      };
      if (!std::ranges::all_of(loads, as_first)) return "a steady stretch that is not";
    }
    if (!stretch.steady) continue;
    WireLoads merged;
    add_loads(merge_steps(stretch), merged);
    for (auto& [wire, load] : loads) load.messages = first.at(wire).messages;
    if (merged != loads) return "a merged step that is not the sum of the steps";
  }
  return {};
}

}  // namespace rehearse::testing
