// Reports of `rehearse collective`: text in nccl-tests' manner, JSON, CSV. Each writes to a stream.
#pragma once

#include <iosfwd>
#include <vector>

#include "scenarios/collective_simulate.hpp"
#include "workloads/collective_choice.hpp"

namespace rehearse {

/// Comment lines that say what was simulated and where the numbers come from, then a row for each point; of `all` or of
/// several numbers of ranks a table of the quickest behind it.
void write_collective_text(const CollectiveResult& result, std::ostream& out);
/// Who is quickest: of one number of ranks the times of all algorithms, of several the name of the quickest. Nothing
/// where there is one algorithm.
void write_collective_winners(const CollectiveResult& result, std::ostream& out);
/// An object: the job as resolved, and the points.
void write_collective_json(const CollectiveResult& result, std::ostream& out);
/// A header line and a row for each point.
void write_collective_csv(const CollectiveResult& result, std::ostream& out);

/// The ways that a collective could be carried out, the quickest first, and why that one is.
void write_collective_explanation(const CollectiveGroup& group, const CollectiveTask& task,
                                  const std::vector<CollectiveCandidate>& candidates, std::ostream& out);

}  // namespace rehearse
