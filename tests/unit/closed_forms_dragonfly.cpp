// Adversarial traffic on a dragonfly: every group sends all it has to the next (Kim, Dally, Scott and Abts, ISCA 2008,
// section 4.2). S bytes from each endpoint, B the bandwidth of every cable.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/closed_forms.hpp"
#include "tests/support/relative.hpp"

namespace rehearse {
namespace {

constexpr double S = 64e6, B = 50e9;

struct Dragonfly {
  std::uint32_t p, a, h;  // endpoints of a router, routers of a group, global links of a router
  [[nodiscard]] std::uint32_t groups() const { return a * h + 1; }
  [[nodiscard]] std::uint32_t endpoints() const { return p * a * groups(); }
};

/// The seconds that the pattern takes where each endpoint's bytes go as `parts` flows.
double worst_case(const Dragonfly& d, const std::string& routing, std::uint32_t parts) {
  const Topology topology =
      testing::topology_of("{topology: dragonfly, endpoints_per_router: " + std::to_string(d.p) +
                               ", routers_per_group: " + std::to_string(d.a) +
                               ", global_links: " + std::to_string(d.h) + ", routing: " + routing + "}",
                           d.endpoints(), B, 0);
  testing::Fabric fabric = testing::fabric_of(topology);
  ScheduleBuilder schedule(d.endpoints());
  for (std::uint32_t e = 0; e < d.endpoints(); ++e)
    for (std::uint32_t part = 0; part < parts; ++part) {
      const std::uint32_t to = (e + d.p * d.a) % d.endpoints();
      std::vector<Hop> hops;
      for (const std::uint32_t link : topology.route(e, to, part)) hops.push_back({LinkId{link}});
      schedule.add_flow({}, Kind::other, Rank{e}, Rank{to}, Bytes(static_cast<std::int64_t>(S / parts)),
                        fabric.network.add_path(std::move(hops)));
    }
  return testing::replay(fabric.network, schedule.build()).makespan.value();
}

TEST_CASE("dragonfly: minimal routing sends a whole group over one cable") {
  for (const Dragonfly d : {Dragonfly{1, 2, 1}, {2, 4, 2}, {3, 4, 2}, {2, 4, 1}}) {
    CAPTURE(d.p);
    CAPTURE(d.h);
    // p a endpoints share the one global cable between two groups: p a S / B.
    for (const char* routing : {"ecmp", "shortest_path"})
      CHECK(worst_case(d, routing, 1) == testing::relative(d.p * d.a * S / B, 1e-9));
  }
}

TEST_CASE("dragonfly: Valiant's detours spread the worst case over all global cables") {
  const Dragonfly d{2, 4, 2};
  // Each byte crosses two global cables, of which there are a h a group: no less than 2 p a / (a h) = 2 p / h ports'
  // time; minimal routing takes p a of them. The rest is what random choices leave uneven.
  const double least = 2.0 * d.p / d.h * S / B, minimal = d.p * d.a * S / B;
  const double few = worst_case(d, "valiant", 4), many = worst_case(d, "valiant", 64);
  CHECK(many >= least);
  CHECK(many < few);
  CHECK(many < 1.5 * least);
  CHECK(many < 0.4 * minimal);
}

}  // namespace
}  // namespace rehearse
