// Points of collectives as nccl-tests prints them.
#include <fmt/format.h>

#include <array>
#include <ostream>

#include "engine/base/quantity_text.hpp"
#include "reports/collective_report.hpp"
#include "reports/collective_table.hpp"
#include "reports/terminal.hpp"
#include "scenarios/version.hpp"

namespace rehearse {
namespace {

/// "nic: datasheet, assumed" of each section: the words by which an origin says where its numbers are from.
std::string origins_text(const Node& node) {
  constexpr std::array<std::string_view, 5> words{"measured", "fitted", "datasheet", "standard", "assumed"};
  std::string out;
  for (const auto& [section, origin] : node.origins) {
    std::string found;
    for (const std::string_view word : words)
      if (origin.find(word) != std::string::npos) found += (found.empty() ? "" : ", ") + std::string(word);
    out += fmt::format("{}{} {}", out.empty() ? "" : "; ", section, found.empty() ? "of other origin" : found);
  }
  return out.empty() ? "the node type does not say" : out;
}

std::string ranks_text(const std::vector<std::uint32_t>& ranks) {
  return ranks.size() == 1 ? counted(ranks.front(), "rank")
                           : fmt::format("{} to {} ranks", grouped(ranks.front()), grouped(ranks.back()));
}

void write_head(const CollectiveResult& result, std::ostream& out) {
  const CollectiveJob& job = result.job;
  const Cluster& cluster = job.cluster;
  out << fmt::format("# rehearse {}: {} of {}, {}; simulated, fidelity {}\n", version(), collective_op_name(job.op),
                     job.type.name, ranks_text(job.ranks), fidelity_name(job.fidelity));
  for (const NodeGroup& group : cluster.groups())
    out << fmt::format("# cluster: {} of type {} with {} each\n# numbers: {}\n", counted(group.nodes, "node"),
                       group.node.name, counted(group.node.gpus, "GPU"), origins_text(group.node));
  out << "# GB is 10^9 bytes; busbw as nccl-tests has it";
  if (result.measured()) out << "; measured: the same messages as copies of memory on this machine";
  out << "\n#\n";
}

/// The columns that the points of this job have.
struct Columns {
  bool ranks, reduction, root, measured;
};

void add_headings(const Columns& columns, TextTable& table) {
  std::vector<std::string> names, units;
  const auto add = [&](bool there, const char* name, const char* unit) {
    if (!there) return;
    names.emplace_back(name);
    units.emplace_back(unit);
  };
  add(columns.ranks, "ranks", "");
  add(true, "size", "(B)");
  add(true, "count", "(elements)");
  add(true, "type", "");
  add(columns.reduction, "redop", "");
  add(columns.root, "root", "");
  add(true, "algorithm", "");
  add(true, "protocol", "");
  add(true, "channels", "");
  add(true, "time", "(us)");
  add(true, "algbw", "(GB/s)");
  add(true, "busbw", "(GB/s)");
  add(columns.measured, "measured", "(us)");
  add(columns.measured, "#wrong", "");
  table.add_heading(std::move(names));
  table.add_heading(std::move(units));
}

void add_point(const CollectivePoint& p, const CollectiveJob& job, const Columns& columns, TextTable& table) {
  std::vector<std::string> cells;
  if (columns.ranks) cells.push_back(fmt::to_string(p.ranks));
  cells.push_back(fmt::to_string(p.bytes.value()));
  cells.push_back(fmt::to_string(p.count()));
  cells.emplace_back(job.type.name);
  if (columns.reduction) cells.emplace_back("sum");
  if (columns.root) cells.push_back(fmt::to_string(job.root));
  cells.push_back(p.algorithm);
  cells.emplace_back(protocol_name(p.protocol));
  cells.push_back(fmt::to_string(p.channels));
  cells.push_back(microseconds(p.time));
  cells.push_back(gigabytes_per_second(p.algbw()));
  cells.push_back(gigabytes_per_second(p.busbw()));
  if (p.measured) {
    cells.push_back(microseconds(p.measured->time));
    cells.push_back(fmt::to_string(p.measured->wrong_elements));
  }
  table.add_row(std::move(cells));
}

}  // namespace

void write_collective_text(const CollectiveResult& result, std::ostream& out) {
  write_head(result, out);
  const CollectiveJob& job = result.job;
  const Columns columns{.ranks = job.ranks.size() > 1,
                        .reduction = reduces(job.op),
                        .root = has_root(job.op),
                        .measured = result.measured()};
  TextTable table;
  add_headings(columns, table);
  for (const CollectivePoint& point : result.points) add_point(point, job, columns, table);
  table.write(out);
  write_collective_winners(result, out);
}

}  // namespace rehearse
