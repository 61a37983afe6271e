// The traffic that is compared. Every cable has 200 Gb/s where nothing else is said, and 500 ns: a NIC or switch and
// some metres.
#include <random>

#include "tests/ns3/traffic.hpp"
#include "tests/support/closed_forms.hpp"

namespace rehearse::testing {
namespace {

const TopologyLink cable{"port", BytesPerSecond(200e9 / 8), Seconds(500e-9)};

// `ports[s]` endpoints at switch s, numbered on from switch to switch; switch s is joined to s + 1.
Topology chain(const std::vector<std::uint32_t>& ports) {
  Topology out;
  std::uint32_t before = 0;
  for (std::size_t s = 0; s < ports.size(); ++s) {
    const std::uint32_t here = add_vertex(out, {"switch" + std::to_string(s)});
    if (s > 0) add_cable(out, before, here, cable);
    for (std::uint32_t p = 0; p < ports[s]; ++p)
      add_cable(out, add_vertex(out, {"host" + std::to_string(out.endpoints.size()), true}), here, cable);
    before = here;
  }
  out.route = [copy = out](std::uint32_t source, std::uint32_t destination, std::uint64_t) {
    return shortest_path(copy, source, destination);
  };
  return out;
}

constexpr std::uint32_t leaf_hosts = 4, leaves = 4, hosts = leaf_hosts * leaves;

// 4 leaves of 4 hosts, each leaf with one cable to the one spine: as fast as its hosts' together, or so many times
// slower.
Topology tree(std::uint32_t oversubscription) {
  const std::string up = std::to_string(leaf_hosts * 200 / oversubscription) + " Gb/s";
  return topology_of("{topology: fat_tree, radix: " + std::to_string(leaf_hosts + 1) + ", bandwidth: [200 Gb/s, " + up +
                         "], oversubscription: " + std::to_string(oversubscription) + "}",
                     hosts, cable.bandwidth.value(), cable.latency.value());
}

Traffic incast(Bytes bytes) {
  constexpr std::uint32_t senders = 8;
  Traffic out{chain({senders + 1}), {}};
  for (std::uint32_t s = 0; s < senders; ++s) out.messages.push_back({s, senders, bytes, {}});
  return out;
}

// Two senders at one switch, two receivers at the other.
Traffic two_flows(Bytes bytes) { return {chain({2, 2}), {{0, 2, bytes, {}}, {1, 3, bytes, {}}}}; }

Traffic two_sizes(Bytes bytes) { return {chain({2, 2}), {{0, 2, bytes, {}}, {1, 3, bytes * 3, {}}}}; }

// The second begins when half of the first has gone.
Traffic one_late(Bytes bytes) {
  return {chain({2, 2}), {{0, 2, bytes, {}}, {1, 3, bytes, bytes / cable.bandwidth / 2}}};
}

// A flow over all three links between four switches, and over each of them one of its own.
Traffic parking_lot(Bytes bytes) {
  return {chain({2, 2, 2, 2}), {{0, 6, bytes, {}}, {1, 2, bytes, {}}, {3, 4, bytes, {}}, {5, 7, bytes, {}}}};
}

// Hosts at four switches in a row send to one at the last: the further away, the more switches on the way.
Traffic merging(Bytes bytes) {
  return {chain({1, 1, 1, 2}), {{0, 4, bytes, {}}, {1, 4, bytes, {}}, {2, 4, bytes, {}}, {3, 4, bytes, {}}}};
}

// Three hosts of a leaf send to one host of another; the fourth sends to that one's neighbour, and no link on its way
// is full.
Traffic bystander(Bytes bytes) {
  return {tree(1), {{0, 4, bytes, {}}, {1, 4, bytes, {}}, {2, 4, bytes, {}}, {3, 5, bytes, {}}}};
}

// The host of a position of a ring: leaf by leaf; or every next one on the next leaf.
std::uint32_t packed(std::uint32_t position) { return position % hosts; }
std::uint32_t strided(std::uint32_t position) { return position % leaves * leaf_hosts + position % hosts / leaves; }

// So many steps of a ring. A position goes on when what it sent and what it is to receive have arrived.
template <std::uint32_t (*Host)(std::uint32_t position)>
Traffic ring(Bytes bytes, std::uint32_t steps) {
  Traffic out{tree(2), {}};
  for (std::uint32_t step = 0; step < steps; ++step)
    for (std::uint32_t p = 0; p < hosts; ++p) {
      Message m{Host(p), Host(p + 1), bytes, {}};
      if (step > 0) m.after = {(step - 1) * hosts + p, (step - 1) * hosts + (p + hosts - 1) % hosts};
      out.messages.push_back(m);
    }
  return out;
}

template <std::uint32_t (*Host)(std::uint32_t position)>
Traffic ring_step(Bytes bytes) {
  return ring<Host>(bytes, 1);
}

template <std::uint32_t (*Host)(std::uint32_t position)>
Traffic all_reduce(Bytes bytes) {
  return ring<Host>(bytes, 2 * (hosts - 1));
}

// Every host sends to another of a permutation, four hosts to one cable up.
Traffic permutation(Bytes bytes) {
  Traffic out{tree(4), {}};
  std::mt19937 random(1);
  std::vector<std::uint32_t> to = ring_order(hosts);
  for (std::uint32_t i = hosts - 1; i > 0; --i) std::swap(to[i], to[random() % i]);  // Sattolo's: none to itself
  for (std::uint32_t h = 0; h < hosts; ++h) out.messages.push_back({h, to[h], bytes, {}});
  return out;
}

// Messages of one to four times `bytes` between random hosts, all begun within the time that a host's share of them,
// at `bytes` each, takes on its cable.
Traffic random_messages(Bytes bytes) {
  constexpr std::uint32_t count = 3 * hosts;
  Traffic out{tree(2), {}};
  std::mt19937 random(1);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto from = static_cast<std::uint32_t>(random() % hosts);
    const auto to = static_cast<std::uint32_t>((from + 1 + random() % (hosts - 1)) % hosts);
    const double when = static_cast<double>(random() % 1000) / 1000;
    const std::int64_t times = 1 + static_cast<std::int64_t>(random() % 4);
    out.messages.push_back({from, to, bytes * times, bytes * (count / hosts) / cable.bandwidth * when});
  }
  return out;
}

}  // namespace

const std::vector<TrafficCase>& traffic_cases() {
  static const std::vector<TrafficCase> cases = {
      {"incast", incast, {1, 4, 16}},
      {"two_flows", two_flows, {1, 4, 16}},
      {"two_sizes", two_sizes, {1, 4, 16}},
      {"one_late", one_late, {1, 4, 16}},
      {"parking_lot", parking_lot, {1, 4, 16}},
      {"merging", merging, {1, 4, 16}},
      {"bystander", bystander, {1, 4, 16}},
      {"ring_packed", ring_step<packed>, {1, 4}},
      {"ring_strided", ring_step<strided>, {1, 4}},
      {"all_reduce_packed", all_reduce<packed>, {1}},
      {"all_reduce_strided", all_reduce<strided>, {1}},
      {"permutation", permutation, {1, 4, 16}},
      {"random", random_messages, {1, 4}},
  };
  return cases;
}

}  // namespace rehearse::testing
