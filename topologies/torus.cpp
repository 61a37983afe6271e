// torus: the endpoints themselves on a grid of any number of dimensions, each dimension wrapped round.
//
//   topology: torus
//   dimensions: [4, 4, 4]           sizes, 1 and up; their product is the number of endpoints
//   bandwidth: 50 GB/s              of a cable, one direction, or a list with one for each dimension; default: the port
//   latency: [500 ns, 500 ns, 2 us] likewise
//
// Endpoint number = x + X (y + Y (z + ...)). Link classes "x+", "x-", "y+", ... (from the fifth dimension on "d5+",
// ...). Dimension-order routing, the shorter way round each dimension, towards higher coordinates where both ways are
// equally long. A dimension of size s > 2 gives one cable for each endpoint, size 2 one for each pair, size 1 none.
// Diameter: the sum of floor(s / 2). Bisection across an even dimension s > 2: 2 n / s cables (s = 2: n / 2).
#include <limits>

#include "topologies/grid.hpp"
#include "topologies/parameters.hpp"

namespace rehearse {
namespace {

std::string axis_name(std::size_t dimension) {
  static constexpr std::string_view letters = "xyzw";
  return dimension < letters.size() ? std::string(1, letters[dimension]) : "d" + std::to_string(dimension + 1);
}

// The sizes; none after a fault.
std::vector<std::uint32_t> read_dimensions(Reader& params, std::uint32_t endpoints) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  Reader list = params.child("dimensions");
  if (!params.has("dimensions")) {
    params.fault("dimensions",
                 "a torus needs its dimensions, such as [4, 4, 4], with the product " + std::to_string(endpoints));
    return {};
  }
  std::vector<std::uint32_t> sizes;
  std::uint64_t product = 1;
  bool fine = list.is_sequence();
  for (Reader& item : list.items()) {
    const auto size = item.as<std::int64_t>();
    if (size < 1 || static_cast<std::uint64_t>(size) > most) {
      if (is_written(item, size)) item.fault("a dimension must be at least 1, found " + std::to_string(size));
      fine = false;
      continue;
    }
    sizes.push_back(static_cast<std::uint32_t>(size));
    product = std::min(product * sizes.back(), most);
  }
  if (fine && (sizes.empty() || product != endpoints)) {
    list.fault("the dimensions hold " + std::string(product == most ? "over " : "") + std::to_string(product) +
               " endpoints, but " + std::to_string(endpoints) + " are to be attached");
    fine = false;
  }
  return fine ? sizes : std::vector<std::uint32_t>{};
}

}  // namespace

Topology build_torus(const TopologyRequest& request, Reader& params) {
  const std::vector<std::uint32_t> sizes = read_dimensions(params, request.endpoints);
  if (sizes.empty()) {  // after a fault
    for (const std::string_view key : {"bandwidth", "latency"}) params.child(key).mark_read();
    return {};
  }
  const std::vector<BytesPerSecond> bandwidths =
      read_bandwidths(params, sizes.size(), "dimensions", request.port_bandwidth);
  const std::vector<Seconds> latencies = read_latencies(params, sizes.size(), "dimensions", request.port_latency);
  std::vector<GridDimension> dimensions;
  for (std::size_t d = 0; d < sizes.size(); ++d)
    dimensions.push_back({sizes[d],
                          {axis_name(d) + "+", bandwidths[d], latencies[d]},
                          {axis_name(d) + "-", bandwidths[d], latencies[d]}});
  return build_grid(dimensions);
}

}  // namespace rehearse
