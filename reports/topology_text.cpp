// What a fabric is, for people.
#include <fmt/format.h>

#include <ostream>

#include "engine/base/quantity_text.hpp"
#include "reports/aligned_table.hpp"
#include "reports/terminal.hpp"
#include "reports/topology_report.hpp"

namespace rehearse {
namespace {

constexpr std::size_t label_width = 20;
constexpr std::uint32_t most_shares = 8;  // of distances, that fit on a line

void write_line(std::ostream& out, std::string_view label, const std::string& value) {
  out << "  " << left(label, label_width) << value << "\n";
}

std::string range(std::uint64_t least, std::uint64_t most) {
  return least == most ? grouped(least) : fmt::format("{} to {}", grouped(least), grouped(most));
}

/// "1", "70", "2.5", "1.2e+19".
std::string number(double value) {
  if (value >= 1e15) return fmt::format("{:.3g}", value);
  return value == static_cast<double>(static_cast<std::uint64_t>(value)) ? grouped(static_cast<std::uint64_t>(value))
                                                                         : significant(value, 3);
}

std::string spread_text(const Spread& spread) {
  if (spread.least == spread.most) return number(spread.least);
  return fmt::format("{} to {}, mean {}", number(spread.least), number(spread.most), number(spread.mean));
}

void write_nodes(const NodeGroup& group, std::ostream& out) {
  const Node& node = group.node;
  out << fmt::format("{} of type {}, each with {} ({})", counted(group.nodes, "node"), node.name,
                     counted(node.gpus, "GPU"), node.device_name);
  if (node.nics > 0) out << fmt::format(" and {} of {}", counted(node.nics, "NIC"), to_text(node.nic_bandwidth));
  if (node.nics > 0 && node.nics < node.gpus)
    out << fmt::format("; GPU g uses NIC {} g / {}, rounded down", node.nics, node.gpus);
  out << "\n";
}

void write_head(const TopologyJob& job, std::ostream& out) {
  out << job.name << "\n";
  if (!job.description.empty()) out << job.description << "\n";
  if (!job.cluster) return;
  for (const NodeGroup& group : job.cluster->groups()) write_nodes(group, out);
  if (job.cluster->fabric() == nullptr) out << "one node: there is no fabric between nodes\n";
  for (std::size_t g = 0; g < job.cluster->groups().size(); ++g)
    if (job.cluster->inside(g) == nullptr)
      out << fmt::format("{}: there is no network between the GPUs of a node\n", job.cluster->groups()[g].node.name);
}

void write_sizes(const TopologySurvey& s, std::ostream& out) {
  write_line(out, "endpoints",
             fmt::format("{}, each with {} cable{} ({} out)", grouped(s.endpoints),
                         range(s.least_degree, s.most_degree), s.most_degree == 1 ? "" : "s", to_text(s.injection)));
  write_line(out, "switches",
             s.switches == 0 ? "none: endpoints are cabled to each other"
                             : fmt::format("{}, with {} ports in use, {} in all", grouped(s.switches),
                                           range(s.least_radix, s.most_radix), grouped(s.switch_ports)));
  write_line(out, "cables", grouped(s.cables));
  out << "\n";
  AlignedTable table({"cables", "count", "bandwidth", "latency"}, 1, false);
  for (const CableKind& kind : s.kinds)
    table.add({kind.name, grouped(kind.count), to_text(kind.bandwidth), to_text(kind.latency)});
  table.write(out, false);
  out << "\n";
}

/// "2: 11.1 %, 4: 88.9 %"
std::string shares_text(const PathMetrics& paths) {
  double all = 0;
  for (const double pairs : paths.pairs) all += pairs;
  std::string out;
  for (std::size_t links = 0; links < paths.pairs.size(); ++links)
    if (paths.pairs[links] > 0)
      out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", links, percent(paths.pairs[links] / all));
  return out;
}

std::string distance_text(const PathMetrics& paths, std::uint64_t all, std::string_view ends) {
  std::string out = fmt::format("{} at most, mean {}, between {}", counted(paths.diameter(), "link"),
                                number(paths.mean_distance()), ends);
  if (paths.sources < all) out += fmt::format(" (from {} of {}, drawn)", grouped(paths.sources), grouped(all));
  return out;
}

void write_paths(const TopologySurvey& s, std::ostream& out) {
  write_line(out, "distance", distance_text(s.paths, s.endpoints, "endpoints"));
  if (s.paths.diameter() <= most_shares) write_line(out, "", "pairs by links " + shares_text(s.paths));
  if (s.between_switches) write_line(out, "", distance_text(*s.between_switches, s.switches, "switches"));
  if (s.paths.unreachable > 0)
    write_line(out, "", fmt::format("{} pairs of endpoints have no path", number(s.paths.unreachable)));
  write_line(out, "shortest paths", spread_text(s.paths.shortest_paths) + " of a pair of endpoints");
  if (!s.disjoint) return;
  const DisjointPaths& d = *s.disjoint;
  const std::string pairs =
      fmt::format("{} {}{}", d.all ? "all" : "", counted(d.pairs, "pair"), d.all ? "" : ", drawn");
  write_line(out, "disjoint paths",
             fmt::format("{} between {} ({})", spread_text(d.paths),
                         d.between_switches ? "the switches of endpoints" : "endpoints", pairs.substr(d.all ? 0 : 1)));
}

void write_bisection(const Bisection& b, std::ostream& out) {
  if (b.half_injection == BytesPerSecond(0)) return;
  const std::string share = "of what half of the endpoints can send";
  if (b.exact()) {
    write_line(out, "bisection",
               fmt::format("{}, exact{}: {:.3f} {}", to_text(b.at_most), b.every_half ? " (every half was tried)" : "",
                           b.fraction(), share));
    return;
  }
  write_line(out, "bisection",
             fmt::format("at most {} (at least {}): {:.3f} ({:.3f}) {}", to_text(b.at_most), to_text(b.at_least),
                         b.fraction(), b.at_least / b.half_injection, share));
}

std::string pattern_text(const LoadedPattern& pattern, const Topology& topology) {
  return fmt::format("{:.3f}, {} an endpoint; first full: {} ({}), {} flow{}", pattern.throughput,
                     to_text(pattern.endpoint_rate), topology.link_name(pattern.link),
                     topology.link(pattern.link).link_class, number(pattern.most_flows),
                     pattern.most_flows == 1 ? "" : "s");
}

void write_load(const TopologySurvey& s, const TopologyPart& part, std::ostream& out) {
  if (!s.load) return;
  const RoutedLoad& load = *s.load;
  out << fmt::format("\n  Throughput by {} when the first link is full; 1 is all that endpoints can send\n",
                     part.routing);
  if (load.shifts + 1 < s.endpoints)
    out << fmt::format("  ({} of {} shifts, drawn)\n", grouped(load.shifts), grouped(s.endpoints - 1));
  write_line(out, "all to all", pattern_text(load.all_to_all, part.topology));
  write_line(out, fmt::format("worst shift, {}", load.worst_shift_by), pattern_text(load.worst_shift, part.topology));
  write_line(out, "random permutation", pattern_text(load.permutation, part.topology));
}

void write_cost(const TopologyCost& cost, const TopologySurvey& s, std::ostream& out) {
  const auto money = [](double sum) { return significant(sum, 4); };
  out << "\n";
  write_line(out, "cost",
             fmt::format("{}: switches {}, ports {}, cables {}, endpoints {}", money(cost.total()),
                         money(cost.switches), money(cost.ports), money(cost.cables), money(cost.endpoints)));
  std::string shares = money(cost.total() / s.endpoints) + " an endpoint";
  if (const double gigabytes = s.bisection.at_most.value() / 1e9; gigabytes > 0)
    shares += fmt::format(", {} for a GB/s of bisection{}", money(cost.total() / gigabytes),
                          s.bisection.exact() ? "" : " (of the upper bound)");
  write_line(out, "", shares);
}

void write_part(const TopologyPart& part, const TopologyPartResult& result, std::ostream& out) {
  const std::string what = part.what == "fabric" ? "Fabric"
                           : part.what == "node" ? "Inside a " + part.node
                                                 : "Topology";
  out << fmt::format("\n{}: {}, routing {}\n", what, part.name, part.routing);
  write_sizes(result.survey, out);
  write_paths(result.survey, out);
  write_bisection(result.survey.bisection, out);
  write_load(result.survey, part, out);
  if (result.cost) write_cost(*result.cost, result.survey, out);
}

}  // namespace

void write_topology_text(const TopologyResult& result, std::ostream& out) {
  write_head(result.job, out);
  for (std::size_t i = 0; i < result.job.parts.size(); ++i) write_part(result.job.parts[i], result.parts[i], out);
}

}  // namespace rehearse
