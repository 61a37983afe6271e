#include "workloads/merged_latency.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "workloads/ring_steps.hpp"

namespace rehearse {

namespace {

/// The same for any order of the same terms, so that rings that are alike by symmetry stay so to the last digit.
Seconds sum(std::vector<Seconds>& terms) {
  std::ranges::sort(terms);
  Seconds out;
  for (const Seconds term : terms) out += term;
  return out;
}

}  // namespace

void MergedLatencies::add(std::uint32_t source, std::uint32_t destination, std::uint32_t ring, std::uint32_t rounds,
                          Seconds latency) {
  messages_.push_back({source, destination, ring, rounds, latency, links_.size()});
}

void MergedLatencies::cross(LinkId link, Seconds busy) { links_.emplace_back(link, busy); }

std::span<const std::pair<LinkId, Seconds>> MergedLatencies::links_of(std::size_t message) const {
  const std::size_t first = messages_[message].first_link;
  const std::size_t last = message + 1 < messages_.size() ? messages_[message + 1].first_link : links_.size();
  return std::span(links_).subspan(first, last - first);
}

std::vector<MergedLatencies::Duration> MergedLatencies::durations() const {
  std::unordered_map<LinkId, std::vector<Seconds>> terms;
  for (const auto& [link, busy] : links_) terms[link].push_back(busy);
  std::unordered_map<LinkId, Seconds> load;
  for (auto& [link, of_link] : terms) load[link] = sum(of_link);
  std::vector<Duration> out;
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    Duration longest;
    for (const auto& [link, busy] : links_of(m)) {
      longest.alone = std::max(longest.alone, busy);
      longest.shared = std::max(longest.shared, load.at(link));
    }
    out.push_back(longest);
  }
  return out;
}

struct MergedLatencies::Ring {
  std::vector<Duration> durations;
  std::vector<Seconds> latencies;  ///< of all steps

  [[nodiscard]] Seconds slowest() const { return std::ranges::max(durations, {}, &Duration::shared).shared; }
  /// Whether a step is not the same for all: by a hundredth of it or, where wires have company, of its chunk.
  [[nodiscard]] bool is_uneven() const {
    const bool company =
        std::ranges::any_of(durations, [](const Duration& d) { return d.shared > d.alone * (1 + 1e-6); });
    return spread() > 1e-2 * (company ? chunk() : chunk() + mean(latencies));
  }
  /// What every message pays beyond the time of its bytes, by the means.
  [[nodiscard]] Seconds on_top() const {
    const Seconds slowest = this->slowest();
    const double apart = drift();
    const Seconds latency = mean(latencies);
    Seconds total = slowest + latency;
    // Less time for the whole means more of it with company; from above it settles in a few rounds.
    for (int round = 0; round < 20; ++round) {
      std::vector<Seconds> idle;  // of each wire while the slowest is busy: exactly none where all are alike
      for (const Duration& d : durations) {
        const double company = 1 - apart * (1 - std::min(1.0, d.shared / total));
        idle.push_back(slowest - d.alone - (d.shared - d.alone) * company);
      }
      total = slowest + std::max(Seconds(0), latency - mean(std::move(idle)));
    }
    return total - slowest;
  }

 private:
  static Seconds mean(std::vector<Seconds> terms) { return sum(terms) / static_cast<double>(terms.size()); }

  /// Of all steps, on average over the wires.
  [[nodiscard]] Seconds chunk() const {
    std::vector<Seconds> alone;
    for (const Duration& d : durations) alone.push_back(d.alone);
    return mean(std::move(alone));
  }
  /// By how much the wires differ.
  [[nodiscard]] Seconds spread() const {
    Seconds least = durations.front().alone + latencies.front(), most = least;
    for (std::size_t i = 0; i < durations.size(); ++i) {
      least = std::min(least, durations[i].alone + latencies[i]);
      most = std::max(most, durations[i].alone + latencies[i]);
    }
    return most - least;
  }
  /// 0: the wires are alike, the ring stays in step; 1: they differ by a chunk's time or more.
  [[nodiscard]] double drift() const { return spread() < chunk() ? spread() / chunk() : 1; }
};

std::optional<std::vector<Seconds>> MergedLatencies::replayed(const std::vector<Ring>& rings) const {
  if (std::ranges::none_of(rings, &Ring::is_uneven)) return std::nullopt;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> comes_from;  // ring, position -> wire to it
  for (std::uint32_t m = 0; m < messages_.size(); ++m) comes_from[{messages_[m].ring, messages_[m].destination}] = m;
  std::vector<RingWire> wires;
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    const Message& message = messages_[m];
    if (message.rounds != messages_.front().rounds) return std::nullopt;
    wires.push_back({comes_from.at({message.ring, message.source}), message.latency, {}});
    for (const auto& [link, busy] : links_of(m)) wires.back().links.emplace_back(link, busy / message.rounds);
  }
  return ring_arrivals(wires, messages_.front().rounds);
}

std::vector<Seconds> MergedLatencies::latencies() const {
  const std::vector<Duration> duration = durations();
  std::vector<Ring> rings;
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    const Message& message = messages_[m];
    if (message.ring >= rings.size()) rings.resize(message.ring + 1);
    rings[message.ring].durations.push_back(duration[m]);
    rings[message.ring].latencies.push_back(message.latency * message.rounds);
  }
  std::vector<Seconds> on_top;
  for (const Ring& ring : rings) on_top.push_back(ring.on_top());
  if (const auto arrivals = replayed(rings)) {
    std::vector<Seconds> last(rings.size());
    for (std::size_t m = 0; m < messages_.size(); ++m)
      last[messages_[m].ring] = std::max(last[messages_[m].ring], (*arrivals)[m]);
    for (std::size_t r = 0; r < rings.size(); ++r) on_top[r] = last[r] - rings[r].slowest();
  }
  std::vector<Seconds> out;
  for (const Message& message : messages_) out.push_back(std::max(message.latency, on_top[message.ring]));
  return out;
}

std::vector<Seconds> flow_latencies(const TransferGraph& graph,
                                    const std::function<Seconds(std::size_t flow)>& step_latency,
                                    const std::function<void(std::size_t flow, MergedLatencies&)>& cross) {
  std::vector<Seconds> out;
  for (std::size_t i = 0; i < graph.flows().size();) {
    const GraphFlow& first = graph.flows()[i];
    if (first.ring == GraphFlow::no_ring) {
      out.push_back(step_latency(i));
      ++i;
      continue;
    }
    MergedLatencies merged;  // of a stretch
    for (; i < graph.flows().size(); ++i) {
      const GraphFlow& flow = graph.flows()[i];
      if (flow.ring == GraphFlow::no_ring || flow.stretch != first.stretch) break;
      merged.add(flow.source, flow.destination, flow.ring, flow.rounds, step_latency(i));
      cross(i, merged);
    }
    const std::vector<Seconds> latencies = merged.latencies();
    out.insert(out.end(), latencies.begin(), latencies.end());
  }
  return out;
}

}  // namespace rehearse
