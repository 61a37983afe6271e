#include "workloads/ring_steps.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>

#include "engine/base/mixing.hpp"

namespace rehearse {

namespace {

constexpr std::size_t most_classes = 256;
/// Steps are replayed until so many class x class x steps; what comes after goes on at the pace of the second half.
constexpr std::size_t most_work = 1 << 20;
constexpr std::uint32_t least_steps = 64;

/// To a part in a thousand: chunks that differ by an element are the same.
double coarse(Seconds time) {
  int exponent = 0;
  const double fraction = std::frexp(time.value(), &exponent);
  return std::ldexp(std::round(fraction * 1024) / 1024, exponent);
}

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

std::size_t distinct(std::vector<std::uint64_t> colours) {
  std::ranges::sort(colours);
  return static_cast<std::size_t>(std::unique(colours.begin(), colours.end()) - colours.begin());
}

/// Colours of wires: equal where nothing that meets them differs.
std::vector<std::uint64_t> colours_of(std::span<const RingWire> wires) {
  std::vector<std::uint64_t> colours;
  for (const RingWire& wire : wires) {
    std::uint64_t colour = mix(bits(coarse(wire.latency)));
    for (const auto& [link, busy] : wire.links) colour = mix({colour, bits(coarse(busy))});
    colours.push_back(colour);
  }
  for (std::size_t before = 0, now = distinct(colours); now > before && now <= most_classes;) {
    std::unordered_map<LinkId, std::uint64_t> crossing;  // sums: the order does not matter
    for (std::size_t w = 0; w < wires.size(); ++w)
      for (const auto& [link, busy] : wires[w].links) crossing[link] += mix({colours[w], bits(coarse(busy))});
    std::vector<std::uint64_t> next;
    for (std::size_t w = 0; w < wires.size(); ++w) {
      std::uint64_t colour = mix({colours[w], colours[wires[w].before]});
      for (const auto& [link, busy] : wires[w].links) colour = mix({colour, crossing.at(link)});
      next.push_back(colour);
    }
    colours = std::move(next);
    before = now;
    now = distinct(colours);
  }
  return colours;
}

class RingReplay {
 public:
  RingReplay(std::span<const RingWire> wires, const std::vector<std::uint64_t>& colours) {
    std::unordered_map<std::uint64_t, std::uint32_t> class_of_colour;
    std::vector<std::size_t> stands_for;
    for (std::size_t w = 0; w < wires.size(); ++w) {
      const auto [found, fresh] =
          class_of_colour.try_emplace(colours[w], static_cast<std::uint32_t>(stands_for.size()));
      if (fresh) stands_for.push_back(w);
      class_of_.push_back(found->second);
    }
    std::unordered_map<LinkId, std::vector<std::uint32_t>> users;  // classes, one for each wire
    for (std::size_t w = 0; w < wires.size(); ++w)
      for (const auto& [link, busy] : wires[w].links) users[link].push_back(class_of_[w]);
    for (const std::size_t w : stands_for) {
      Class c{.before = class_of_[wires[w].before], .latency = wires[w].latency.value()};
      for (const auto& [link, busy] : wires[w].links) {
        std::map<std::uint32_t, std::uint32_t> count;
        for (const std::uint32_t user : users.at(link)) ++count[user];
        c.links.push_back({coarse(busy), {count.begin(), count.end()}});
      }
      classes_.push_back(std::move(c));
    }
  }

  std::vector<Seconds> arrivals(std::uint32_t steps) {
    const auto budget = most_work / (classes_.size() * classes_.size());
    const auto replayed = std::min(steps, std::max(least_steps, static_cast<std::uint32_t>(budget)));
    run(replayed);
    std::vector<Seconds> out;
    for (const std::uint32_t c : class_of_) {
      const std::vector<double>& left = classes_[c].left;
      double last = left.back();
      if (replayed < steps) {
        const std::uint32_t half = replayed / 2;
        last += (left.back() - left[half - 1]) / (replayed - half) * (steps - replayed);
      }
      out.emplace_back(last + classes_[c].latency);
    }
    return out;
  }

 private:
  struct SharedLink {
    double busy = 0;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> users;  ///< class, and how many of it
  };
  struct Class {
    std::uint32_t before = 0;
    double latency = 0;
    std::vector<SharedLink> links;
    std::vector<double> left = {};  ///< by step
    bool sending = false;
    double remaining = 0;  ///< of the chunk, 1..0
    double speed = 0;      ///< chunks a second
  };
  static constexpr double never = std::numeric_limits<double>::infinity();

  void run(std::uint32_t steps) {
    double now = 0;
    while (std::ranges::any_of(classes_, [&](const Class& c) { return c.left.size() < steps; })) {
      double next = never;
      for (Class& c : classes_) {
        if (c.sending || c.left.size() == steps) continue;
        const double ready = ready_at(c);
        if (ready <= now) {
          c.sending = true;
          c.remaining = 1;
        } else {
          next = std::min(next, ready);
        }
      }
      for (Class& c : classes_) {
        if (!c.sending) continue;
        c.speed = speed(c);
        next = std::min(next, now + c.remaining / c.speed);
      }
      for (Class& c : classes_) {
        if (!c.sending) continue;
        const bool ends = now + c.remaining / c.speed <= next;  // however short: rounding must not leave it for ever
        c.remaining -= (next - now) * c.speed;
        if (!ends && c.remaining > 1e-9) continue;
        c.sending = false;
        c.left.push_back(next);
      }
      now = next;
    }
  }

  /// When the next chunk may begin, if that is known.
  [[nodiscard]] double ready_at(const Class& c) const {
    const std::size_t step = c.left.size();
    if (step == 0) return 0;
    const Class& before = classes_[c.before];
    return before.left.size() < step ? never : std::max(c.left.back(), before.left[step - 1] + before.latency);
  }

  [[nodiscard]] double speed(const Class& c) const {
    double slowest = 0;  // seconds for a chunk
    for (const SharedLink& link : c.links) {
      std::uint32_t active = 0;
      for (const auto& [user, count] : link.users) active += classes_[user].sending ? count : 0;
      slowest = std::max(slowest, link.busy * active);
    }
    return slowest > 0 ? 1 / slowest : 1e18;
  }

  std::vector<Class> classes_;
  std::vector<std::uint32_t> class_of_;  // by wire
};

}  // namespace

std::optional<std::vector<Seconds>> ring_arrivals(std::span<const RingWire> wires, std::uint32_t steps) {
  const std::vector<std::uint64_t> colours = colours_of(wires);
  if (steps == 0 || distinct(colours) > most_classes) return std::nullopt;
  return RingReplay(wires, colours).arrivals(steps);
}

}  // namespace rehearse
