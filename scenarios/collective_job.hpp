// CollectiveJob: a collective on a cluster, read from a mapping and validated: what `rehearse collective` is asked for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/document.hpp"
#include "platforms/cluster.hpp"
#include "workloads/collective_choice.hpp"
#include "workloads/fidelity.hpp"

namespace rehearse {

/// What an element is, by nccl-tests' names.
struct ElementType {
  std::string_view name;
  std::int64_t bytes = 0;
};
inline constexpr std::array<ElementType, 12> element_types{{{"int8", 1},
                                                            {"uint8", 1},
                                                            {"int32", 4},
                                                            {"uint32", 4},
                                                            {"int64", 8},
                                                            {"uint64", 8},
                                                            {"half", 2},
                                                            {"float", 4},
                                                            {"double", 8},
                                                            {"bfloat16", 2},
                                                            {"fp8_e4m3", 1},
                                                            {"fp8_e5m2", 1}}};

/// The collectives of a sweep: for every number of ranks every size, by an algorithm or by all that there are.
struct CollectiveJob {
  CollectiveOp op = CollectiveOp::all_reduce;
  std::string algorithm = "auto";  ///< a row of the op's table, "auto" or "all"
  Cluster cluster;
  std::vector<std::uint32_t> ranks;  ///< ascending; the ranks are the cluster's first GPUs
  std::vector<Bytes> bytes;          ///< ascending, as asked for (see elements_of); one of 0 where the op is a barrier
  ElementType type;
  std::uint32_t root = 0;
  std::optional<Protocol> protocol;       ///< none: to be chosen
  std::optional<std::uint32_t> channels;  ///< likewise
  std::optional<Bytes> chunk;             ///< most bytes of a channel that are sent as one; none: to be chosen
  Fidelity fidelity = Fidelity::automatic;
  /// Whether it is one collective, not a sweep.
  [[nodiscard]] bool is_single() const { return ranks.size() == 1 && bytes.size() == 1 && algorithm != "all"; }
  Value resolved;  ///< every key with the value in force; of the cluster, node and device too
};

/// Reads a job. Keys, all but `cluster` may be left out:
///   op           a collective (all_reduce)
///   algorithm    one of that op's, or auto, or all (auto)
///   cluster      a name of the catalogue of clusters or of nodes, a YAML file of either, or a mapping; where it does
///   not
///                say how many nodes, as many as the ranks need
///   ranks        N, or FIRST:LAST, doubling (all GPUs of the cluster)
///   bytes        SIZE, or FIRST:LAST, multiplied by step_factor (8:128MiB); a size is a number of bytes, a text with a
///                unit (1 MiB, 64kB), or nccl-tests' 8K, 128M, 1G (powers of 1024)
///   step_factor  at least 2 (2)
///   datatype     of nccl-tests (float)
///   root         of a broadcast or reduce (0)
///   protocol     none, ll, ll128, simple or auto (auto)
///   channels     a number, or auto (auto)
///   chunk        a size, or auto (auto)
///   fidelity     flow, fluid or auto (auto)
/// `settings` (KEY=VALUE) are laid over the cluster. Throws InputError with all faults.
CollectiveJob read_collective_job(Value root, const std::vector<std::string>& settings = {});

/// Whole elements in so many bytes of the job; where every rank has a share, a multiple of the ranks, as nccl-tests has
/// it.
std::int64_t elements_of(const CollectiveJob& job, std::uint32_t ranks, Bytes bytes);

/// The job's sizes in whole elements, each once; without those of none, unless there are no others.
std::vector<Bytes> sizes_of(const CollectiveJob& job, std::uint32_t ranks);

/// Whether the op adds; whether it has a root.
bool reduces(CollectiveOp op);
bool has_root(CollectiveOp op);
/// Whether each rank has a share of the bytes (all_gather, reduce_scatter, all_to_all).
bool is_shared(CollectiveOp op);

/// The rows of the op that the group can do: all, or those that need no switches.
std::vector<const CollectiveRow*> possible_rows(CollectiveOp op, const CollectiveGroup& group);

/// The first GPUs of the job's cluster.
CollectiveGroup group_of(const CollectiveJob& job, std::uint32_t ranks);

}  // namespace rehearse
