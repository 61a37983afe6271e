#include "reports/trace_tracks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace rehearse {
namespace {

std::string gpu_title(const SimulatedGpu& gpu) {
  if (!gpu.title.empty()) return gpu.title;
  if (gpu.members <= 1) return fmt::format("GPU {} (stage {})", gpu.gpu, gpu.stage);
  return fmt::format("GPU {} (stage {}, stands for {})", gpu.gpu, gpu.stage, gpu.members);
}

}  // namespace

std::uint32_t Tracks::add(std::uint32_t parent, std::string name, Counter counter) {
  const auto position = static_cast<std::uint32_t>(tracks_.size());
  const std::uint32_t order = parent == no_index ? 0 : children_[parent]++;
  tracks_.push_back({std::move(name), {}, parent, order, counter});
  children_.push_back(0);
  return position;
}

std::vector<std::uint32_t> add_gpu_tracks(const Result& result, std::uint32_t root, const std::vector<bool>& shown,
                                          Tracks& tracks) {
  std::vector<std::uint32_t> by_rank(result.schedule.rank_count(), no_index);
  std::vector<const SimulatedGpu*> gpus;
  for (const SimulatedGpu& gpu : result.gpus)
    if (index(gpu.rank) < by_rank.size() && shown[index(gpu.rank)]) gpus.push_back(&gpu);
  std::stable_sort(gpus.begin(), gpus.end(), [](const SimulatedGpu* a, const SimulatedGpu* b) {
    return std::pair(a->node, a->gpu) < std::pair(b->node, b->gpu);
  });
  std::map<std::uint32_t, std::uint32_t> nodes;
  for (const SimulatedGpu* gpu : gpus) {
    if (!nodes.contains(gpu->node)) nodes[gpu->node] = tracks.add(root, fmt::format("node {}", gpu->node));
    by_rank[index(gpu->rank)] = tracks.add(nodes[gpu->node], gpu_title(*gpu));
  }
  for (std::size_t rank = 0; rank < by_rank.size(); ++rank)
    if (shown[rank] && by_rank[rank] == no_index) by_rank[rank] = tracks.add(root, fmt::format("GPU {}", rank));
  return by_rank;
}

std::uint32_t gpu_number(const Result& result, Rank rank) {
  if (index(rank) < result.gpus.size() && result.gpus[index(rank)].rank == rank) return result.gpus[index(rank)].gpu;
  for (const SimulatedGpu& gpu : result.gpus)
    if (gpu.rank == rank) return gpu.gpu;
  return static_cast<std::uint32_t>(index(rank));
}

}  // namespace rehearse
