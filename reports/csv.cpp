// One row of scalar figures under a header; fields are quoted as RFC 4180 has it, lines end as they do on Unix.
#include <fmt/format.h>

#include <ostream>
#include <utility>

#include "reports/report.hpp"

namespace rehearse {
namespace {

using Columns = std::vector<std::pair<std::string, std::string>>;

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string out = "\"";
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

/// A part's name as a column: "optimizer states" is memory_optimizer_states_bytes.
std::string memory_column(std::string name) {
  for (char& c : name)
    if (c == ' ' || c == '-') c = '_';
  return "memory_" + name + "_bytes";
}

void add_memory(Columns& columns, const MemoryAccount& memory) {
  columns.emplace_back("memory_peak_bytes", fmt::to_string(memory.peak.value()));
  columns.emplace_back("memory_capacity_bytes", fmt::to_string(memory.capacity.value()));
  for (const MemoryPart& part : memory.parts)
    columns.emplace_back(memory_column(part.name), fmt::to_string(part.bytes.value()));
}

void add_breakdown(Columns& columns, const Breakdown& b) {
  columns.emplace_back("compute_s", fmt::to_string(b.compute.value()));
  columns.emplace_back("tensor_comm_s", fmt::to_string(b.tensor_comm.value()));
  columns.emplace_back("pipeline_comm_s", fmt::to_string(b.pipeline_comm.value()));
  columns.emplace_back("data_comm_s", fmt::to_string(b.data_comm.value()));
  columns.emplace_back("bubble_s", fmt::to_string(b.bubble.value()));
  columns.emplace_back("optimizer_s", fmt::to_string(b.optimizer.value()));
}

Columns columns_of(const Result& result) {
  Columns columns{{"name", result.name},
                  {"version", result.version},
                  {"gpus", fmt::to_string(result.gpu_count)},
                  {"parameters", fmt::to_string(result.parameters)},
                  {"iteration_time_s", fmt::to_string(result.iteration_time.value())},
                  {"tokens_per_s", fmt::to_string(result.tokens_per_s)},
                  {"samples_per_s", fmt::to_string(result.samples_per_s)},
                  {"tflops_per_gpu", fmt::to_string(result.flops_per_gpu.value() / 1e12)},
                  {"mfu", fmt::to_string(result.mfu)},
                  {"hfu", fmt::to_string(result.hfu)}};
  add_memory(columns, result.memory);
  add_breakdown(columns, result.breakdown);
  columns.emplace_back("ops", fmt::to_string(result.ops));
  columns.emplace_back("flows", fmt::to_string(result.flows));
  columns.emplace_back("collectives", fmt::to_string(result.collectives));
  columns.emplace_back("replayed_collectives", fmt::to_string(result.replayed_collectives));
  columns.emplace_back("wall_s", fmt::to_string(result.wall.value()));
  return columns;
}

}  // namespace

void write_csv(const Result& result, std::ostream& out) {
  const Columns columns = columns_of(result);
  for (std::size_t i = 0; i < columns.size(); ++i) out << (i ? "," : "") << quoted(columns[i].first);
  out << "\n";
  for (std::size_t i = 0; i < columns.size(); ++i) out << (i ? "," : "") << quoted(columns[i].second);
  out << "\n";
}

}  // namespace rehearse
