#include "workloads/group_keys.hpp"

#include <algorithm>

namespace rehearse {

GroupMember GroupKeys::along(Degree degree, std::uint32_t rank) const {
  Coordinates at = ranks_.coordinates(rank);
  const std::uint32_t place = at[static_cast<std::size_t>(degree)];
  at[static_cast<std::size_t>(degree)] = 0;
  return {ranks_.rank(at), place};
}

GroupMember GroupKeys::of_replicas(std::uint32_t rank, std::uint32_t part, std::uint32_t place) const {
  Coordinates at = ranks_.coordinates(rank);
  at[static_cast<std::size_t>(Degree::context)] = at[static_cast<std::size_t>(Degree::data)] = 0;
  return {part * ranks_.ranks() + ranks_.rank(at), place};
}

std::optional<GroupMember> GroupKeys::of_stages(GroupKind kind, std::uint32_t rank) const {
  const Plan& plan = job_.plan;
  const ChunkLayout layout = plan.pipeline_row().layout;
  GroupMember member = along(Degree::pipeline, rank);
  const auto last = static_cast<std::uint32_t>(plan.pipeline) - 1;
  const std::uint32_t stage = member.place;
  if (kind == GroupKind::mirror) {
    if (layout != ChunkLayout::bidirectional) return std::nullopt;
    member.group += std::min(stage, last - stage) * ranks_.ranks();
    return member;
  }
  // In other layouts one stage holds both ends of the model.
  const bool shared = job_.model.is_transformer() && job_.model.tied_embeddings && layout == ChunkLayout::looped;
  if (!shared || last == 0 || (stage != 0 && stage != last)) return std::nullopt;
  return member;
}

std::optional<GroupMember> GroupKeys::of(GroupKind kind, std::uint32_t rank) const {
  const Plan& plan = job_.plan;
  const std::uint32_t replica = ranks_.replica(rank);
  const auto shards = static_cast<std::uint32_t>(plan.shards()), experts = static_cast<std::uint32_t>(plan.expert);
  switch (kind) {
    case GroupKind::tensor: return along(Degree::tensor, rank);
    case GroupKind::context: return along(Degree::context, rank);
    case GroupKind::data: return of_replicas(rank, 0, replica);
    case GroupKind::expert: return of_replicas(rank, replica / experts, replica);
    case GroupKind::expert_data: return of_replicas(rank, replica % experts, replica);
    case GroupKind::shard: return of_replicas(rank, replica / shards, replica);
    case GroupKind::replicate: return of_replicas(rank, replica % shards, replica);
    case GroupKind::shared_heads: {
      GroupMember member = along(Degree::tensor, rank);
      if (job_.model.kv_heads == 0 || job_.model.kv_heads >= plan.tensor) return std::nullopt;
      member.group += member.place / static_cast<std::uint32_t>(plan.tensor / job_.model.kv_heads) * ranks_.ranks();
      return member;
    }
    case GroupKind::mirror:
    case GroupKind::embedding: return of_stages(kind, rank);
    case GroupKind::stages: return along(Degree::pipeline, rank);
  }
  return std::nullopt;
}

}  // namespace rehearse
