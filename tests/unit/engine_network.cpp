// Network: links, paths, what a path costs one flow.
#include <doctest/doctest.h>

#include <cmath>

#include "engine/network.hpp"
#include "tests/support/relative.hpp"

namespace rehearse {
namespace {

struct Wires {
  Network n;
  LinkId slow = n.add_link({"slow", BytesPerSecond(1e9), Seconds(2e-6), LinkKind::nic});
  LinkId fast = n.add_link({"fast", BytesPerSecond(4e9), Seconds(5e-7), LinkKind::nvlink, 8});
};

TEST_CASE("network: links keep what they were given, numbered in order") {
  const Wires w;
  REQUIRE(w.n.links().size() == 2);
  CHECK(w.slow == LinkId{0});
  CHECK(w.fast == LinkId{1});
  CHECK(w.n.link(w.fast).name == "fast");
  CHECK(w.n.link(w.fast).bandwidth == BytesPerSecond(4e9));
  CHECK(w.n.link(w.fast).latency == Seconds(5e-7));
  CHECK(w.n.link(w.fast).kind == LinkKind::nvlink);
  CHECK(w.n.link(w.fast).members == 8);
  CHECK(w.n.link(w.slow).members == 1);
  CHECK(link_kind_name(LinkKind::nvlink) == "nvlink");
  CHECK(link_kind_name(LinkKind::other) == "other");
}

TEST_CASE("network: a path has the sum of its links' latencies and the least of their bandwidths") {
  Wires w;
  const PathId both = w.n.add_path({{w.fast}, {w.slow}}), fast = w.n.add_path({{w.fast}});
  CHECK(w.n.path_count() == 2);
  CHECK(both == PathId{0});
  CHECK(fast == PathId{1});
  REQUIRE(w.n.hops(both).size() == 2);
  CHECK(w.n.hops(both)[0] == Hop{w.fast, 1});
  CHECK(w.n.hops(both)[1] == Hop{w.slow, 1});
  REQUIRE(w.n.hops(fast).size() == 1);
  CHECK(w.n.latency(both).value() == testing::relative(2.5e-6, 1e-15));
  CHECK(w.n.bottleneck(both) == BytesPerSecond(1e9));
  CHECK(w.n.bottleneck(fast) == BytesPerSecond(4e9));
}

TEST_CASE("network: a link crossed many times by a folded path is as much slower, at the latency that was given") {
  Wires w;
  const PathId folded = w.n.add_path({{w.fast, 8}, {w.slow, 1}}, Seconds(3e-6));
  CHECK(w.n.hops(folded)[0].times == 8);
  CHECK(w.n.latency(folded) == Seconds(3e-6));
  CHECK(w.n.bottleneck(folded) == BytesPerSecond(0.5e9));
}

TEST_CASE("network: the empty path is free") {
  Wires w;
  const PathId nothing = w.n.add_path({}), waiting = w.n.add_path({}, Seconds(1e-6));
  CHECK(w.n.hops(nothing).empty());
  CHECK(w.n.latency(nothing) == Seconds(0));
  CHECK(std::isinf(w.n.bottleneck(nothing).value()));
  CHECK(Bytes(1000) / w.n.bottleneck(nothing) == Seconds(0));
  CHECK(w.n.latency(waiting) == Seconds(1e-6));
  CHECK(w.n.path_count() == 2);
}

}  // namespace
}  // namespace rehearse
