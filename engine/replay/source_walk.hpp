// A FlowSource replayed: its flows, from their start to their arrival. Private to engine/replay.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "engine/network.hpp"
#include "engine/replay.hpp"
#include "engine/replay/simgrid_world.hpp"
#include "engine/replay/traffic.hpp"

namespace rehearse::replay_detail {

class SourceWalk {
 public:
  SourceWalk(FlowSource& source, const Network& network, SimgridWorld& world, Traffic& traffic)
      : source_(source), network_(network), world_(world), traffic_(traffic), epoch_(world.now()) {}

  /// To be called before the world runs.
  void begin();
  /// A timer went off: a flow's latency is over.
  void timer_ended(std::uint32_t slot) { tell({slot, live_[slot].arrival, true}); }
  void flow_ended(std::uint32_t slot) { tell({slot, world_.now() - epoch_, false}); }
  /// A flow under way is to take longer from its last byte leaving to its arrival.
  void flow_longer(std::uint32_t slot, double more) { live_[slot].flow.latency += Seconds(more); }
  /// To be called when the world has nothing left to do.
  [[nodiscard]] SourceReplay result() const;

 private:
  struct Live {
    SourceFlow flow;
    double arrival = 0;
  };
  /// What the source has to be told.
  struct News {
    std::uint32_t slot = 0;
    double date = 0;
    bool arrived = false;  ///< or else left
  };

  void start(const SourceFlow& flow, double now);
  void tell(const News& news);
  void tell_left(const News& news);
  void tell_arrived(const News& news);
  void tell_all();

  FlowSource& source_;
  const Network& network_;
  SimgridWorld& world_;
  Traffic& traffic_;
  double epoch_, makespan_ = 0;
  std::uint64_t flows_ = 0;
  std::size_t alive_ = 0, most_alive_ = 0;
  std::vector<Live> live_;  // by slot: the token of the world
  std::vector<std::uint32_t> free_;
  std::deque<News> news_;
  bool telling_ = false;
  std::vector<SourceFlow> started_;
  std::vector<double> path_bytes_;
};

}  // namespace rehearse::replay_detail
