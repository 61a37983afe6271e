#include "scenarios/collective_values.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "engine/base/table.hpp"
#include "platforms/catalogue.hpp"
#include "platforms/cluster.hpp"

namespace rehearse {

namespace {

/// The texts of "FIRST" or "FIRST:LAST"; a lone one is both.
std::pair<std::string_view, std::string_view> ends_of(std::string_view text, std::string_view example) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {text, text};
  const std::string_view last = text.substr(colon + 1);
  if (last.find(':') != std::string_view::npos)
    throw std::invalid_argument(fmt::format("expected one or FIRST:LAST, e.g. '{}', found '{}'", example, text));
  return {text.substr(0, colon), last};
}

/// Digits only, maybe with a sign: the whole number.
bool whole_number(std::string_view text, std::int64_t& number) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec == std::errc::result_out_of_range && result.ptr == text.data() + text.size())
    throw std::invalid_argument(fmt::format("'{}' is out of range", text));
  return result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::int64_t parse_rank_count(std::string_view text) {
  constexpr std::int64_t most = 1 << 20;
  std::int64_t ranks = 0;
  if (!whole_number(trimmed(text), ranks))
    throw std::invalid_argument(fmt::format("expected a number of ranks, or FIRST:LAST, found '{}'", text));
  if (ranks < 1) throw std::invalid_argument(fmt::format("expected at least 1, found {}", ranks));
  if (ranks > most) throw std::invalid_argument(fmt::format("expected at most {}, found {}", most, ranks));
  return ranks;
}

bool has_entry(const std::string& catalogue, const std::string& name) {
  std::error_code error;
  return !name.empty() && std::filesystem::is_regular_file(catalogue_folder(catalogue) / (name + ".yaml"), error);
}

bool is_path(const std::string& name) { return name.find('/') != std::string::npos || name.ends_with(".yaml"); }

/// Whether a mapping is one of a node type, not of a cluster.
bool is_node(const Value& mapping) {
  if (mapping.type != Value::Type::mapping || mapping.find("node") != nullptr) return false;
  const Value* base = mapping.find("base");
  return mapping.find("gpus") != nullptr || (base != nullptr && has_entry("nodes", base->text));
}

[[noreturn]] void fail_name(const Value& asked) {
  std::vector<std::string> names;
  for (const char* catalogue : {"clusters", "nodes"})
    for (const CatalogueEntry& entry : list_catalogue(catalogue)) names.push_back(entry.name);
  throw InputError({{asked.file, asked.line, "cluster", unknown_name("cluster or node type", asked.text, names)}});
}

/// A node type stands for a cluster of such nodes.
Value as_cluster(const Value& asked) {
  bool node = is_node(asked);
  if (asked.type == Value::Type::scalar) {
    if (is_path(asked.text))
      node = is_node(load_entry("clusters", asked.text, {asked.file, asked.line, "cluster", {}}));
    else if (!has_entry("clusters", asked.text))
      node = has_entry("nodes", asked.text) ? true : (fail_name(asked), false);
  }
  if (!node) return asked;
  Value cluster;
  cluster.file = asked.file;
  cluster.line = asked.line;
  cluster["node"] = asked;
  return cluster;
}

/// Enough nodes for so many GPUs, where there is no number of them.
void fill_nodes(Value& cluster, std::uint32_t gpus) {
  if (cluster.type != Value::Type::mapping || cluster.find("groups") != nullptr) return;
  if (const Value* nodes = cluster.find("nodes"); nodes != nullptr && nodes->type != Value::Type::null) return;
  const Value* node = cluster.find("node");
  const Value* of_node = node != nullptr ? node->find("gpus") : nullptr;
  std::int64_t each = 0;
  const bool known =
      of_node != nullptr &&
      std::from_chars(of_node->text.data(), of_node->text.data() + of_node->text.size(), each).ec == std::errc{};
  if (!known || each < 1) each = 1;
  cluster["nodes"] = scalar_value(std::max<std::int64_t>(1, (gpus + each - 1) / each));
}

}  // namespace

Bytes parse_size(std::string_view text) {
  text = trimmed(text);
  std::int64_t number = 0;
  if (!text.empty() && whole_number(text, number)) {
    if (number < 0) throw std::invalid_argument(fmt::format("expected a size of at least 0, found {}", number));
    return Bytes(number);
  }
  constexpr std::string_view prefixes = "kKmMgG";
  std::string with_unit(text);
  if (text.size() > 1 && prefixes.find(text.back()) != std::string_view::npos) {
    if (with_unit.back() >= 'a') with_unit.back() = static_cast<char>(with_unit.back() - 'a' + 'A');
    with_unit += "iB";
  }
  const Bytes bytes = parse_bytes(with_unit);
  if (bytes < Bytes(0)) throw std::invalid_argument(fmt::format("expected a size of at least 0, found '{}'", text));
  return bytes;
}

std::vector<Bytes> parse_sizes(std::string_view text, std::int64_t step_factor) {
  const auto [from, to] = ends_of(text, "8:128MiB");
  const Bytes first = parse_size(from), last = parse_size(to);
  for (const Bytes bytes : {first, last})
    if (bytes.value() > most_collective_bytes)
      throw std::invalid_argument(
          fmt::format("expected at most {}, found {}", to_text(Bytes(most_collective_bytes)), to_text(bytes)));
  if (first > last) throw std::invalid_argument(fmt::format("expected the smaller size first, found '{}'", text));
  if (first == Bytes(0) && last > first)
    throw std::invalid_argument(
        fmt::format("expected a first size above 0, from which {} is reached, found '{}'", to, text));
  std::vector<Bytes> sizes{first};
  while (sizes.back() > Bytes(0) && sizes.back().value() <= last.value() / step_factor)
    sizes.push_back(sizes.back() * step_factor);
  return sizes;
}

std::vector<std::uint32_t> parse_ranks(std::string_view text) {
  const auto [from, to] = ends_of(text, "8:1024");
  const std::int64_t first = parse_rank_count(from), last = parse_rank_count(to);
  if (first > last) throw std::invalid_argument(fmt::format("expected the smaller number first, found '{}'", text));
  std::vector<std::uint32_t> ranks;
  for (std::int64_t n = first; n <= last; n *= 2) ranks.push_back(static_cast<std::uint32_t>(n));
  return ranks;
}

Value resolve_collective_cluster(const Value& asked, const std::vector<std::string>& settings, std::uint32_t gpus,
                                 std::vector<Fault>& faults) {
  Value cluster;
  try {
    cluster = resolve_cluster(as_cluster(asked), "cluster");
    for (const std::string& setting : settings) try {
        apply_setting(cluster, setting);
      } catch (const InputError& error) {
        add_faults(faults, error);
      }
    cluster = resolve_cluster(cluster, "cluster");  // a setting may bring another base
    fill_nodes(cluster, gpus);
  } catch (const InputError& error) {
    add_faults(faults, error);
    return {};
  }
  return cluster;
}

}  // namespace rehearse
