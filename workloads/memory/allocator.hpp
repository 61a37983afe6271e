// Allocators of GPU memory: what the blocks of a program take from the device, beyond the bytes that it asked for.
//
// Modelled of PyTorch (its notes "CUDA semantics", section Memory management, the comments of c10/cuda/
// CUDACachingAllocator.cpp, and torch.cuda.memory_stats, whose requested_bytes, allocated_bytes, reserved_bytes and
// num_alloc_retries are in_use, handed_out, reserved and retries here): rounding of sizes, pools of small and large
// blocks, best fit, splitting, coalescing, expandable segments, and giving back the cache when the device refuses.
//
// Not modelled: streams (a block that is freed can be used again at once, as on one stream), pools of CUDA graphs,
// garbage_collection_threshold, max_split_size_mb, roundup_power2_divisions, and what the CUDA context takes. The
// addresses of segments are the driver's business: here each lies beyond all before it, which decides between free
// blocks of one size only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/table.hpp"
#include "engine/base/units.hpp"

namespace rehearse {

enum class BlockId : std::uint32_t {};  ///< a block of a program: dense from 0; used again once it is free

/// At every moment in_use <= handed_out <= reserved.
struct AllocatorUse {
  Bytes in_use;      ///< as asked for
  Bytes handed_out;  ///< as rounded
  Bytes reserved;    ///< taken from the device
  friend bool operator==(const AllocatorUse&, const AllocatorUse&) = default;
};

/// Calls to the device's own allocator. A device call waits for the GPU, so in a steady state there should be none.
struct DeviceCalls {
  std::int64_t mallocs = 0;  ///< with those that the device refused
  std::int64_t frees = 0;
  std::int64_t retries = 0;  ///< allocations for which the cache was given back first
  friend DeviceCalls operator-(const DeviceCalls& a, const DeviceCalls& b) {
    return {a.mallocs - b.mallocs, a.frees - b.frees, a.retries - b.retries};
  }
  friend bool operator==(const DeviceCalls&, const DeviceCalls&) = default;
};

/// Hands out blocks one after another. An AllocatorRow makes one.
class Allocator {
 public:
  explicit Allocator(std::optional<Bytes> capacity) : capacity_(capacity) {}
  virtual ~Allocator() = default;
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// False: it does not fit into the capacity, and the block stays free (what was cached has been given back by then).
  /// A block of no bytes takes nothing. The block must be free.
  [[nodiscard]] bool allocate(BlockId block, Bytes bytes);
  /// The block must be allocated.
  void free(BlockId block);

  /// After the last event.
  [[nodiscard]] const AllocatorUse& now() const { return now_; }
  /// Since the beginning; of later events only: the difference of two.
  [[nodiscard]] const DeviceCalls& calls() const { return calls_; }

 protected:
  /// A block in the terms of a row: where it lies is the row's own affair.
  struct Place {
    Bytes handed_out;
    std::uint32_t block = 0, pool = 0;
  };

  /// Asks the device for memory, in that many calls; false: that would exceed the capacity.
  [[nodiscard]] bool reserve(Bytes bytes, std::int64_t calls);
  void unreserve(Bytes bytes, std::int64_t calls);
  void count_retry() { ++calls_.retries; }

 private:
  struct Holding {
    Bytes requested;
    Place place;
  };
  virtual std::optional<Place> take(Bytes bytes) = 0;  ///< of more than 0 bytes; nothing: it does not fit
  virtual void give(const Place& place) = 0;

  std::optional<Bytes> capacity_;
  AllocatorUse now_;
  DeviceCalls calls_;
  std::vector<std::optional<Holding>> blocks_;  ///< by BlockId
};

struct AllocatorRow {
  std::string_view name;
  std::string_view description;
  /// One that has handed out nothing, on a device of that capacity; none: of as much as is asked for.
  std::unique_ptr<Allocator> (*make)(std::optional<Bytes> capacity) = nullptr;
  bool calls_device = false;  ///< each block is a call to the device when it comes and another when it goes
};

/// caching, device, expandable, ideal.
const Table<AllocatorRow>& allocator_table();

struct AllocatorEvent {
  enum class Action : std::uint8_t { allocate, free };
  Action action = Action::allocate;
  BlockId block{};
  Bytes bytes;  ///< of an allocate
};

/// The most, and the first event after which it was so.
struct Peak {
  Bytes bytes;
  std::size_t event = 0;
};

/// What a stretch of a stream did to an allocator.
struct StreamUse {
  Peak in_use, handed_out, reserved;   ///< after any of its events; 0 where there is none
  DeviceCalls calls;                   ///< of its events
  std::optional<std::size_t> refused;  ///< the event that did not fit, where it ended
};

/// Carries out the events in order, on top of what the allocator has handed out before: an iteration replayed again
/// shows the steady state.
StreamUse replay_stream(Allocator& allocator, std::span<const AllocatorEvent> events);

}  // namespace rehearse
