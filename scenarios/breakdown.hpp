// Where the time of each simulated GPU goes. Private to scenarios.
#pragma once

#include <vector>

#include "engine/timeline.hpp"
#include "scenarios/result.hpp"

namespace rehearse {

/// The time of a rank's job, from its start to its end.
struct Window {
  Seconds begin, end;
};

/// By rank, given the windows of ranks. Every moment of it counts once: as compute or optimizer while the compute
/// stream is busy, else as the communication under way (tensor before data before pipeline), else as bubble.
std::vector<Breakdown> break_down(const Schedule& schedule, const Timeline& timeline,
                                  const std::vector<Window>& windows);

}  // namespace rehearse
