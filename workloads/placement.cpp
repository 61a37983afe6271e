#include "workloads/placement.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "engine/base/enum_names.hpp"
#include "engine/base/error.hpp"
#include "engine/base/mixing.hpp"

namespace rehearse {

namespace {

constexpr std::array<std::string_view, degree_count> degree_names{"tensor", "context", "data", "pipeline"};
constexpr std::array<std::string_view, 3> policy_names{"packed", "spread", "random"};  // `gpus` is a key of its own
constexpr std::array<std::string_view, 2> unit_names{"node", "gpu"};

void read_order(Reader& reader, Placement& placement) {
  Reader list = reader.child("order");
  if (!reader.has("order")) return;
  std::vector<Degree> order;
  for (Reader& item : list.items()) {
    const auto name = item.as<std::string>();
    const auto found = std::ranges::find(degree_names, name);
    const auto degree = static_cast<Degree>(found - degree_names.begin());
    if (found == degree_names.end() || std::ranges::find(order, degree) != order.end())
      return item.fault(fmt::format("expected tensor, data and pipeline, each once, found '{}'", name));
    order.push_back(degree);
  }
  const std::size_t found = order.size();
  if (std::ranges::find(order, Degree::context) == order.end())
    if (const auto tensor = std::ranges::find(order, Degree::tensor); tensor != order.end())
      order.insert(tensor + 1, Degree::context);
  if (order.size() == placement.order.size())
    std::ranges::copy(order, placement.order.begin());
  else if (list.is_sequence())
    list.fault(fmt::format("expected tensor, data and pipeline, each once; found {} of them", found));
}

bool parse_number(std::string_view text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// "5" or "0-63".
void read_range(Reader& item, std::vector<std::uint32_t>& gpus) {
  constexpr std::uint32_t most = 1U << 20;
  const auto text = item.as<std::string>();
  const std::size_t dash = text.find('-');
  std::uint32_t first = 0, last = 0;
  const bool fine = parse_number(std::string_view(text).substr(0, dash), first) &&
                    (dash == std::string::npos || parse_number(std::string_view(text).substr(dash + 1), last));
  if (dash == std::string::npos) last = first;
  if (!fine || last < first || last > most)
    return item.fault(fmt::format("expected the number of a GPU, or a range such as 0-63; found '{}'", text));
  for (std::uint32_t gpu = first; gpu <= last; ++gpu) gpus.push_back(gpu);
}

void read_gpus(Reader& reader, Placement& placement) {
  Reader list = reader.child("gpus");
  if (!reader.has("gpus")) return;
  for (const char* key : {"policy", "unit", "seed"})
    if (reader.has(key)) reader.fault(key, "`gpus` is a placement of its own; leave out one or the other");
  placement.policy = Placement::Policy::gpus;
  for (Reader& item : list.items()) read_range(item, placement.gpus);
}

using Nodes = std::vector<std::vector<std::uint32_t>>;  // free GPUs of each node that has any

Nodes free_nodes(const Cluster& cluster, const std::vector<bool>& taken) {
  Nodes nodes;
  for (std::uint32_t node = 0; node < cluster.node_count(); ++node) {
    std::vector<std::uint32_t> gpus;
    const std::uint32_t first = cluster.first_gpu(node);
    for (std::uint32_t gpu = first; gpu < first + cluster.node(node).gpus; ++gpu)
      if (!taken[gpu]) gpus.push_back(gpu);
    if (!gpus.empty()) nodes.push_back(std::move(gpus));
  }
  return nodes;
}

template <class T>
void shuffle(std::vector<T>& items, std::uint64_t seed) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[mix({seed, i}) % i]);
}

std::vector<std::uint32_t> joined(const Nodes& nodes) {
  std::vector<std::uint32_t> gpus;
  for (const auto& node : nodes) gpus.insert(gpus.end(), node.begin(), node.end());
  return gpus;
}

/// So many of them, at equal distances.
Nodes nodes_apart(const Nodes& nodes, std::size_t count) {
  Nodes chosen;
  for (std::size_t n = 0; n < count; ++n) chosen.push_back(nodes[n * nodes.size() / count]);
  return chosen;
}

/// As many nodes as the ranks fill, at equal distances. Where nodes have different room: no fewer than that.
Nodes spread_nodes(const Nodes& nodes, std::uint32_t ranks) {
  std::size_t most = 1;
  for (const auto& node : nodes) most = std::max(most, node.size());
  Nodes chosen;
  for (std::size_t room = 0, needed = 0; room < ranks; room = joined(chosen).size()) {
    needed += (ranks - room + most - 1) / most;
    if (needed >= nodes.size()) return nodes;
    chosen = nodes_apart(nodes, needed);
  }
  return chosen;
}

/// One of each node, then another of each.
std::vector<std::uint32_t> dealt(const Nodes& nodes) {
  std::vector<std::uint32_t> gpus;
  std::size_t most = 0;
  for (const auto& node : nodes) most = std::max(most, node.size());
  for (std::size_t i = 0; i < most; ++i)
    for (const auto& node : nodes)
      if (i < node.size()) gpus.push_back(node[i]);
  return gpus;
}

/// Free GPUs in the order in which ranks get them.
std::vector<std::uint32_t> in_order(const Placement& placement, std::uint32_t ranks, Nodes nodes) {
  const bool whole = placement.unit == Placement::Unit::node;
  if (nodes.empty()) return {};
  switch (placement.policy) {
    case Placement::Policy::spread: return whole ? joined(spread_nodes(nodes, ranks)) : dealt(nodes);
    case Placement::Policy::random: {
      if (whole) shuffle(nodes, placement.seed);
      std::vector<std::uint32_t> gpus = joined(nodes);
      if (!whole) shuffle(gpus, placement.seed);
      return gpus;
    }
    default: return joined(nodes);
  }
}

[[noreturn]] void refuse(Fault where, std::string message) {
  where.message = std::move(message);
  throw InputError({std::move(where)});
}

void check_list(const Placement& placement, std::uint32_t ranks, const std::vector<bool>& taken, const Fault& where) {
  if (placement.gpus.size() != ranks)
    refuse(where,
           fmt::format("expected one GPU for each of the plan's {} ranks, found {}", ranks, placement.gpus.size()));
  std::vector<bool> seen(taken.size(), false);
  for (const std::uint32_t gpu : placement.gpus) {
    if (gpu >= taken.size()) refuse(where, fmt::format("there is no GPU {}: the cluster has {}", gpu, taken.size()));
    if (seen[gpu]) refuse(where, fmt::format("GPU {} stands twice in the list", gpu));
    if (taken[gpu]) refuse(where, fmt::format("GPU {} is taken: another job has it, or it is down", gpu));
    seen[gpu] = true;
  }
}

}  // namespace

Placement read_placement(Reader& reader, std::string_view key) {
  Placement placement;
  Reader here = reader.child(key);
  if (!reader.has(key)) return placement;
  if (here.is_scalar()) {
    placement.policy = read_enum(reader, key, "placement", policy_names, placement.policy);
    return placement;
  }
  read_order(here, placement);
  if (here.has("gpus")) {
    read_gpus(here, placement);
    return placement;
  }
  here.child("gpus");  // a known key
  placement.policy = read_enum(here, "policy", "placement", policy_names, placement.policy);
  placement.unit = read_enum(here, "unit", "unit of placement", unit_names, placement.unit);
  placement.seed = static_cast<std::uint64_t>(here.get_at_least("seed", 0, 0));
  if (here.has("seed") && placement.policy != Placement::Policy::random)
    here.fault("seed", "only `policy: random` has a seed");
  return placement;
}

Value to_value(const Placement& placement) {
  Value out;
  Value& order = out["order"];
  order.type = Value::Type::sequence;
  for (const Degree degree : placement.order)
    order.items.push_back(scalar_value(std::string(degree_names[static_cast<std::size_t>(degree)])));
  if (placement.policy == Placement::Policy::gpus) {
    Value& list = out["gpus"];
    list.type = Value::Type::sequence;
    for (const std::uint32_t gpu : placement.gpus) list.items.push_back(scalar_value(std::int64_t{gpu}));
    return out;
  }
  out["policy"] = scalar_value(std::string(policy_names[static_cast<std::size_t>(placement.policy)]));
  out["unit"] = scalar_value(std::string(unit_names[static_cast<std::size_t>(placement.unit)]));
  if (placement.policy == Placement::Policy::random)
    out["seed"] = scalar_value(static_cast<std::int64_t>(placement.seed));
  return out;
}

std::vector<std::uint32_t> place(const Placement& placement, std::uint32_t ranks, const Cluster& cluster,
                                 std::vector<bool>& taken, Fault where) {
  std::vector<std::uint32_t> gpus = placement.gpus;
  if (placement.policy == Placement::Policy::gpus) {
    check_list(placement, ranks, taken, where);
  } else {
    gpus = in_order(placement, ranks, free_nodes(cluster, taken));
    if (gpus.size() < ranks)
      refuse(std::move(where), fmt::format("the plan needs {} GPUs, but of the cluster's {} only {} are free", ranks,
                                           cluster.gpu_count(), gpus.size()));
    gpus.resize(ranks);
  }
  for (const std::uint32_t gpu : gpus) taken[gpu] = true;
  return gpus;
}

}  // namespace rehearse
