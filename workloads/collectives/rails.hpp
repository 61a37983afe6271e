// Rails join the j-th members of all nodes; where a node has fewer, member j mod its size is on the rail. Private to
// workloads/collectives.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/collectives/pipelined.hpp"

namespace rehearse {

inline std::uint32_t on_rail(const std::vector<std::uint32_t>& node, std::size_t j) { return node[j % node.size()]; }

/// What a step is about: the shares of the members of `subject`, at node `node`, `start` steps behind the chunk's
/// first. What has come further has streams of its own, so that no chunk waits for the way of the one before between
/// nodes.
struct RailStep {
  const CollectiveRequest& request;
  std::size_t node = 0;
  const std::vector<std::uint32_t>& subject;
  std::uint32_t stream = 0;

  [[nodiscard]] const std::vector<std::uint32_t>& members() const { return request.nodes[node]; }
  [[nodiscard]] std::uint32_t the_switch() const { return request.ranks + static_cast<std::uint32_t>(node); }

  /// Between the switch and the members on the rails, each share on its own rail.
  void rails_and_switch(bool to_switch, std::uint64_t start, std::vector<PipelinedWire>& wires) const {
    for (std::size_t j = 0; j < subject.size(); ++j) {
      const std::uint32_t member = on_rail(members(), j);
      wires.push_back({to_switch ? member : the_switch(), to_switch ? the_switch() : member, false, subject[j],
                       request.ranks, start, stream});
    }
  }
  /// Between the switch and all members, all shares; the switch adds what comes to it.
  void all_and_switch(bool to_switch, std::uint64_t start, std::vector<PipelinedWire>& wires) const {
    const bool in_one = subject.back() - subject.front() + 1 == subject.size() &&
                        subject.front() % subject.size() == 0 && request.ranks % subject.size() == 0;
    for (const std::uint32_t member : members()) {
      PipelinedWire wire{to_switch ? member : the_switch(), to_switch ? the_switch() : member, to_switch};
      wire.start = start;
      wire.stream = stream;
      wire.parts = in_one ? request.ranks / static_cast<std::uint32_t>(subject.size()) : request.ranks;
      for (std::size_t j = 0; j < (in_one ? 1 : subject.size()); ++j) {
        wire.part = in_one ? subject.front() / static_cast<std::uint32_t>(subject.size()) : subject[j];
        wires.push_back(wire);
      }
    }
  }
  /// To the next node, along the rails.
  void along_rails(bool reduce, std::uint64_t start, std::vector<PipelinedWire>& wires) const {
    const auto& next = request.nodes[(node + 1) % request.nodes.size()];
    for (std::size_t j = 0; j < subject.size(); ++j)
      wires.push_back({on_rail(members(), j), on_rail(next, j), reduce, subject[j], request.ranks, start, stream});
  }
};

}  // namespace rehearse
