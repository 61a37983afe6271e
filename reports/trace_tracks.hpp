// The tree of tracks in a trace: cluster -> node -> GPU -> rows of slices and counters; cluster -> links -> counters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/result.hpp"

namespace rehearse {

/// What a counter track counts; `none` is a track of slices, or a group of tracks.
enum class Counter : std::uint8_t { none, bytes, percent };

struct Track {
  std::string name;
  std::string description;
  std::uint32_t parent = no_index;  ///< position of the parent; `no_index` for the root
  std::uint32_t order = 0;          ///< among its siblings
  Counter counter = Counter::none;
};

/// Tracks in the order they were added; a parent comes before its children, so do siblings in the order shown.
class Tracks {
 public:
  /// Add a track and give its position.
  std::uint32_t add(std::uint32_t parent, std::string name, Counter counter = Counter::none);
  void describe(std::uint32_t track, std::string description) { tracks_[track].description = std::move(description); }
  [[nodiscard]] const std::vector<Track>& all() const { return tracks_; }

 private:
  std::vector<Track> tracks_;
  std::vector<std::uint32_t> children_;
};

/// The uuid of the track at a position: 0 would be Perfetto's own default track.
inline std::uint64_t track_uuid(std::uint32_t track) { return std::uint64_t{track} + 1; }

/// A GPU's track for each rank of the schedule that is shown, added below `root` by node and number; a rank that
/// Result::gpus does not know has one of its own, last.
std::vector<std::uint32_t> add_gpu_tracks(const Result& result, std::uint32_t root, const std::vector<bool>& shown,
                                          Tracks& tracks);

/// The number in the cluster of the GPU that plays a rank; the rank itself where Result::gpus does not know it.
std::uint32_t gpu_number(const Result& result, Rank rank);

}  // namespace rehearse
