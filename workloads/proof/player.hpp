// PatternPlayer: the algorithm of a collective carried out on numbers, all ranks in one thread. Private to
// workloads/proof.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "workloads/collective_choice.hpp"
#include "workloads/collectives/collective.hpp"

namespace rehearse {

enum class Fold : std::uint8_t { sum, maximum };
using Numbers = std::vector<double>;

class PatternPlayer {
 public:
  /// What each position gets of what each gives. All of the same length, as real libraries have it:
  ///   all_reduce       gives and gets e
  ///   all_gather       gives s, gets n s: those of all positions in order
  ///   reduce_scatter   gives n s, gets s
  ///   all_to_all       gives n s, slot j for position j; gets n s, slot i from position i
  ///   send_recv        gives and gets e: those of the position before
  /// Shares are padded so that they divide evenly over the way's channels and chunks. A way that is fluid, for
  /// simulation, is carried out message by message.
  std::vector<Numbers> play(const CollectiveWay& way, Fold fold, const std::vector<Numbers>& given);
  /// The same of all_gather, reduce_scatter (members give alike) and all_to_all where slots differ in length: each
  /// gives one slot, or one for every position, and gets one from every position, or its own sum. Padded to the
  /// longest.
  std::vector<std::vector<Numbers>> play_slots(const CollectiveWay& way,
                                               const std::vector<std::vector<Numbers>>& given);

 private:
  using Step = std::vector<Transfer>;
  struct Played {
    Pattern pattern;
    std::vector<Step> steps;
    std::vector<Slice> pieces;
  };
  using Key = std::tuple<const CollectiveWay*, std::uint32_t, std::int64_t>;
  const Played& played(const CollectiveWay& way, std::uint32_t ranks, std::int64_t elements);

  std::map<Key, Played> played_;
};

}  // namespace rehearse
