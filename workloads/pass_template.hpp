// PassTemplates: the segments and calls of passes, made once for all micro batches. Private to workloads.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "workloads/segments.hpp"

namespace rehearse {

/// A pass through a model chunk, alone or one of those that go hand in hand.
struct PassPart {
  Pass pass;
  std::int32_t chunk = 0;      ///< of the model
  bool last_of_chunk = false;  ///< no later pass makes gradients of the chunk's weights
  bool gathers = false;        ///< sharded parameters of the chunk are not there yet
  bool frees = false;          ///< they are not needed after
};

struct PassItem {
  SegmentItem item;
  std::uint32_t part = 0;  ///< whose it is
};

class PassTemplates {
 public:
  /// Keeps references.
  PassTemplates(const Job& job, const Device& device, const ProgramOptions& options, Program& program)
      : model_(job.model),
        plan_(job.plan),
        framework_(job.framework),
        device_(device),
        options_(options),
        program_(program) {}

  /// How long passes through a chunk take, on average over the chunks, without collectives.
  [[nodiscard]] PassTimes times() const;
  /// Of one pass; of two, such that while one communicates the other computes.
  const std::vector<PassItem>& of(const std::vector<PassPart>& parts);
  /// Other steps; `before` their first kernel the host does something else.
  std::vector<SegmentItem> add(const Steps& steps, Seconds before = {});

 private:
  [[nodiscard]] Steps bare_steps_of(const PassPart& part) const;
  [[nodiscard]] Seconds host_before(const PassPart& part) const;
  [[nodiscard]] Steps steps_of(const PassPart& part) const;
  [[nodiscard]] std::vector<PassItem> make(const std::vector<PassPart>& parts);

  const Model& model_;
  const Plan& plan_;
  const Framework& framework_;
  const Device& device_;
  ProgramOptions options_;
  Program& program_;
  BlockNumbers numbers_;
  using Key = std::vector<std::tuple<std::int32_t, Phase, bool, bool, bool>>;
  std::map<Key, std::vector<PassItem>> made_;
};

}  // namespace rehearse
