// How the collectives of a job are carried out: algorithm, protocol, channels, chunks. Needs no simulation.
#pragma once

#include <vector>

#include "scenarios/collective_job.hpp"

namespace rehearse {

/// The collective of so many bytes, as the choice of ways has it.
CollectiveTask task_of(const CollectiveJob& job, std::uint32_t ranks, Bytes bytes);

/// All ways that meet the job's wishes, the quickest first; `algorithm`: a row, or "auto". A chunk of a size is as many
/// chunks as the channels of the quickest way need. Throws InputError where that is more than 2^20.
std::vector<CollectiveCandidate> candidates_of(const CollectiveJob& job, const CollectiveGroup& group, Bytes bytes,
                                               const std::string& algorithm);

/// The ways that the job asks for: the quickest, or of `all` the quickest of every row that the group can do
/// with the protocol that was asked for. Not empty: InputError where there is none.
std::vector<CollectiveWay> ways_of(const CollectiveJob& job, const CollectiveGroup& group, Bytes bytes);

}  // namespace rehearse
