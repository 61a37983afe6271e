#include "workloads/collectives/ring.hpp"

#include <numeric>

namespace rehearse {

namespace {

/// The elements of one channel, and of the chunks of its ring.
struct Share {
  std::int64_t first = 0, count = 0;
  std::uint32_t ranks = 1;
  [[nodiscard]] std::int64_t chunk_first(std::uint32_t chunk) const { return first + count * chunk / ranks; }
  [[nodiscard]] std::int64_t chunk_count(std::uint32_t chunk) const {
    return chunk_first(chunk + 1) - chunk_first(chunk);
  }
};

class RingBuilder {
 public:
  RingBuilder(std::uint32_t ranks, std::span<const RingPass> passes) : pattern_(ranks), n_(ranks), passes_(passes) {}

  /// Every chunk of every step. A transfer waits for the one that brought its chunk, and for the one before it on the
  /// same wire: a ring sends in order.
  void add_steps(std::uint32_t channel, std::span<const std::uint32_t> order, const Share& share) {
    std::vector<std::uint32_t> previous, current(n_);
    for (const RingPass& pass : passes_)
      for (std::uint32_t step = 0; step + 1 < n_; ++step) {
        for (std::uint32_t i = 0; i < n_; ++i) {
          const std::uint32_t chunk = order[(i + pass.shift + n_ - step % n_) % n_];
          const Transfer transfer{.source = order[i],
                                  .destination = order[(i + 1) % n_],
                                  .channel = channel,
                                  .first = share.chunk_first(chunk),
                                  .count = share.chunk_count(chunk),
                                  .reduce = pass.reduce};
          current[i] = previous.empty() ? pattern_.add(transfer, {}) : add_after(transfer, previous, i);
        }
        previous = current;
      }
  }

  /// One long transfer on each wire: the bytes and the latencies of all its steps. The bytes that a wire carries differ
  /// between positions by less than a chunk's rounding; each is given its own.
  void add_fluid(std::uint32_t channel, std::span<const std::uint32_t> order, const Share& share) {
    const auto steps = static_cast<std::uint32_t>(passes_.size()) * (n_ - 1);
    for (std::uint32_t i = 0; i < n_; ++i) {
      std::int64_t count = 0;
      for (const RingPass& pass : passes_)
        count += share.count -
                 share.chunk_count(order[(i + pass.shift + 1) % n_]);  // every chunk but the one it ends up with
      pattern_.add(
          {.source = order[i], .destination = order[(i + 1) % n_], .channel = channel, .rounds = steps, .count = count},
          {});
    }
  }

  Pattern take() { return std::move(pattern_); }

 private:
  std::uint32_t add_after(const Transfer& transfer, std::span<const std::uint32_t> previous, std::uint32_t i) {
    const std::uint32_t bringer = previous[(i + n_ - 1) % n_], same_wire = previous[i];
    const std::uint32_t after[] = {bringer, same_wire};
    return pattern_.add(transfer, std::span(after).first(bringer == same_wire ? 1 : 2));
  }

  Pattern pattern_;
  std::uint32_t n_;
  std::span<const RingPass> passes_;
};

}  // namespace

Pattern ring_passes(std::uint32_t ranks, std::int64_t elements, const CollectiveOptions& options,
                    std::span<const RingPass> passes) {
  RingBuilder builder(ranks, passes);
  if (ranks < 2) return builder.take();
  std::vector<std::vector<std::uint32_t>> channels = options.channels;
  if (channels.empty()) {
    channels.emplace_back(ranks);
    std::iota(channels[0].begin(), channels[0].end(), 0U);
  }
  const auto count = static_cast<std::int64_t>(channels.size());
  for (std::int64_t c = 0; c < count; ++c) {
    const std::int64_t first = elements * c / count;
    const Share share{first, elements * (c + 1) / count - first, ranks};
    const auto& order = channels[static_cast<std::size_t>(c)];
    if (options.fluid)
      builder.add_fluid(static_cast<std::uint32_t>(c), order, share);
    else
      builder.add_steps(static_cast<std::uint32_t>(c), order, share);
  }
  return builder.take();
}

}  // namespace rehearse
