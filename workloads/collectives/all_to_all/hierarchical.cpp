// Hierarchical all_to_all along rails: inside each node a rank first hands what is for the l-th ranks of all nodes to
// its node's own l-th; then l-th ranks exchange across the nodes, one message for a pair of nodes and a rail (NCCL's
// PXN). Pairwise both times. With N nodes of m ranks: 2 alpha + ((m-1)/m + (N-1)/N) S beta. In a node of fewer ranks,
// rank l mod its size acts for the l-th.
#include <algorithm>
#include <map>
#include <memory>

#include "workloads/collectives/rows.hpp"
#include "workloads/collectives/slots.hpp"

namespace rehearse {

namespace {

/// Adds a transfer, as one more run of the last one where it goes the same way and lies as far on as the last run.
void append_run(std::size_t first, const Transfer& t, std::vector<Transfer>& out) {
  if (out.size() > first) {
    Transfer& last = out.back();
    const std::int64_t on = t.from - last.from;
    const bool same_way = last.source == t.source && last.destination == t.destination && on > 0;
    if (same_way && t.to - last.to == on && (last.runs == 1 || on == last.runs * last.stride)) {
      if (last.runs == 1) last.stride = on;
      ++last.runs;
      return;
    }
  }
  out.push_back(t);
}

class Rails {
 public:
  explicit Rails(const CollectiveRequest& request) : slots_(request), nodes_(request.nodes) {
    for (const auto& node : nodes_) {
      largest_ = std::max(largest_, size(node));
      count_before(size(node));
    }
  }
  [[nodiscard]] std::uint32_t largest() const { return largest_; }
  [[nodiscard]] std::int64_t buffer() const { return (2 * std::int64_t{slots_.ranks} + scratch_slots_) * slots_.width; }

  /// Inside each node every rank to the one `step` after it.
  void inside(std::uint32_t step, std::vector<Transfer>& out) const {
    for (const auto& node : nodes_)
      for (std::uint32_t j = 0; step < size(node) && j < size(node); ++j) {
        const std::uint32_t via = (j + step) % size(node);
        const std::size_t first = out.size();
        for (std::uint32_t b = 0; b < nodes_.size(); ++b)
          for (std::uint32_t l = via; l < size(nodes_[b]); l += size(node))
            append_run(first, transfer(node[j], node[via], slots_.at(nodes_[b][l]), gathered(size(node), b, l) + j),
                       out);
      }
  }
  /// From every node to the one `step` after it.
  void across(std::uint32_t step, std::vector<Transfer>& out) const {
    for (std::uint32_t a = 0; a < nodes_.size(); ++a) {
      const auto& node = nodes_[a];
      const auto b = static_cast<std::uint32_t>((a + step) % nodes_.size());
      for (std::uint32_t l = 0; l < size(nodes_[b]); ++l) {
        const std::size_t first = out.size();
        for (std::uint32_t j = 0; j < size(node); ++j)
          append_run(first,
                     transfer(node[l % size(node)], nodes_[b][l], slots_.at(gathered(size(node), b, l) + j),
                              slots_.ranks + std::int64_t{node[j]}),
                     out);
      }
    }
  }

 private:
  static std::uint32_t size(const std::vector<std::uint32_t>& node) { return static_cast<std::uint32_t>(node.size()); }

  [[nodiscard]] Transfer transfer(std::uint32_t source, std::uint32_t destination, std::int64_t from,
                                  std::int64_t to_slot) const {
    return {.source = source,
            .destination = destination,
            .channel = slots_.channel,
            .from = from,
            .to = slots_.at(to_slot),
            .count = slots_.part.count};
  }
  /// For nodes of `m` ranks: how many ranks of the nodes before b each local rank acts for.
  void count_before(std::uint32_t m) {
    auto& before = before_[m];
    if (!before.empty()) return;
    before.resize((nodes_.size() + 1) * m, 0);
    for (std::size_t b = 0; b < nodes_.size(); ++b)
      for (std::uint32_t l = 0; l < m; ++l)
        before[(b + 1) * m + l] = before[b * m + l] + (size(nodes_[b]) + m - 1 - l) / m;
    scratch_slots_ = std::max(scratch_slots_, m * *std::max_element(before.end() - m, before.end()));
  }
  /// The first of the m slots in which a rank of a node of m ranks gathers what its node has for the l-th of node b.
  [[nodiscard]] std::int64_t gathered(std::uint32_t m, std::uint32_t b, std::uint32_t l) const {
    return 2 * std::int64_t{slots_.ranks} + m * (before_.at(m)[std::size_t{b} * m + l % m] + l / m);
  }

  Slots slots_;
  std::vector<std::vector<std::uint32_t>> nodes_;
  std::uint32_t largest_ = 0;
  std::int64_t scratch_slots_ = 0;
  std::map<std::uint32_t, std::vector<std::int64_t>> before_;  // by size of node; then by node and local rank
};

Pattern build(const CollectiveRequest& request) {
  const auto rails = std::make_shared<const Rails>(request);
  Pattern out = in_sequence(
      {stepwise(request.ranks, rails->largest(),
                [rails](std::uint64_t step, std::vector<Transfer>& to) {
                  rails->inside(static_cast<std::uint32_t>(step), to);
                }),
       stepwise(request.ranks, request.nodes.size(), [rails](std::uint64_t step, std::vector<Transfer>& to) {
         rails->across(static_cast<std::uint32_t>(step), to);
       })});
  out.buffer = rails->buffer();
  return out;
}

}  // namespace

const CollectiveRow all_to_all_hierarchical_row{"hierarchical", CollectiveOp::all_to_all,
                                                "inside the nodes by rail, then across the nodes", build};

}  // namespace rehearse
