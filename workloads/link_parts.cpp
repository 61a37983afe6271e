#include "workloads/link_parts.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace rehearse {

namespace {

/// Beyond so many groups and pipeline wires over a link it stays whole: pairs are looked at one by one.
constexpr std::size_t most_compared = 256;

bool has_member(const Communication& c, std::uint32_t group, std::uint32_t worker) {
  return c.group_of(worker, c.groups()[group].kind) == group;
}

/// A group's collectives come one after another. Any collective runs while all its members are in it, and a worker does
/// those that block it one after another: two groups that share one never meet.
bool collectives_may_meet(const Communication& c, const Wire& a, const Wire& b) {
  if (a.group == b.group) return a.use == b.use;
  if (a.beside || b.beside) return true;
  return std::ranges::none_of(c.groups()[a.group].members,
                              [&](std::uint32_t worker) { return has_member(c, b.group, worker); });
}

/// A blocking send ends before its sender does anything else. What a worker receives has arrived before the collectives
/// at the end of its iteration, because its last passes needed it.
bool message_may_meet(const Communication& c, const Wire& message, const Wire& collective,
                      const Concurrency& concurrency) {
  if (collective.beside) return true;
  if (concurrency.blocking_sends && has_member(c, collective.group, message.from)) return false;
  const auto kind = static_cast<std::size_t>(c.groups()[collective.group].kind);
  return concurrency.repeated || concurrency.during[kind] || !has_member(c, collective.group, message.to);
}

/// Sets of wires over one link, joined where two may meet.
class Joiner {
 public:
  explicit Joiner(std::size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), 0U); }
  std::size_t find(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) { parent_[std::max(find(a), find(b))] = std::min(find(a), find(b)); }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace

bool may_meet(const Communication& c, const Wire& a, const Wire& b) {
  const std::uint32_t job = c.layout().job_of(a.from);
  if (job != c.layout().job_of(b.from) || a.host || b.host) return true;
  const Concurrency& concurrency = c.concurrency(job);
  if (a.group != no_group && b.group != no_group) return collectives_may_meet(c, a, b);
  if (a.group != no_group) return message_may_meet(c, b, a, concurrency);
  if (b.group != no_group) return message_may_meet(c, a, b, concurrency);
  return !(concurrency.blocking_sends && a.from == b.from && &a != &b);
}

namespace {

/// Joins wires over one link that may meet. Those of one group and use may; so one of them speaks for all.
Joiner join_on_link(const Communication& communication, const std::vector<std::uint32_t>& on_link) {
  const auto wires = communication.wires();
  Joiner joiner(on_link.size());
  std::vector<std::size_t> speakers;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> speaker_of;  // by group and use
  for (std::size_t i = 0; i < on_link.size(); ++i) {
    const Wire& wire = wires[on_link[i]];
    const auto [speaker, fresh] =
        wire.group == no_group ? std::pair(speaker_of.end(), true) : speaker_of.try_emplace({wire.group, wire.use}, i);
    if (fresh)
      speakers.push_back(i);
    else
      joiner.join(i, speaker->second);
  }
  const bool compare = speakers.size() <= most_compared;
  for (std::size_t i = 0; i < speakers.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (!compare || may_meet(communication, wires[on_link[speakers[i]]], wires[on_link[speakers[j]]]))
        joiner.join(speakers[i], speakers[j]);
  return joiner;
}

}  // namespace

LinkParts make_link_parts(const Communication& communication, const Cluster& cluster) {
  const auto wires = communication.wires();
  std::vector<std::vector<std::uint32_t>> crossing(cluster.links().size());
  for (std::uint32_t w = 0; w < wires.size(); ++w)
    for (LinkId link : wires[w].route) crossing[index(link)].push_back(w);
  LinkParts parts;
  for (const Wire& wire : wires) parts.route.emplace_back(wire.route.size());
  const auto set_part = [&](std::uint32_t w, LinkId link, std::uint32_t part) {
    const auto at = std::ranges::find(wires[w].route, link) - wires[w].route.begin();
    parts.route[w][static_cast<std::size_t>(at)] = part;
  };
  for (std::uint32_t l = 0; l < crossing.size(); ++l) {
    const auto& on_link = crossing[l];
    Joiner joiner = join_on_link(communication, on_link);
    std::vector<std::uint32_t> part_of(on_link.size());
    for (std::size_t i = 0; i < on_link.size(); ++i) {
      if (joiner.find(i) == i) {
        part_of[i] = static_cast<std::uint32_t>(parts.link.size());
        parts.link.push_back(LinkId{l});
      }
      set_part(on_link[i], LinkId{l}, part_of[i] = part_of[joiner.find(i)]);
    }
  }
  return parts;
}

}  // namespace rehearse
