#include "scenarios/result_figures.hpp"

#include <utility>

#include <fmt/format.h>

#include "scenarios/simulate.hpp"

namespace rehearse {

namespace {

template <class Number>
ResultFigure figure(std::string name, Number number) {
  return {std::move(name), fmt::to_string(number), true};
}

/// A part's name as a column: "optimizer states" is memory_optimizer_states_bytes.
std::string memory_column(std::string name) {
  for (char& c : name)
    if (c == ' ' || c == '-') c = '_';
  return "memory_" + name + "_bytes";
}

void add_memory(std::vector<ResultFigure>& figures, const MemoryAccount& memory) {
  figures.push_back(figure("memory_peak_bytes", memory.peak.value()));
  figures.push_back(figure("memory_in_use_bytes", memory.in_use.value()));
  figures.push_back(figure("memory_capacity_bytes", memory.capacity.value()));
  for (const MemoryPart& part : memory.parts) figures.push_back(figure(memory_column(part.name), part.bytes.value()));
}

void add_breakdown(std::vector<ResultFigure>& figures, const Breakdown& b) {
  for (const BreakdownRow& row : breakdown_table())
    figures.push_back(figure(std::string(row.name) + "_s", (b.*row.time).value()));
}

}  // namespace

std::vector<ResultFigure> result_figures(const Result& result) {
  std::vector<ResultFigure> figures{{"name", result.name, false},
                                    {"version", result.version, false},
                                    figure("gpus", result.gpu_count),
                                    figure("parameters", result.parameters),
                                    figure("iteration_time_s", result.iteration_time.value()),
                                    figure("tokens_per_s", result.tokens_per_s),
                                    figure("samples_per_s", result.samples_per_s),
                                    figure("tflops_per_gpu", result.flops_per_gpu.value() / 1e12),
                                    figure("mfu", result.mfu),
                                    figure("hfu", result.hfu)};
  add_memory(figures, result.memory);
  add_breakdown(figures, result.breakdown);
  figures.push_back(figure("ops", result.ops));
  figures.push_back(figure("flows", result.flows));
  figures.push_back(figure("collectives", result.collectives));
  figures.push_back(figure("replayed_collectives", result.replayed_collectives));
  return figures;
}

const std::vector<ResultFigure>& figures_of_results() {
  static const std::vector<ResultFigure> figures = [] {
    Result any;
    any.memory.parts = memory_parts(StageMemory{});
    return result_figures(any);
  }();
  return figures;
}

}  // namespace rehearse
