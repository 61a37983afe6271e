#include "topologies/parameters.hpp"

#include <limits>

namespace rehearse {

std::vector<TopologyLink> read_links(Reader& params, const std::vector<std::string>& classes,
                                     const TopologyRequest& request) {
  const std::size_t count = classes.size();
  const std::vector<BytesPerSecond> bandwidths =
      read_bandwidths(params, count, "classes of links", request.port_bandwidth);
  const std::vector<Seconds> latencies = read_latencies(params, count, "classes of links", request.port_latency);
  std::vector<TopologyLink> links;
  for (std::size_t i = 0; i < count; ++i) links.push_back({classes[i], bandwidths[i], latencies[i]});
  return links;
}

void skip_links(Reader& params) {
  for (const std::string_view key : {"bandwidth", "latency"}) params.child(key).mark_read();
}

std::uint64_t read_count(Reader& params, std::string_view key, std::uint64_t fallback) {
  const std::int64_t count = params.get_at_least(key, 1, static_cast<std::int64_t>(fallback));
  if (count <= most_count || !params.has(key)) return static_cast<std::uint64_t>(count);
  params.fault(key, "expected at most " + std::to_string(most_count) + ", found " + std::to_string(count));
  return static_cast<std::uint64_t>(most_count);
}

std::vector<std::uint32_t> read_sizes(Reader& list, std::int64_t most) {
  std::vector<std::uint32_t> sizes;
  bool fine = list.is_sequence();
  for (Reader& item : list.items()) {
    const auto size = item.as<std::int64_t>();
    if (size < 1 && is_written(item, size)) item.fault("a dimension must be at least 1, found " + std::to_string(size));
    if (size > most)
      item.fault("a dimension must be at most " + std::to_string(most) + ", found " + std::to_string(size));
    fine = fine && size >= 1 && size <= most;
    sizes.push_back(static_cast<std::uint32_t>(size));
  }
  if (fine && sizes.empty()) list.fault("expected at least one dimension");
  return fine ? sizes : std::vector<std::uint32_t>{};
}

std::uint64_t product_of(const std::vector<std::uint32_t>& sizes) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t product = 1;
  for (const std::uint32_t size : sizes) product = std::min(product * size, most);
  return product;
}

bool check_cables(Reader& params, double cables) {
  constexpr std::uint32_t most = 1u << 23;
  if (cables <= most) return true;
  params.fault("the topology would have over " + std::to_string(most) + " cables; choose smaller sizes");
  return false;
}

}  // namespace rehearse
