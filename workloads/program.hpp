// Program: what the workers of every role do, in order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/schedule.hpp"
#include "platforms/cluster.hpp"
#include "workloads/job_layout.hpp"
#include "workloads/steps.hpp"

namespace rehearse {

/// A named part of a segment.
struct SegmentPart {
  std::string name;
  Seconds duration;
  Flops flops;
};

/// A piece of memory that passes use; there is one for each micro batch under way.
struct MemoryBlock {
  std::string name;  ///< "queries, keys, values"
  std::int16_t layer = -1;
  MemoryUse use = MemoryUse::activations;
  bool of_all = false;  ///< there is one for all of them
  friend auto operator<=>(const MemoryBlock&, const MemoryBlock&) = default;
};

/// A block comes into being (bytes > 0) or goes.
struct MemoryEvent {
  std::uint32_t part = 0;   ///< of its segment: before this one begins; their number: when the last one ends
  std::uint32_t block = 0;  ///< index into Program::blocks
  Bytes bytes;
};

/// Kernels between two communications, to be one op.
struct Segment {
  std::string name;   ///< "layer 3 attention", "layers 4-7"
  std::string block;  ///< KernelStep::block of the first kernel
  Kind kind = Kind::forward;
  std::int16_t layer = -1;
  Seconds duration;
  Flops flops;
  std::vector<SegmentPart> parts;
  std::vector<MemoryEvent> memory;  ///< in order
};

/// A collective as it is called: what, on which group, how much.
struct CollectiveCall {
  CollectiveStep step;
  std::string name;  ///< "all_reduce layer 3"
};

/// A copy to or from the host, or its work.
struct HostCall {
  HostStep step;
  std::string name;  ///< "activations layer 3"
};

/// A send or receive between neighbouring chunks.
struct Message {
  Phase phase = Phase::forward;  ///< forward: activations to the next chunk; backward: gradients to the one before
  std::int32_t micro_batch = 0;
  std::int32_t chunk = 0;  ///< model chunk that sends
  std::uint32_t job = 0;
  Bytes bytes;           ///< for each sending worker
  bool blocking = true;  ///< keeps the sender from doing anything else
  friend auto operator<=>(const Message&, const Message&) = default;
};

struct Instruction {
  enum class Type : std::uint8_t {
    compute,     ///< segment `index`
    collective,  ///< call `index`
    send,        ///< message `index`, to stage `peer` of its job
    receive,     ///< message `index`, from stage `peer`
    wait,        ///< for the last collective called with handle `index`; no_index: for all so far, blocking or not
    memory,      ///< event `index` of Program::memory
    host         ///< `index` of Program::host
  };
  Type type = Type::compute;
  Phase phase = Phase::forward;  ///< of its pass
  std::int16_t chunk = -1;       ///< of the model: that of its pass, or whose gradients these are; -1: of all
  std::uint32_t index = 0;
  std::uint32_t peer = 0;
  Tags tags;
};

struct Program {
  std::vector<Segment> segments;
  std::vector<CollectiveCall> calls;
  std::vector<Message> messages;
  std::vector<MemoryBlock> blocks;
  std::vector<MemoryEvent> memory;  ///< between segments
  std::vector<HostCall> host;
  std::vector<std::vector<Instruction>> roles;  ///< of one iteration
};

struct ProgramOptions {
  bool merge_kernels = true;  ///< kernels between two communications become one segment
};

/// The jobs' models expanded under their plans: a program for each role of the layout, with kernels as they take on its
/// device.
Program build_program(std::span<const Job> jobs, const JobLayout& layout, const Cluster& cluster,
                      const ProgramOptions& options);

}  // namespace rehearse
