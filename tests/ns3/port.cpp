#include "tests/ns3/port.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "ns3/drop-tail-queue.h"
#include "ns3/point-to-point-channel.h"
#include "ns3/simulator.h"
#include "tests/ns3/traffic.hpp"

namespace rehearse::testing {
namespace {

constexpr std::uint16_t ethertype = 0x0800;  // ns-3's PPP header knows IP only

}  // namespace

ns3::TypeId PacketTag::GetTypeId() {
  static const ns3::TypeId id = ns3::TypeId("rehearse::PacketTag").SetParent<ns3::Tag>().AddConstructor<PacketTag>();
  return id;
}

void PacketTag::Serialize(ns3::TagBuffer i) const {
  i.WriteU32(message);
  i.WriteU32(hops);
  i.WriteU32(acknowledges ? 1 : 0);
}

void PacketTag::Deserialize(ns3::TagBuffer i) {
  message = i.ReadU32();
  hops = i.ReadU32();
  acknowledges = i.ReadU32() != 0;
}

void PacketTag::Print(std::ostream& out) const { out << "message " << message << " hops " << hops; }

Port::Port(const TopologyLink& link, std::optional<std::uint32_t> credits,
           std::function<void(Port&, const ns3::Ptr<ns3::Packet>&)> arrives)
    : device_(ns3::CreateObject<ns3::PointToPointNetDevice>()),
      latency_(link.latency),
      credits_(credits),
      arrives_(std::move(arrives)) {
  device_->SetDataRate(ns3::DataRate(static_cast<std::uint64_t>(std::llround(link.bandwidth.value() * 8))));
  device_->SetMtu(packet_bytes);
  device_->SetQueue(ns3::CreateObject<ns3::DropTailQueue<ns3::Packet>>());
  device_->TraceConnectWithoutContext("PhyTxEnd", ns3::MakeCallback(&Port::sent, this));
}

void Port::join(Port& forth, ns3::Ptr<ns3::Node> a, Port& back, ns3::Ptr<ns3::Node> b, Seconds latency) {
  const auto channel = ns3::CreateObject<ns3::PointToPointChannel>();
  channel->SetAttribute("Delay", ns3::TimeValue(ns3::Seconds(latency.value())));
  a->AddDevice(forth.device_);
  b->AddDevice(back.device_);
  forth.device_->Attach(channel);
  back.device_->Attach(channel);
  b->RegisterProtocolHandler(ns3::MakeCallback(&Port::arrived, &forth), ethertype, back.device_);
  a->RegisterProtocolHandler(ns3::MakeCallback(&Port::arrived, &back), ethertype, forth.device_);
}

void Port::put(std::uint32_t key, Waiting waiting) {
  std::deque<Waiting>& packets = queues_[key].packets;
  if (packets.empty()) turns_.push_back(key);
  packets.push_back(std::move(waiting));
  serve();
}

Port::Waiting Port::next() {
  for (;;) {
    const std::uint32_t key = turns_.front();
    Queue& queue = queues_[key];
    if (!queue.has_turn) queue.deficit += packet_bytes;
    queue.has_turn = queue.packets.front().packet->GetSize() <= queue.deficit;
    if (!queue.has_turn) {
      turns_.pop_front();
      turns_.push_back(key);
      continue;
    }
    Waiting first = std::move(queue.packets.front());
    queue.packets.pop_front();
    queue.deficit -= first.packet->GetSize();
    if (queue.packets.empty()) {
      turns_.pop_front();
      queues_.erase(key);
    }
    return first;
  }
}

void Port::serve() {
  if (busy_ || turns_.empty() || credits_ == 0) return;
  const Waiting first = next();
  busy_ = true;
  if (credits_) --*credits_;
  entered_ = first.entered;
  if (!device_->Send(first.packet, device_->GetBroadcast(), ethertype)) throw std::runtime_error("ns-3 lost a packet");
}

// Called before the device has put the packet away: the next one follows in an event of its own.
// NOLINTNEXTLINE(performance-unnecessary-value-param): ns-3's signature, and that of arrived
void Port::sent(ns3::Ptr<const ns3::Packet>) {
  busy_ = false;
  if (entered_ != nullptr) entered_->return_credit();
  ns3::Simulator::ScheduleNow(&Port::serve, this);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param)
void Port::arrived(ns3::Ptr<ns3::NetDevice>, ns3::Ptr<const ns3::Packet> packet, std::uint16_t, const ns3::Address&,
                   const ns3::Address&, ns3::NetDevice::PacketType) {
  arrives_(*this, packet->Copy());
}

void Port::return_credit() {
  if (credits_) ns3::Simulator::Schedule(ns3::Seconds(latency_.value()), &Port::credited, this);
}

void Port::credited() {
  ++*credits_;
  serve();
}

}  // namespace rehearse::testing
