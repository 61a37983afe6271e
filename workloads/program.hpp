// Program: what every GPU of a pipeline stage does, in order. All GPUs of a stage run the same program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/schedule.hpp"
#include "platforms/device.hpp"
#include "workloads/pipeline/schedule.hpp"
#include "workloads/transformer.hpp"

namespace rehearse {

/// A named part of a segment.
struct SegmentPart {
  std::string name;
  Seconds duration;
  Flops flops;
};

/// Kernels between two communications, to be one op.
struct Segment {
  std::string name;  ///< "layer 3 attention", "layers 4-7"
  Kind kind = Kind::forward;
  std::int16_t layer = -1;
  Seconds duration;
  Flops flops;
  std::vector<SegmentPart> parts;
};

/// A collective as it is called: what, on which group, how much.
struct CollectiveCall {
  CollectiveStep step;
  std::string name;  ///< "all_reduce layer 3"
};

/// A send or receive between neighbouring chunks.
struct Message {
  Phase phase = Phase::forward;  ///< activations go to the next chunk, gradients to the one before
  std::int32_t micro_batch = 0;
  std::int32_t chunk = 0;  ///< model chunk that sends
  friend auto operator<=>(const Message&, const Message&) = default;
};

struct Instruction {
  enum class Type : std::uint8_t {
    compute,     ///< segment `index`
    collective,  ///< call `index`
    send,        ///< message `index`, to stage `peer`
    receive,     ///< message `index`, from stage `peer`
    wait,        ///< for all collectives so far, blocking or not
    memory       ///< from here on `bytes` more (or less) are in use
  };
  Type type = Type::compute;
  std::uint32_t index = 0;
  std::uint32_t peer = 0;
  Tags tags;
  Bytes bytes;
};

struct Program {
  std::vector<Segment> segments;
  std::vector<CollectiveCall> calls;
  std::vector<Message> messages;
  std::vector<std::vector<Instruction>> stages;
  Bytes message_bytes;  ///< of each message, for each sending GPU
  bool blocking_sends = true;
};

struct ProgramOptions {
  bool merge_kernels = true;  ///< kernels between two communications become one segment
};

/// Expand `model` under `plan` into programs. `activation_bytes` is what one micro batch keeps in each model
/// chunk between its forward and backward pass.
Program build_program(const Model& model, const Plan& plan, const Device& device,
                      const std::vector<Bytes>& activation_bytes, const ProgramOptions& options);

}  // namespace rehearse
