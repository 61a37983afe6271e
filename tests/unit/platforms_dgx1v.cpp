// The cube mesh of a DGX-1V, a custom interconnect, against what its datasheet says.
#include <doctest/doctest.h>

#include <map>

#include "tests/support/cluster_text.hpp"

namespace rehearse {
namespace {

using testing::cluster_of;

TEST_CASE("dgx-1v: six NVLinks a GPU, and a ring over double ones") {
  const Cluster node = cluster_of("{node: dgx-1v, nodes: 1}");
  std::map<std::string, double> out;
  for (const Link& link : node.links())
    if (link.kind == LinkKind::nvlink) out[link.name.substr(0, link.name.find('>'))] += link.bandwidth.value();
  CHECK(out.size() == 8);
  for (const auto& gpu : out) CHECK(gpu.second == doctest::Approx(6 * 25e9));
  for (std::uint32_t a = 0; a < 8; ++a)
    for (std::uint32_t b = 0; b < 8; ++b) CHECK(node.route(a, b).size() <= 2);

  const std::uint32_t ring[] = {0, 3, 2, 1, 5, 6, 7, 4, 0};
  for (std::size_t i = 0; i < 8; ++i) {
    const std::vector<LinkId> route = node.route(ring[i], ring[i + 1]);
    REQUIRE(route.size() == 1);
    CHECK(node.links()[index(route.front())].bandwidth == BytesPerSecond(50e9));
  }
}

TEST_CASE("dgx-1v: two GPUs share a NIC") {
  const Cluster two = cluster_of("{node: dgx-1v, nodes: 2}");
  const std::vector<LinkId> first = two.route(0, 14), second = two.route(1, 15);
  REQUIRE(first.size() == second.size());
  CHECK(first.front() != second.front());  // PCIe
  CHECK(first[1] == second[1]);            // the NIC's port
  CHECK(two.links()[index(first[1])].bandwidth == BytesPerSecond(12.5e9));
}

}  // namespace
}  // namespace rehearse
