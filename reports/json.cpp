// The JSON object of the program's contract. Key order is fixed: the same result gives the same bytes, `wall_s` apart.
#include <nlohmann/json.hpp>

#include <ostream>

#include "reports/report.hpp"
#include "reports/value_json.hpp"

namespace rehearse {
namespace {

using Json = nlohmann::ordered_json;

Json breakdown_json(const Breakdown& b) {
  Json parts = Json::object();
  for (const BreakdownRow& row : breakdown_table()) parts[std::string(row.name)] = (b.*row.time).value();
  return parts;
}

Json memory_json(const MemoryAccount& memory) {
  Json parts = Json::object();
  for (const MemoryPart& part : memory.parts) parts[part.name] = part.bytes.value();
  return parts;
}

Json moment_json(const MemoryMoment& at) {
  Json blocks = Json::array();
  for (const MemoryHolding& block : at.largest)
    blocks.push_back({{"name", block.name},
                      {"use", block.use},
                      {"layer", block.layer},
                      {"micro_batch", block.micro_batch},
                      {"bytes", block.bytes.value()}});
  return {{"time_s", at.time.value()},
          {"doing", at.doing},
          {"layer", at.layer},
          {"micro_batch", at.micro_batch},
          {"largest", blocks}};
}

Json collectives_json(const std::vector<CollectiveUse>& uses) {
  Json array = Json::array();
  for (const CollectiveUse& use : uses)
    array.push_back({{"group", group_kind_name(use.group)},
                     {"op", collective_op_name(use.op)},
                     {"kind", kind_name(use.kind)},
                     {"ranks", use.ranks},
                     {"nodes", use.nodes},
                     {"algorithm", use.algorithm},
                     {"protocol", protocol_name(use.protocol)},
                     {"channels", use.channels},
                     {"fidelity", fidelity_name(use.fidelity)},
                     {"calls", use.calls},
                     {"bytes", use.bytes}});
  return array;
}

Json gpus_json(const std::vector<SimulatedGpu>& gpus) {
  Json array = Json::array();
  for (const SimulatedGpu& gpu : gpus)
    array.push_back({{"gpu", gpu.gpu},
                     {"node", gpu.node},
                     {"job", gpu.job},
                     {"stage", gpu.stage},
                     {"members", gpu.members},
                     {"static_memory_bytes", gpu.static_memory.value()},
                     {"breakdown_s", breakdown_json(gpu.breakdown)},
                     {"collectives", collectives_json(gpu.collectives)},
                     {"gradient_tensors", gpu.gradient_tensors},
                     {"gradient_reductions", gpu.gradient_reductions}});
  return array;
}

Json jobs_json(const std::vector<JobResult>& jobs) {
  Json array = Json::array();
  for (const JobResult& job : jobs) {
    Json iterations = Json::array();
    for (const Seconds time : job.iterations) iterations.push_back(time.value());
    array.push_back({{"name", job.name},
                     {"gpus", job.gpu_count},
                     {"parameters", job.parameters},
                     {"start_s", job.start.value()},
                     {"end_s", job.end.value()},
                     {"iterations_s", iterations},
                     {"alone_s", job.alone.value()},
                     {"together_s", job.together.value()},
                     {"slowdown", job.slowdown()},
                     {"tokens_per_s", job.tokens_per_s},
                     {"samples_per_s", job.samples_per_s},
                     {"tflops_per_gpu", job.flops_per_gpu.value() / 1e12},
                     {"mfu", job.mfu},
                     {"hfu", job.hfu},
                     {"breakdown_s", breakdown_json(job.breakdown)}});
  }
  return array;
}

Json bounds_json(const std::vector<BoundRow>& bounds) {
  Json array = Json::array();
  for (const BoundRow& row : bounds)
    array.push_back({{"name", row.name}, {"bound_s", row.bound.value()}, {"ratio", row.ratio}});
  return array;
}

Json links_json(const Result& result) {
  Json array = Json::array();
  for (const LinkUse& use : result.hottest_links) {
    const Link& link = use.link;
    array.push_back({{"name", link.name},
                     {"kind", link_kind_name(link.kind)},
                     {"members", link.members},
                     {"bandwidth_bytes_per_s", link.bandwidth.value()},
                     {"bytes", use.bytes},
                     {"utilisation", use.utilisation}});
  }
  return array;
}

Json result_json(const Result& result) {
  return {{"name", result.name},
          {"version", result.version},
          {"gpus", result.gpu_count},
          {"jobs", jobs_json(result.jobs)},
          {"parameters", result.parameters},
          {"iteration_time_s", result.iteration_time.value()},
          {"tokens_per_s", result.tokens_per_s},
          {"samples_per_s", result.samples_per_s},
          {"tflops_per_gpu", result.flops_per_gpu.value() / 1e12},
          {"mfu", result.mfu},
          {"hfu", result.hfu},
          {"memory_peak_bytes", result.memory.peak.value()},
          {"memory_peak_at", moment_json(result.memory.at)},
          {"memory_in_use_bytes", result.memory.in_use.value()},
          {"memory_capacity_bytes", result.memory.capacity.value()},
          {"memory", memory_json(result.memory)},
          {"memory_job", result.memory.job},
          {"memory_stage", result.memory.stage},
          {"breakdown_s", breakdown_json(result.breakdown)},
          {"ops", result.ops},
          {"flows", result.flows},
          {"collectives", result.collectives},
          {"replayed_collectives", result.replayed_collectives},
          {"simulated_gpus", gpus_json(result.gpus)},
          {"bounds", bounds_json(result.bounds)},
          {"hottest_links", links_json(result)},
          {"notes", result.notes},
          {"scenario", value_json(result.scenario)},
          {"wall_s", result.wall.value()}};
}

}  // namespace

void write_json(const Result& result, std::ostream& out) {
  out << result_json(result).dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace rehearse
