#include "workloads/folding.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

#include "workloads/bottlenecks.hpp"
#include "workloads/refinement.hpp"
#include "workloads/run_conditions.hpp"

namespace rehearse {

namespace {

/// Colours to classes numbered in the order of their first member.
struct Classes {
  std::vector<std::uint32_t> of, representative, members;
};

Classes classes_of(const std::vector<std::uint64_t>& colours) {
  Classes out;
  std::unordered_map<std::uint64_t, std::uint32_t> seen;
  for (std::uint32_t i = 0; i < colours.size(); ++i) {
    const auto [found, fresh] = seen.try_emplace(colours[i], static_cast<std::uint32_t>(out.representative.size()));
    if (fresh) {
      out.representative.push_back(i);
      out.members.push_back(0);
    }
    ++out.members[found->second];
    out.of.push_back(found->second);
  }
  return out;
}

Colours one_colour_each(const Communication& communication, const LinkParts& parts) {
  const auto count_up = [](std::size_t n) {
    std::vector<std::uint64_t> colours(n);
    std::iota(colours.begin(), colours.end(), 0U);
    return colours;
  };
  return {count_up(communication.layout().workers()), count_up(communication.groups().size()),
          count_up(communication.wires().size()), count_up(parts.link.size())};
}

class Folder {
 public:
  Folder(const Communication& communication, const Cluster& cluster, bool enabled)
      : communication_(communication),
        cluster_(cluster),
        enabled_(enabled),
        parts_(make_link_parts(communication, cluster)),
        kept_(enabled ? possible_bottlenecks(parts_, cluster) : std::vector<bool>(parts_.link.size(), true)) {
    const Colours colours =
        enabled ? refine(communication, cluster, parts_, kept_) : one_colour_each(communication, parts_);
    workers_ = classes_of(colours.worker);
    groups_ = classes_of(colours.group);
    wires_ = classes_of(colours.wire);
    part_classes_ = classes_of(colours.part);
  }

  Folding run() {
    for (std::size_t c = 0; c < workers_.members.size(); ++c)
      out_.workers.push_back({workers_.representative[c], workers_.members[c]});
    out_.worker_class = workers_.of;
    out_.group_class = groups_.of;
    out_.group_of_class = groups_.representative;
    out_.wire_class = wires_.of;
    add_links();
    add_paths();
    find_isolated();
    return std::move(out_);
  }

 private:
  /// Every link of the cluster, whole, under its own number: a run with conditions may come to use any.
  void add_all_links() {
    for (const Link& link : cluster_.links()) out_.network.add_link(link);
    folded_ = parts_.link;
  }

  void add_links() {
    if (!enabled_) return add_all_links();
    std::vector<LinkId> of_class(part_classes_.representative.size(), LinkId{no_index});
    for (std::size_t c = 0; c < of_class.size(); ++c) {
      const std::uint32_t part = part_classes_.representative[c];
      if (!kept_[part]) continue;
      Link link = cluster_.links()[index(parts_.link[part])];
      link.members = part_classes_.members[c];
      of_class[c] = out_.network.add_link(std::move(link));
    }
    std::vector<bool> carries(cluster_.links().size(), false), simulated(cluster_.links().size(), false);
    for (std::size_t p = 0; p < parts_.link.size(); ++p) {
      folded_.push_back(of_class[part_classes_.of[p]]);
      carries[index(parts_.link[p])] = true;
      if (kept_[p]) simulated[index(parts_.link[p])] = true;
    }
    for (std::size_t l = 0; l < carries.size(); ++l)
      if (carries[l] && !simulated[l]) ++out_.links_left_out;
  }

  /// The path of a wire class crosses a class of parts as often as wires of the class cross one part of it.
  void add_paths() {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> crossings;  // (wire class, class of parts)
    for (std::size_t w = 0; w < wires_.of.size(); ++w)
      for (std::uint32_t part : parts_.route[w])
        if (part_classes_.representative[part_classes_.of[part]] == part)
          ++crossings[{wires_.of[w], part_classes_.of[part]}];
    for (std::uint32_t c = 0; c < wires_.representative.size(); ++c) {
      const std::uint32_t wire = wires_.representative[c];
      std::vector<Hop> hops;
      for (std::uint32_t part : parts_.route[wire]) {
        if (!kept_[part]) continue;
        const Hop hop{folded_[part], crossings.at({c, part_classes_.of[part]})};
        if (std::ranges::find(hops, hop) == hops.end()) hops.push_back(hop);
      }
      out_.path_of_wire_class.push_back(out_.network.add_path(std::move(hops), communication_.wires()[wire].latency));
    }
  }

  /// Who crosses a part at all may be there at the same time, so a group is alone if it is alone on its parts.
  void find_isolated() {
    std::vector<std::vector<std::uint32_t>> crossing(parts_.link.size());
    for (std::uint32_t w = 0; w < wires_.of.size(); ++w)
      for (std::uint32_t part : parts_.route[w])
        if (kept_[part]) crossing[part].push_back(w);
    for (std::uint32_t g : groups_.representative) {
      const CommGroup& group = communication_.groups()[g];
      const auto own = [&](std::uint32_t w) { return communication_.wires()[w].group == g; };
      // Nobody knows what comes over links that change, or that flows take or leave as they like.
      bool alone = undisturbed(group);
      for (std::uint32_t w : group.wires)
        for (std::uint32_t part : parts_.route[w]) alone = alone && std::ranges::all_of(crossing[part], own);
      out_.isolated.push_back(alone);
    }
  }

  [[nodiscard]] bool undisturbed(const CommGroup& group) const {
    return std::ranges::all_of(group.wires, [&](std::uint32_t w) {
      const Wire& wire = communication_.wires()[w];
      const JobLayout& layout = communication_.layout();
      if (wire.to_switch) return is_undisturbed(cluster_, wire.route);
      return is_undisturbed(cluster_, layout.gpu_of(wire.from), layout.gpu_of(wire.to));
    });
  }

  const Communication& communication_;
  const Cluster& cluster_;
  bool enabled_;
  LinkParts parts_;
  std::vector<bool> kept_;  // by part
  Classes workers_, groups_, wires_, part_classes_;
  std::vector<LinkId> folded_;  // by part: the link of the folded network
  Folding out_;
};

}  // namespace

Folding fold(const Communication& communication, const Cluster& cluster, bool enabled) {
  return Folder(communication, cluster, enabled).run();
}

}  // namespace rehearse
