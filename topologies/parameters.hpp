// For builders of topologies: keys that hold one value for all classes of links or a list with one for each; sizes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/units.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

/// Reader::as gives T{} where it notes a fault; this tells that from a zero that was written.
template <class T>
bool is_written(const Reader& item, T value) {
  return value != T{} || item.value().text.starts_with('0');
}

/// The items of a list, or the value itself as the only one.
inline std::vector<Reader> items_or_self(Reader& at) { return at.is_sequence() ? at.items() : std::vector<Reader>{at}; }

/// The values at `key`, `count` of them: a scalar stands for all, a list must have one for each (`classes` says of
/// what: "dimensions"), an absent key gives `fallback`. Below zero is a fault, and so is zero unless `zero` allows it.
template <class T>
std::vector<T> read_for_each(Reader& params, std::string_view key, std::size_t count, std::string_view classes,
                             T fallback, bool zero) {
  std::vector<T> values(count, fallback);
  Reader at = params.child(key);
  if (!params.has(key)) return values;
  std::vector<Reader> items = items_or_self(at);
  if (at.is_sequence() && items.size() != count)
    at.fault("expected " + std::to_string(count) + " values, one for each of the " + std::string(classes) + ", found " +
             std::to_string(items.size()));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const T value = items[i].as<T>();
    if (value > T{} || (zero && value == T{})) {
      for (std::size_t k = i; k < (at.is_sequence() ? std::min(i + 1, count) : count); ++k) values[k] = value;
    } else if (is_written(items[i], value)) {
      items[i].fault("expected " + std::string(zero ? "zero or more" : "more than zero") + ", found '" +
                     items[i].value().text + "'");
    }
  }
  return values;
}

inline std::vector<BytesPerSecond> read_bandwidths(Reader& params, std::size_t count, std::string_view classes,
                                                   BytesPerSecond fallback) {
  return read_for_each<BytesPerSecond>(params, "bandwidth", count, classes, fallback, false);
}

inline std::vector<Seconds> read_latencies(Reader& params, std::size_t count, std::string_view classes,
                                           Seconds fallback) {
  return read_for_each<Seconds>(params, "latency", count, classes, fallback, true);
}

/// A link of each class, with `bandwidth` and `latency` or else the port's.
std::vector<TopologyLink> read_links(Reader& params, const std::vector<std::string>& classes,
                                     const TopologyRequest& request);

/// Counts `bandwidth` and `latency` as read: after a fault that leaves open how many there should be.
void skip_links(Reader& params);

/// The most that `read_count` and an item of `read_sizes` can be; the product of four is below 2^64.
inline constexpr std::int64_t most_count = 1 << 15;

/// A number of routers, ports, ... from 1 to most_count.
std::uint64_t read_count(Reader& params, std::string_view key, std::uint64_t fallback);

/// The sizes of a grid, each from 1 to `most`; none after a fault.
std::vector<std::uint32_t> read_sizes(Reader& list, std::int64_t most);

/// Their product, or 2^32 - 1 where it is larger.
std::uint64_t product_of(const std::vector<std::uint32_t>& sizes);

/// Whether a topology of that many cables is small enough to be built; a fault where it is not.
bool check_cables(Reader& params, double cables);

}  // namespace rehearse
