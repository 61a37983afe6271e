// How the memory in use changes within a segment, in as few steps as a trace needs. Private to workloads.
#pragma once

#include <vector>

#include "workloads/program.hpp"

namespace rehearse {

/// When this share of the segment's time has passed.
struct SegmentChange {
  double share = 1;
  Bytes bytes;
};

/// Up to the highest point, if that is higher than where the segment begins and ends, and from there to the end.
std::vector<SegmentChange> changes_in(const Segment& segment);

}  // namespace rehearse
