#include "scenarios/collective_job.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/collective_keys.hpp"
#include "scenarios/collective_values.hpp"

namespace rehearse {

namespace {

constexpr std::int64_t most_channels = 1024;
const std::string automatic = automatic_name;

template <class T, std::size_t N, class NameOf>
std::vector<std::string> names_of(const std::array<T, N>& all, NameOf name_of) {
  std::vector<std::string> names;
  for (const T& item : all) names.emplace_back(name_of(item));
  return names;
}

/// The item that has the name; the first where none has it, which was a fault.
template <class T, std::size_t N, class NameOf>
T by_name(const std::array<T, N>& all, NameOf name_of, std::string_view name) {
  const auto found = std::ranges::find_if(all, [&](const T& item) { return name_of(item) == name; });
  return found == all.end() ? all.front() : *found;
}

/// A scalar's text parsed by `parse`, which may throw std::invalid_argument; `fallback` after a fault or where absent.
template <class T, class Parse>
T parsed(Reader& reader, std::string_view key, T fallback, Parse parse) {
  const std::string text = reader.get<std::string>(key, "");
  if (!reader.has(key) || !reader.value().find(key)->items.empty()) return fallback;
  try {
    return parse(text);
  } catch (const std::invalid_argument& error) {
    reader.fault(key, error.what());
    return fallback;
  }
}

/// Other collectives that have an algorithm of this name.
std::vector<std::string_view> ops_with(std::string_view algorithm) {
  std::vector<std::string_view> ops;
  for (const CollectiveOp op : collective_ops)
    if (collective_table(op).find(algorithm) != nullptr) ops.push_back(collective_op_name(op));
  return ops;
}

std::string read_algorithm(Reader& reader, CollectiveOp op) {
  std::vector<std::string> names = collective_table(op).names();
  names.insert(names.begin(), {automatic, "all"});
  std::string name = reader.get<std::string>("algorithm", automatic);
  if (std::ranges::find(names, name) != names.end()) return name;
  const std::vector<std::string_view> ops = ops_with(name);
  std::string message = unknown_name(collective_table(op).what(), name, names);
  if (!ops.empty()) message += fmt::format("; '{}' is an algorithm for {}", name, fmt::join(ops, ", "));
  reader.fault("algorithm", message);
  return automatic;
}

std::vector<Bytes> read_sizes(Reader& reader, CollectiveOp op) {
  const std::int64_t factor = reader.get_at_least("step_factor", 2, 2);
  const auto parse = [factor](std::string_view text) { return parse_sizes(text, factor); };
  if (op == CollectiveOp::barrier) {
    if (reader.has("bytes")) reader.fault("bytes", "a barrier has no bytes");
    return {Bytes(0)};
  }
  return parsed(reader, "bytes", parse("8:128MiB"), parse);
}

std::optional<std::uint32_t> read_channels(Reader& reader) {
  if (reader.get<std::string>("channels", automatic) == automatic) return std::nullopt;
  const std::int64_t channels = reader.get_at_least("channels", 1);
  if (channels > most_channels)
    reader.fault("channels", fmt::format("expected at most {}, found {}", most_channels, channels));
  return static_cast<std::uint32_t>(std::min(channels, most_channels));
}

std::optional<Bytes> read_chunk(Reader& reader) {
  return parsed<std::optional<Bytes>>(reader, "chunk", std::nullopt, [](std::string_view text) -> std::optional<Bytes> {
    if (text == automatic) return std::nullopt;
    const Bytes chunk = parse_size(text);
    if (chunk == Bytes(0)) throw std::invalid_argument("expected a size above 0, or auto; found 0");
    return chunk;
  });
}

std::uint32_t read_root(Reader& reader, CollectiveOp op, const std::vector<std::uint32_t>& ranks) {
  if (!has_root(op)) {
    if (reader.has("root")) reader.fault("root", fmt::format("{} has no root", collective_op_name(op)));
    return 0;
  }
  const std::int64_t root = reader.get_at_least("root", 0, 0);
  if (root < ranks.front()) return static_cast<std::uint32_t>(root);
  reader.fault("root", fmt::format("expected a rank below {}, found {}", ranks.front(), root));
  return 0;
}

/// "4 nodes of 8 GPUs"
std::string nodes_text(const Cluster& cluster) {
  std::string out;
  for (const NodeGroup& group : cluster.groups())
    out += fmt::format("{}{} node{} of {} GPU{}", out.empty() ? "" : " and ", group.nodes, group.nodes == 1 ? "" : "s",
                       group.node.gpus, group.node.gpus == 1 ? "" : "s");
  return out;
}

void check_ranks(Reader& reader, const CollectiveJob& job) {
  if (job.cluster.gpu_count() >= job.ranks.back()) return;
  reader.fault("ranks", fmt::format("expected at most {}: the cluster has {}; found {}", job.cluster.gpu_count(),
                                    nodes_text(job.cluster), job.ranks.back()));
}

void check_switches(Reader& reader, const CollectiveJob& job) {
  const CollectiveRow* row = collective_table(job.op).find(job.algorithm);
  if (row == nullptr || !row->traits.needs_switch) return;
  for (const std::uint32_t ranks : job.ranks)
    if (!group_of(job, ranks).has_switches())
      return reader.fault(
          "algorithm", fmt::format("{} needs switches inside the nodes that compute, which {} ranks on nodes of type "
                                   "{} have not",
                                   row->name, ranks, group_of(job, ranks).node().name));
}

/// The ranks that a mapping asks for, before anything is known of their faults.
std::uint32_t most_ranks(const Value& root) {
  const Value* ranks = root.find("ranks");
  if (ranks == nullptr) return 0;
  try {
    return parse_ranks(ranks->text).back();
  } catch (const std::invalid_argument&) {
    return 0;
  }
}

Cluster read_cluster(Reader& reader) {
  Reader here = reader.child("cluster");
  if (!here.value().items.empty()) return Cluster::read(here);
  here.mark_read();
  return {};
}

void read_ways(Reader& reader, CollectiveJob& job) {
  job.algorithm = read_algorithm(reader, job.op);
  const auto type_name = [](const ElementType& type) { return type.name; };
  job.type = by_name(element_types, type_name,
                     reader.get_name("datatype", "datatype", names_of(element_types, type_name), "float"));
  job.protocol = read_protocol(reader);
  job.channels = read_channels(reader);
  job.chunk = read_chunk(reader);
  job.fidelity = read_fidelity(reader);
}

template <class T>
std::string range_text(const std::vector<T>& values, std::string (*text_of)(T)) {
  const std::string first = text_of(values.front());
  return values.size() == 1 ? first : first + ":" + text_of(values.back());
}

Value resolved_value(const CollectiveJob& job, const Value& cluster, std::int64_t step_factor) {
  Value out;
  const auto set = [&out](const char* key, std::string_view text) { out[key] = scalar_value(std::string(text)); };
  set("op", collective_op_name(job.op));
  set("algorithm", job.algorithm);
  out["cluster"] = cluster;
  set("ranks", range_text<std::uint32_t>(job.ranks, [](std::uint32_t n) { return fmt::to_string(n); }));
  if (job.op != CollectiveOp::barrier) {
    set("bytes", range_text<Bytes>(job.bytes, [](Bytes b) { return fmt::to_string(b.value()); }));
    out["step_factor"] = scalar_value(step_factor);
  }
  set("datatype", job.type.name);
  if (has_root(job.op)) out["root"] = scalar_value(std::int64_t{job.root});
  set("protocol", protocol_text(job.protocol));
  set("channels", job.channels ? fmt::to_string(*job.channels) : automatic);
  set("chunk", job.chunk ? fmt::to_string(job.chunk->value()) : automatic);
  set("fidelity", fidelity_name(job.fidelity));
  return out;
}

}  // namespace

CollectiveJob read_collective_job(Value root, const std::vector<std::string>& settings) {
  std::vector<Fault> faults;
  if (const Value* asked = root.find("cluster"); asked != nullptr)
    root["cluster"] = resolve_collective_cluster(*asked, settings, most_ranks(root), faults);
  else
    faults.push_back({{}, 0, "cluster", "missing; expected the name of a cluster or of a node type, or a YAML file"});
  const Value cluster = root["cluster"];
  Reader reader(std::move(root), "collective");
  CollectiveJob job;
  job.cluster = read_cluster(reader);
  const bool known = faults.empty() && !reader.any_fault();
  job.op = by_name(collective_ops, collective_op_name,
                   reader.get_name("op", "collective", names_of(collective_ops, collective_op_name), "all_reduce"));
  job.ranks = parsed(reader, "ranks", std::vector<std::uint32_t>{known ? job.cluster.gpu_count() : 1}, parse_ranks);
  job.bytes = read_sizes(reader, job.op);
  read_ways(reader, job);
  job.root = read_root(reader, job.op, job.ranks);
  if (known) check_ranks(reader, job);
  if (known && !reader.any_fault()) check_switches(reader, job);
  const std::int64_t step_factor = reader.get<std::int64_t>("step_factor", 2);
  try {
    reader.finish();
  } catch (const InputError& error) {
    add_faults(faults, error);
  }
  if (!faults.empty()) throw InputError(std::move(faults));
  job.resolved = resolved_value(job, cluster, step_factor);
  return job;
}

std::int64_t elements_of(const CollectiveJob& job, std::uint32_t ranks, Bytes bytes) {
  const std::int64_t elements = bytes.value() / job.type.bytes;
  return is_shared(job.op) ? elements / ranks * ranks : elements;
}

std::vector<Bytes> sizes_of(const CollectiveJob& job, std::uint32_t ranks) {
  std::vector<Bytes> sizes;
  for (const Bytes asked : job.bytes) {
    const Bytes whole(elements_of(job, ranks, asked) * job.type.bytes);
    if (sizes.empty() || sizes.back() != whole) sizes.push_back(whole);
  }
  if (sizes.size() > 1 && sizes.front() == Bytes(0)) sizes.erase(sizes.begin());
  return sizes;
}

bool reduces(CollectiveOp op) {
  return op == CollectiveOp::all_reduce || op == CollectiveOp::reduce_scatter || op == CollectiveOp::reduce;
}
bool has_root(CollectiveOp op) { return op == CollectiveOp::broadcast || op == CollectiveOp::reduce; }
bool is_shared(CollectiveOp op) {
  return op == CollectiveOp::all_gather || op == CollectiveOp::reduce_scatter || op == CollectiveOp::all_to_all;
}

std::vector<const CollectiveRow*> possible_rows(CollectiveOp op, const CollectiveGroup& group) {
  const bool switches = group.has_switches();
  std::vector<const CollectiveRow*> rows;
  for (const CollectiveRow& row : collective_table(op))
    if (switches || !row.traits.needs_switch) rows.push_back(&row);
  return rows;
}

CollectiveGroup group_of(const CollectiveJob& job, std::uint32_t ranks) {
  std::vector<std::uint32_t> members(ranks);
  std::iota(members.begin(), members.end(), 0U);
  return {job.cluster, std::move(members)};
}

}  // namespace rehearse
