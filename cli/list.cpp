// rehearse list: what the catalogues and tables hold.
#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "platforms/catalogue.hpp"
#include "topologies/topology.hpp"
#include "workloads/collectives/collective.hpp"
#include "workloads/pipeline/schedule.hpp"

namespace rehearse {

namespace {

const std::vector<std::string> catalogues{"models",     "devices",     "nodes",     "clusters",  "frameworks",
                                          "topologies", "collectives", "schedules", "scenarios", "studies"};

using Rows = std::vector<std::pair<std::string, std::string>>;

Rows catalogue_rows(const std::string& catalogue) {
  Rows rows;
  for (const CatalogueEntry& entry : list_catalogue(catalogue)) rows.emplace_back(entry.name, entry.description);
  return rows;
}

template <class Row>
Rows table_rows(const Table<Row>& table, const std::string& prefix = "") {
  Rows rows;
  for (const Row& row : table) rows.emplace_back(prefix + std::string(row.name), row.description);
  return rows;
}

Rows collective_rows() {
  Rows rows;
  for (const CollectiveOp op : collective_ops)
    for (auto& row : table_rows(collective_table(op), std::string(collective_op_name(op)) + " "))
      rows.push_back(std::move(row));
  return rows;
}

Rows rows_of(const std::string& what) {
  if (what == "topologies") return table_rows(topology_table());
  if (what == "schedules") return table_rows(pipeline_table());
  if (what == "collectives") return collective_rows();
  return catalogue_rows(what);
}

void print(const Rows& rows) {
  std::size_t width = 0;
  for (const auto& [name, description] : rows) width = std::max(width, name.size());
  for (const auto& [name, description] : rows) fmt::print("{:<{}}  {}\n", name, width, description);
}

}  // namespace

void add_list_command(CLI::App& app, Exit& status) {
  CLI::App* command = app.add_subcommand("list", "what the catalogues hold");
  const auto what = std::make_shared<std::string>();
  command->add_option("what", *what, "which catalogue")->required()->check([](const std::string& name) {
    const bool known = std::ranges::find(catalogues, name) != catalogues.end();
    return known ? std::string() : unknown_name("catalogue", name, catalogues);
  });
  command->callback([what, &status] {
    print(rows_of(*what));
    status = Exit::done;
  });
}

}  // namespace rehearse
