// One direction of a cable in ns-3: a device that sends, what waits for it, and what arrives at the other end.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "ns3/net-device.h"
#include "ns3/node.h"
#include "ns3/packet.h"
#include "ns3/point-to-point-net-device.h"
#include "topologies/topology.hpp"

namespace rehearse::testing {

/// What a packet carries: of which message it is, and how many links it has behind it.
class PacketTag : public ns3::Tag {
 public:
  static ns3::TypeId GetTypeId();
  [[nodiscard]] ns3::TypeId GetInstanceTypeId() const override { return GetTypeId(); }
  [[nodiscard]] std::uint32_t GetSerializedSize() const override { return 3 * sizeof(std::uint32_t); }
  void Serialize(ns3::TagBuffer i) const override;
  void Deserialize(ns3::TagBuffer i) override;
  void Print(std::ostream& out) const override;

  std::uint32_t message = 0, hops = 0;
  bool acknowledges = false;
};

/// Queues of packets by key, served in turn and each with as many bytes: deficit round robin (Shreedhar and Varghese,
/// SIGCOMM 1995) with the largest packet for a quantum. ns-3's device gets one packet at a time, so the order is
/// decided when the wire falls free.
class Port {
 public:
  struct Waiting {
    ns3::Ptr<ns3::Packet> packet;
    Port* entered = nullptr;  ///< by which it came into this node; none: it is from here
  };

  /// `credits`: packets that the buffer at the other end takes, if there is a limit; `arrives`: what is done with a
  /// packet there.
  Port(const TopologyLink& link, std::optional<std::uint32_t> credits,
       std::function<void(Port&, const ns3::Ptr<ns3::Packet>&)> arrives);
  /// Both directions of a cable, between their nodes.
  static void join(Port& forth, ns3::Ptr<ns3::Node> a, Port& back, ns3::Ptr<ns3::Node> b, Seconds latency);

  void put(std::uint32_t key, Waiting waiting);
  /// A packet has left the buffer at the other end: a credit is on its way back.
  void return_credit();

 private:
  struct Queue {
    std::deque<Waiting> packets;
    std::uint32_t deficit = 0;  // bytes that it may still send in this turn
    bool has_turn = false;
  };

  Waiting next();
  void serve();
  void sent(ns3::Ptr<const ns3::Packet> packet);
  void arrived(ns3::Ptr<ns3::NetDevice> device, ns3::Ptr<const ns3::Packet> packet, std::uint16_t protocol,
               const ns3::Address& from, const ns3::Address& to, ns3::NetDevice::PacketType type);
  void credited();

  ns3::Ptr<ns3::PointToPointNetDevice> device_;
  Seconds latency_;
  std::optional<std::uint32_t> credits_;
  std::function<void(Port&, const ns3::Ptr<ns3::Packet>&)> arrives_;
  std::map<std::uint32_t, Queue> queues_;
  std::deque<std::uint32_t> turns_;  // keys of queues that are not empty
  Port* entered_ = nullptr;          // of the packet on the wire
  bool busy_ = false;
};

}  // namespace rehearse::testing
