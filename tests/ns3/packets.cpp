// Messages as packets through ns-3's nodes and point-to-point devices; switching and windows are here, queues in Port.
#include "tests/ns3/packets.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "ns3/nstime.h"
#include "ns3/simulator.h"
#include "tests/ns3/port.hpp"

namespace rehearse::testing {
namespace {

constexpr std::uint32_t ppp_bytes = 2;  // that ns-3's device adds to each packet: part of the header

Seconds on_wire(std::uint32_t bytes, const TopologyLink& link) { return Bytes(bytes) / link.bandwidth; }

class PacketSimulation {
 public:
  PacketSimulation(const Traffic& traffic, Discipline discipline, double window)
      : traffic_(traffic), discipline_(discipline), state_(traffic.messages.size()) {
    add_ports();
    for (std::uint32_t m = 0; m < state_.size(); ++m) add_message(m, window);
  }

  std::vector<double> run() {
    for (std::uint32_t m = 0; m < state_.size(); ++m)
      if (traffic_.messages[m].after.empty()) release(m);
    ns3::Simulator::Run();
    std::vector<double> arrivals;
    for (const State& s : state_) arrivals.push_back(s.arrival);
    ns3::Simulator::Destroy();
    return arrivals;
  }

 private:
  struct State {
    TopologyRoute forth, back;
    std::uint32_t packets = 0, window = 0, sent = 0, received = 0, waits_for = 0;
    std::vector<std::uint32_t> before;  // the messages that wait for this one
    double arrival = std::numeric_limits<double>::quiet_NaN();
  };

  void add_ports() {
    const Topology& t = traffic_.topology;
    for (std::size_t v = 0; v < boost::num_vertices(t.graph); ++v) nodes_.push_back(ns3::CreateObject<ns3::Node>());
    const auto arrives = [this](Port& port, const ns3::Ptr<ns3::Packet>& packet) { arrived(port, packet); };
    for (std::uint32_t e = 0; e < t.edges.size(); ++e)
      ports_.push_back(std::make_unique<Port>(t.link(e), credits(t.link(e)), arrives));
    for (std::uint32_t e = 0; e < t.edges.size(); e += 2)  // a cable is two links, one after the other
      Port::join(*ports_[e], nodes_[boost::source(t.edges[e], t.graph)], *ports_[e + 1],
                 nodes_[boost::target(t.edges[e], t.graph)], t.link(e).latency);
  }

  // Twice what keeps the link full: a packet is on the wire there and one behind it, and credits take as long to
  // return.
  [[nodiscard]] std::optional<std::uint32_t> credits(const TopologyLink& link) const {
    if (discipline_ != Discipline::credits) return {};
    return 2 * static_cast<std::uint32_t>(std::ceil(2 * link.latency / on_wire(packet_bytes, link) + 2));
  }

  void add_message(std::uint32_t number, double window) {
    const Message& m = traffic_.messages[number];
    State& s = state_[number];
    s.forth = traffic_.topology.route(m.source, m.destination, 0);
    s.back = traffic_.topology.route(m.destination, m.source, 0);
    s.packets = static_cast<std::uint32_t>((m.bytes.value() + payload_bytes - 1) / payload_bytes);
    s.waits_for = static_cast<std::uint32_t>(m.after.size());
    for (const std::uint32_t before : m.after) state_[before].before.push_back(number);
    Seconds round_trip, slowest;
    for (const std::uint32_t e : s.forth) {
      const TopologyLink& link = traffic_.topology.link(e);
      round_trip += link.latency + on_wire(packet_bytes, link);
      slowest = std::max(slowest, on_wire(packet_bytes, link));
    }
    for (const std::uint32_t e : s.back)
      round_trip += traffic_.topology.link(e).latency + on_wire(acknowledgement_bytes, traffic_.topology.link(e));
    s.window = discipline_ == Discipline::credits
                   ? s.packets
                   : static_cast<std::uint32_t>(std::ceil(window * (round_trip / slowest)));
  }

  void release(std::uint32_t number) {
    ns3::Simulator::Schedule(ns3::Seconds(traffic_.messages[number].start.value()), &PacketSimulation::begin, this,
                             number);
  }

  void begin(std::uint32_t number) {
    const State& s = state_[number];
    for (std::uint32_t n = std::min(s.window, s.packets); n > 0; --n) send_next(number);
  }

  void send_next(std::uint32_t number) {
    State& s = state_[number];
    const std::int64_t left = traffic_.messages[number].bytes.value() - std::int64_t{s.sent++} * payload_bytes;
    const auto payload = static_cast<std::uint32_t>(std::min<std::int64_t>(left, payload_bytes));
    send(number, false, header_bytes + payload);
  }

  void send(std::uint32_t number, bool acknowledges, std::uint32_t bytes) {
    const auto packet = ns3::Create<ns3::Packet>(bytes - ppp_bytes);
    PacketTag tag;
    tag.message = number;
    tag.acknowledges = acknowledges;
    pass_on(nullptr, packet, tag);
  }

  [[nodiscard]] const TopologyRoute& route(const PacketTag& tag) const {
    return tag.acknowledges ? state_[tag.message].back : state_[tag.message].forth;
  }

  // A NIC has a queue for each message, whatever switches do.
  void pass_on(Port* entered, const ns3::Ptr<ns3::Packet>& packet, const PacketTag& tag) {
    std::uint32_t key = 2 * tag.message + (tag.acknowledges ? 1 : 0);
    if (entered != nullptr && discipline_ == Discipline::fifo) key = 0;
    if (entered != nullptr && discipline_ == Discipline::credits) key = route(tag)[tag.hops - 1];
    packet->AddPacketTag(tag);
    ports_[route(tag)[tag.hops]]->put(key, {packet, entered});
  }

  void arrived(Port& port, const ns3::Ptr<ns3::Packet>& packet) {
    PacketTag tag;
    packet->RemovePacketTag(tag);
    if (++tag.hops < route(tag).size()) return pass_on(&port, packet, tag);
    port.return_credit();
    if (tag.acknowledges) {
      if (state_[tag.message].sent < state_[tag.message].packets) send_next(tag.message);
    } else {
      received(tag.message);
    }
  }

  void received(std::uint32_t number) {
    State& s = state_[number];
    if (discipline_ != Discipline::credits) send(number, true, acknowledgement_bytes);
    if (++s.received < s.packets) return;
    s.arrival = ns3::Simulator::Now().GetSeconds();
    for (const std::uint32_t next : s.before)
      if (--state_[next].waits_for == 0) release(next);
  }

  const Traffic& traffic_;
  Discipline discipline_;
  std::vector<State> state_;
  std::vector<ns3::Ptr<ns3::Node>> nodes_;
  std::vector<std::unique_ptr<Port>> ports_;  // of the topology's links
};

}  // namespace

std::string_view discipline_name(Discipline discipline) {
  constexpr std::string_view names[] = {"fair", "fifo", "credits"};
  return names[static_cast<std::size_t>(discipline)];
}

std::vector<double> packet_arrivals(const Traffic& traffic, Discipline discipline, double window) {
  // A packet takes 164.88 ns. ns-3 takes this once for a process.
  static const bool in_picoseconds = (ns3::Time::SetResolution(ns3::Time::PS), true);
  static_cast<void>(in_picoseconds);
  return PacketSimulation(traffic, discipline, window).run();
}

}  // namespace rehearse::testing
