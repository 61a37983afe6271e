// The switch inside a node adds and copies (NVLink SHARP, NCCL's NVLS and NVLSTree; Klenk et al. 2020, "An in-network
// architecture for accelerating shared-memory multiprocessor collectives"): all members send every element to it, it
// sends the sum of share j to member j; the j-th members of all nodes all_reduce their share over two binary trees;
// each sends its share back to the switch, which copies everything to all members. Chunk after chunk through all of
// that.
//
// One node of n ranks, a rank's way to the switch taking alpha/2: 2 alpha + 2(1 + 1/n) S beta with one chunk, towards
// (1 + 1/n) S beta with many. Nodes that differ in size: the first member alone takes the whole sum and meets those of
// the other nodes.
#include <algorithm>
#include <utility>

#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

using Members = std::vector<std::uint32_t>;

/// Streams of a rank: its vector into the switch; then up and down each tree, with the sum's way into the switch in the
/// stream of the way down, because it sends on what comes down. Of a switch: parts of the sum, and everything.
enum Stream : std::uint32_t { vector_in, first_tree, part_out = 0, all_out };

class Builder {
 public:
  explicit Builder(const CollectiveRequest& request)
      : request_(request), trees_(double_binary_trees(size_of(request.nodes))) {
    const std::size_t first = request.nodes.front().size();
    const bool alike = std::ranges::all_of(request.nodes, [&](const Members& node) { return node.size() == first; });
    holders_ = alike ? static_cast<std::uint32_t>(first) : 1;
    halves_ = request.nodes.size() > 1 ? 2 : 1;
  }

  Pattern build() {
    for (std::uint32_t i = 0; i < request_.nodes.size(); ++i) ready_.push_back(gather(i));
    NodeSteps done(request_.nodes.size());
    for (std::uint32_t part = 0; part < holders_ * halves_; ++part) {
      const NodeSteps of_part = across(part);
      std::ranges::transform(done, of_part, done.begin(), [](auto a, auto b) { return std::max(a, b); });
    }
    for (std::uint32_t i = 0; i < request_.nodes.size(); ++i)
      if (has_switch(i))
        for (const std::uint32_t member : request_.nodes[i])
          wires_.push_back({switch_of(i), member, false, 0, 1, done[i] + 1, all_out});
    return pipelined(request_, size_of(request_.nodes), std::move(wires_));
  }

 private:
  template <class T>
  static std::uint32_t size_of(const std::vector<T>& list) {
    return static_cast<std::uint32_t>(list.size());
  }
  [[nodiscard]] bool has_switch(std::uint32_t node) const { return request_.nodes[node].size() > 1; }
  [[nodiscard]] std::uint32_t switch_of(std::uint32_t node) const { return request_.ranks + node; }

  /// From all members into the switch, and each part of the sum out of it to who holds it. Gives the step from which it
  /// is there.
  std::uint64_t gather(std::uint32_t node) {
    if (!has_switch(node)) return 0;
    const Members& members = request_.nodes[node];
    for (const std::uint32_t member : members) wires_.push_back({member, switch_of(node), true, 0, 1, 0, vector_in});
    for (std::uint32_t part = 0; part < holders_ * halves_; ++part)
      wires_.push_back({switch_of(node), members[part / halves_], false, part, holders_ * halves_, 1, part_out});
    return 2;
  }

  /// All nodes' sums of a part over a tree, and from there into the switches. Gives for each node the step of the
  /// latter.
  NodeSteps across(std::uint32_t part) {
    const std::uint32_t half = part % halves_, parts = holders_ * halves_;
    Members positions;
    for (const Members& node : request_.nodes) positions.push_back(node[part / halves_]);
    NodeSteps done = ready_;
    const std::uint32_t up = first_tree + 2 * half;
    reduce_and_broadcast({trees_[half], positions, part, parts, up}, done, wires_);
    for (std::uint32_t i = 0; i < positions.size(); ++i)
      if (has_switch(i)) wires_.push_back({positions[i], switch_of(i), false, part, parts, done[i], up + 1});
    return done;
  }

  const CollectiveRequest& request_;
  std::array<Tree, 2> trees_;
  std::uint32_t holders_ = 1, halves_ = 1;
  NodeSteps ready_;
  std::vector<PipelinedWire> wires_;
};

Pattern build(const CollectiveRequest& request) { return Builder(request).build(); }

}  // namespace

const CollectiveRow all_reduce_in_switch_row{
    "in_switch",
    CollectiveOp::all_reduce,
    "the switch of each node adds and copies (NVLink SHARP), trees across nodes; half a ring's bytes in a node",
    build,
    {.pipelined = true, .needs_switch = true, .nccl = true}};

}  // namespace rehearse
