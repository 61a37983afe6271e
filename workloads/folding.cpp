#include "workloads/folding.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

#include "workloads/bottlenecks.hpp"
#include "workloads/refinement.hpp"

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

Colours one_colour_each(const Communication& communication, const Cluster& cluster) {
  const auto count_up = [](std::size_t n) {
    std::vector<std::uint64_t> colours(n);
    std::iota(colours.begin(), colours.end(), 0U);
    return colours;
  };
  return {count_up(communication.layout().gpus()), count_up(communication.groups().size()),
          count_up(communication.wires().size()), count_up(cluster.links().size())};
}

class Folder {
 public:
  Folder(const Communication& communication, const Cluster& cluster, const FoldingOptions& options)
      : communication_(communication), cluster_(cluster), options_(options) {}

  Folding run() {
    used_ = used_links();
    kept_ = used_;
    if (options_.fold) drop_never_bottleneck(communication_, cluster_, kept_);
    const Colours colours = options_.fold ? refine(communication_, cluster_, kept_)
                                          : one_colour_each(communication_, cluster_);
    const Classes gpus = classes_of(colours.gpu), groups = classes_of(colours.group);
    wires_ = classes_of(colours.wire);
    links_ = classes_of(colours.link);
    for (std::size_t c = 0; c < gpus.members.size(); ++c) out_.gpus.push_back({gpus.representative[c], gpus.members[c]});
    out_.gpu_class = gpus.of;
    out_.group_class = groups.of;
    out_.group_of_class = groups.representative;
    out_.wire_class = wires_.of;
    out_.links_left_out = static_cast<std::uint32_t>(std::ranges::count(used_, true) - std::ranges::count(kept_, true));
    add_links();
    add_paths();
    find_isolated();
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::vector<bool> used_links() const {
    std::vector<bool> used(cluster_.links().size(), false);
    for (const Wire& wire : communication_.wires())
      for (LinkId link : wire.route) used[index(link)] = true;
    return used;
  }

  void add_links() {
    folded_link_.assign(links_.representative.size(), LinkId{no_index});
    for (std::size_t c = 0; c < links_.representative.size(); ++c) {
      const std::uint32_t l = links_.representative[c];
      if (!kept_[l]) continue;
      Link link = cluster_.links()[l];
      link.members = links_.members[c];
      folded_link_[c] = out_.network.add_link(std::move(link));
    }
  }

  /// The path of a wire class crosses a link class as often as wires of the class cross one link of it.
  void add_paths() {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> crossings;  // (wire class, link class)
    for (std::size_t w = 0; w < wires_.of.size(); ++w)
      for (LinkId link : communication_.wires()[w].route)
        if (is_representative(link)) ++crossings[{wires_.of[w], links_.of[index(link)]}];
    for (std::uint32_t c = 0; c < wires_.representative.size(); ++c) {
      const Wire& wire = communication_.wires()[wires_.representative[c]];
      std::vector<Hop> hops;
      for (LinkId link : wire.route) {
        if (!kept_[index(link)]) continue;
        const std::uint32_t link_class = links_.of[index(link)];
        const Hop hop{folded_link_[link_class], crossings.at({c, link_class})};
        if (std::ranges::find(hops, hop) == hops.end()) hops.push_back(hop);
      }
      out_.path_of_wire_class.push_back(out_.network.add_path(std::move(hops), wire.latency));
    }
  }

  [[nodiscard]] bool is_representative(LinkId link) const {
    return kept_[index(link)] && links_.representative[links_.of[index(link)]] == index(link);
  }

  void find_isolated() {
    std::vector<std::vector<std::uint32_t>> crossing(cluster_.links().size());
    for (std::uint32_t w = 0; w < wires_.of.size(); ++w)
      for (LinkId link : communication_.wires()[w].route)
        if (kept_[index(link)]) crossing[index(link)].push_back(w);
    for (std::uint32_t g : out_.group_of_class) {
      bool alone = blocking(communication_.groups()[g].kind);
      for (std::uint32_t w : communication_.groups()[g].wires)
        for (LinkId link : communication_.wires()[w].route)
          for (std::uint32_t other : crossing[index(link)]) alone = alone && never_beside(g, communication_.wires()[other]);
      out_.isolated.push_back(alone);
    }
  }

  [[nodiscard]] bool blocking(GroupKind kind) const { return kind != GroupKind::data || !options_.overlapped_data; }

  /// Whether flows of `wire` can never be under way during a collective of group `g`: they are its own, or a GPU that
  /// does nothing else meanwhile takes part in both.
  [[nodiscard]] bool never_beside(std::uint32_t g, const Wire& wire) const {
    if (wire.group == g) return true;
    const auto& members = communication_.groups()[g].members;
    const bool from = std::ranges::binary_search(members, wire.from);
    if (wire.group == no_group) return options_.blocking_sends && from;
    const bool to = std::ranges::binary_search(members, wire.to);
    return blocking(communication_.groups()[wire.group].kind) && (from || to);
  }

  const Communication& communication_;
  const Cluster& cluster_;
  FoldingOptions options_;
  std::vector<bool> used_, kept_;
  Classes wires_, links_;
  std::vector<LinkId> folded_link_;  // by link class
  Folding out_;
};

}  // namespace

Folding fold(const Communication& communication, const Cluster& cluster, const FoldingOptions& options) {
  return Folder(communication, cluster, options).run();
}

}  // namespace rehearse
