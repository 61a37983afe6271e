#include "workloads/memory/segment_changes.hpp"

#include <algorithm>

namespace rehearse {

std::vector<SegmentChange> changes_in(const Segment& segment) {
  Bytes now, most;
  double at = 0, highest = 0;
  std::uint32_t part = 0;
  Seconds passed;
  for (const MemoryEvent& event : segment.memory) {
    for (; part < event.part; ++part) passed += segment.parts[part].duration;
    at = segment.duration > Seconds() ? std::min(1.0, passed / segment.duration) : 1;
    now += event.bytes;
    if (now <= most) continue;
    most = now;
    highest = at;
  }
  std::vector<SegmentChange> out;
  if (most > now && most > Bytes(0)) out.push_back({highest, most});
  const Bytes rest = out.empty() ? now : now - most;
  if (rest != Bytes(0)) out.push_back({at, rest});
  return out;
}

}  // namespace rehearse
