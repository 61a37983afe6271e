// Placement: which GPU of the cluster each rank of a job runs on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/document.hpp"
#include "platforms/cluster.hpp"

namespace rehearse {

/// A way in which ranks of a plan differ.
enum class Degree : std::uint8_t { tensor, context, data, pipeline };
inline constexpr std::size_t degree_count = 4;

struct Placement {
  /// `packed`: the first GPUs that are free; `spread`: as far apart as the free ones allow; `random`: any of them,
  /// seeded; `gpus`: those of a list.
  enum class Policy : std::uint8_t { packed, spread, random, gpus };
  /// What `spread` and `random` deal with: whole nodes, or single GPUs.
  enum class Unit : std::uint8_t { node, gpu };

  /// Of ranks; neighbours first.
  std::array<Degree, degree_count> order{Degree::tensor, Degree::context, Degree::data, Degree::pipeline};
  Policy policy = Policy::packed;
  Unit unit = Unit::node;
  std::uint64_t seed = 0;
  std::vector<std::uint32_t> gpus;  ///< of `gpus`: by rank
};

/// The placement at `key`: a policy's name, or a mapping
///   policy  packed (the default) | spread | random
///   unit    node (the default) | gpu
///   seed    of random
///   gpus    instead of a policy: GPU numbers by rank, items may be ranges "0-63"
///   order   of ranks, a list of tensor, data, pipeline (and context, which else comes behind tensor), those of
///           neighbouring ranks first
/// Faults are noted.
Placement read_placement(Reader& reader, std::string_view key);
Value to_value(const Placement& placement);

/// The GPUs of `ranks` ranks, by rank, of those that are not `taken`; takes them. Throws InputError at `where` (its
/// message filled in): too few are free, a GPU that there is not, one that is taken.
std::vector<std::uint32_t> place(const Placement& placement, std::uint32_t ranks, const Cluster& cluster,
                                 std::vector<bool>& taken, Fault where);

}  // namespace rehearse
