// Links that are down: what goes round them, what cannot, and copies of topologies that outlive their original.
#include <doctest/doctest.h>

#include <map>

#include "tests/unit/topologies_routing_support.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::build_routed;
using testing::Routed;

// What is shortest: first links between groups, then links.
using Length = std::pair<int, int>;

Length length_of(const Topology& t, const TopologyRoute& route) {
  const auto far = std::count_if(route.begin(), route.end(), [&t](std::uint32_t e) { return is_between_groups(t, e); });
  return {static_cast<int>(far), static_cast<int>(route.size())};
}

// Of the shortest path from one endpoint to another over links that are up, by relaxing all of them until nothing
// changes (Bellman and Ford); {-1, -1} where there is none.
Length distance(const Topology& t, const std::vector<bool>& down, std::uint32_t from, std::uint32_t to) {
  constexpr Length none{-1, -1};
  std::vector<Length> lengths(boost::num_vertices(t.graph), none);
  lengths[t.endpoints[from]] = {0, 0};
  for (bool changed = true; changed;) {
    changed = false;
    for (std::uint32_t edge = 0; edge < t.edges.size(); ++edge) {
      const auto a = boost::source(t.edges[edge], t.graph), b = boost::target(t.edges[edge], t.graph);
      if (down[edge] || lengths[a] == none) continue;
      const Length over{lengths[a].first + (is_between_groups(t, edge) ? 1 : 0), lengths[a].second + 1};
      if (lengths[b] != none && lengths[b] <= over) continue;
      lengths[b] = over;
      changed = true;
    }
  }
  return lengths[t.endpoints[to]];
}

// The cables of every seventh number from `first` on.
std::vector<bool> some_cables(const Topology& t, std::uint32_t first) {
  std::vector<bool> down(t.edges.size(), false);
  for (std::size_t cable = first; 2 * cable < down.size(); cable += 7) down[2 * cable] = down[2 * cable + 1] = true;
  return down;
}

bool crosses(const TopologyRoute& route, const std::vector<bool>& down) {
  return std::any_of(route.begin(), route.end(), [&down](std::uint32_t edge) { return down[edge]; });
}

// The route, or nothing where there is none.
template <class Ask>
TopologyRoute route_or_none(Ask ask, std::uint32_t a, std::uint32_t b, bool& right) {
  try {
    return ask();
  } catch (const NoRoute& none) {
    right = right && none.source == a && none.destination == b;
    return {};
  }
}

void check_down(const Topology& before, const Topology& t, const std::vector<bool>& down) {
  const std::vector<std::uint32_t> idle(t.edges.size(), 0);
  bool walks = true, up = true, kept = true, shortest = true, cut = true;
  for (std::uint32_t a = 0; a < t.endpoints.size(); ++a)
    for (std::uint32_t b = 0; b < t.endpoints.size(); ++b) {
      if (a == b) continue;
      const Length least = distance(t, down, a, b);
      const TopologyRoute route = route_or_none([&] { return t.route(a, b, 3); }, a, b, cut);
      const TopologyRoute read = before.route(a, b, 3);
      cut = cut && route.empty() == (least.second < 0);
      up = up && !crosses(route, down);
      walks = walks && (route.empty() || testing::is_simple_walk(t, route, a, b));
      if (!t.live_route && !crosses(read, down)) kept = kept && route == read;
      if (!t.live_route && crosses(read, down) && least.second >= 0)
        shortest = shortest && length_of(t, route) == least;
      if (!t.live_route) continue;
      const FlowStart start = testing::start_with(idle);
      kept = kept && route == route_or_none([&] { return t.live_route(a, b, 3, start); }, a, b, cut);
      shortest = shortest && (least.second < 0 || length_of(t, route) == least);
    }
  CHECK(walks);
  CHECK(up);
  CHECK(kept);
  CHECK(shortest);
  CHECK(cut);
}

TEST_CASE("links down: every routing goes round them over what is left, and says where nothing is") {
  for (const Routed& on : testing::topologies_to_route())
    for (const RoutingRow& row : routing_table()) {
      if (!testing::has_routing(on, row)) continue;
      CAPTURE(on.keys.substr(0, 60));
      CAPTURE(row.name);
      const Topology before = build_routed(on, row.name);
      Topology t = before;
      for (const std::uint32_t first : {1u, 4u}) {  // the second time those of the first are up again
        const std::vector<bool> down = some_cables(t, first);
        set_links_down(t, down);
        check_down(before, t, down);
      }
      set_links_down(t, std::vector<bool>(t.edges.size(), false));
      CHECK(t.route(0, on.endpoints - 1, 3) == before.route(0, on.endpoints - 1, 3));
    }
}

TEST_CASE("links down: flows of a link are spread over those beside it; without any the switch is cut off") {
  Topology t = build("{topology: fat_tree, radix: 8}", 32);
  const std::uint32_t lost = t.route(0, 31, 0)[1];
  std::vector<bool> down(t.edges.size(), false);
  down[lost] = true;  // up from the leaf; the way down stays
  set_links_down(t, down);
  std::map<std::uint32_t, int> up;
  for (std::uint64_t flow = 0; flow < 3000; ++flow) {
    const TopologyRoute route = t.route(0, 31, flow);
    CHECK(route.size() == 4);
    ++up[route[1]];
  }
  CHECK(up.size() == 3);
  for (const auto& link : up) CHECK(std::abs(link.second - 1000) < 5 * 26);  // standard deviation 25.8
  CHECK_NOTHROW(t.route(31, 0, 0));

  for (std::uint32_t edge = 0; edge < t.edges.size(); ++edge)
    if (t.link_name(edge).starts_with("leaf0->")) down[edge] = !t.link_name(edge).starts_with("leaf0->endpoint");
  set_links_down(t, down);
  CHECK_THROWS_AS(t.route(0, 31, 0), NoRoute);
  CHECK(t.route(0, 1, 0).size() == 2);
  CHECK(t.route(31, 0, 0).size() == 4);
}

TEST_CASE("links down: one direction of a cable in a directed ring of links") {
  Topology t = build("{topology: ring}", 5);
  std::vector<bool> down(t.edges.size(), false);
  down[t.route(0, 1, 0).front()] = true;
  set_links_down(t, down);
  CHECK(t.route(0, 1, 0).size() == 4);
  CHECK(t.route(1, 0, 0).size() == 1);
}

TEST_CASE("routing: copies route on when the original is gone") {
  const Routed on{testing::dragonfly_keys(), 40};
  for (const RoutingRow& row : routing_table()) {
    if (!testing::has_routing(on, row)) continue;
    CAPTURE(row.name);
    Topology copy;
    TopologyRoute expected, expected_down;
    std::vector<bool> down;
    {
      const Topology original = build_routed(on, row.name);
      down.assign(original.edges.size(), false);
      down[shortest_path(original, 3, 21)[1]] = true;
      Topology changed = original;
      set_links_down(changed, down);
      expected_down = changed.route(3, 21, 1);
      expected = original.route(3, 21, 1);
      copy = original;
    }
    CHECK(copy.route(3, 21, 1) == expected);
    CHECK(testing::is_walk(copy, copy.route(39, 0, 1), 39, 0));
    set_links_down(copy, down);
    CHECK(copy.route(3, 21, 1) == expected_down);
    const Topology again(copy);
    CHECK(again.route(3, 21, 1) == expected_down);
    const std::vector<std::uint32_t> idle(copy.edges.size(), 0);
    if (again.live_route) CHECK(again.live_route(3, 21, 1, testing::start_with(idle)) == expected_down);
  }
}

}  // namespace
}  // namespace rehearse
