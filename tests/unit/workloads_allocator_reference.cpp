// `caching` and `expandable` against a reference that knows live blocks and what is reserved, and nothing else: holes
// are found anew for every event, by looking at everything.
#include <algorithm>
#include <map>

#include "workloads_allocator_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

constexpr std::int64_t unit = 512, mebibyte = 1 << 20, no_end = std::int64_t{1} << 50;

struct Span {
  std::int64_t begin = 0, end = 0;
  [[nodiscard]] std::int64_t size() const { return end - begin; }
};
bool by_begin(const Span& a, const Span& b) { return a.begin < b.begin; }
bool by_size(const Span& a, const Span& b) { return std::pair(a.size(), a.begin) < std::pair(b.size(), b.begin); }

class Reference {
 public:
  explicit Reference(std::int64_t capacity) : capacity_(capacity) {}
  virtual ~Reference() = default;

  bool allocate(BlockId id, std::int64_t bytes) {
    const std::int64_t size = (bytes + unit - 1) / unit * unit;
    Pool& pool = pools_[size > mebibyte ? 1 : 0];
    Span block;
    if (bytes > 0 && !find(pool, size, block) && !grow(pool, size, block)) {
      ++calls.retries;
      for (Pool& each : pools_) give_back(each);
      if (!grow(pool, size, block)) return false;
    }
    if (bytes > 0) pool.live[id] = block;
    use.in_use += Bytes(bytes), use.handed_out += Bytes(block.size());
    requested_[id] = bytes;
    return true;
  }

  void free(BlockId id) {
    use.in_use = use.in_use - Bytes(requested_[id]);
    for (Pool& pool : pools_)
      if (const auto found = pool.live.find(id); found != pool.live.end()) {
        use.handed_out = use.handed_out - Bytes(found->second.size());
        pool.live.erase(found);
      }
  }

  AllocatorUse use;
  DeviceCalls calls;

 protected:
  struct Pool {
    bool small = false;
    std::vector<Span> reserved;  ///< in order, apart from each other or not to be joined
    std::map<BlockId, Span> live;
  };
  virtual bool find(const Pool& pool, std::int64_t size, Span& block) const = 0;
  virtual bool grow(Pool& pool, std::int64_t size, Span& block) = 0;
  virtual void give_back(Pool& pool) = 0;

  /// What is reserved and not live.
  static std::vector<Span> holes(const Pool& pool) {
    std::vector<Span> live, out;
    for (const auto& [id, span] : pool.live) live.push_back(span);
    std::sort(live.begin(), live.end(), by_begin);
    for (const Span& area : pool.reserved) {
      std::int64_t begin = area.begin;
      for (const Span& span : live) {
        if (span.begin < area.begin || span.begin >= area.end) continue;
        if (begin < span.begin) out.push_back({begin, span.begin});
        begin = span.end;
      }
      if (begin < area.end) out.push_back({begin, area.end});
    }
    return out;
  }

  bool reserve(std::int64_t bytes, std::int64_t number) {
    const bool fits = use.reserved.value() + bytes <= capacity_;
    calls.mallocs += fits ? number : 1;
    if (fits) use.reserved += Bytes(bytes);
    return fits;
  }
  void unreserve(std::int64_t bytes, std::int64_t number) {
    use.reserved = use.reserved - Bytes(bytes);
    calls.frees += number;
  }

 private:
  std::int64_t capacity_;
  std::vector<Pool> pools_{{true, {}, {}}, {false, {}, {}}};
  std::map<BlockId, std::int64_t> requested_;
};

class CachingReference : public Reference {
 public:
  using Reference::Reference;

 private:
  /// The part of a hole that is handed out: without the rest, if that can be split off.
  static Span part(const Pool& pool, const Span& hole, std::int64_t size) {
    const std::int64_t rest = hole.size() - size;
    return rest >= (pool.small ? unit : mebibyte + unit) ? Span{hole.begin, hole.begin + size} : hole;
  }
  bool find(const Pool& pool, std::int64_t size, Span& block) const override {
    std::vector<Span> fitting;
    for (const Span& hole : holes(pool))
      if (hole.size() >= size) fitting.push_back(hole);
    if (fitting.empty()) return false;
    block = part(pool, *std::min_element(fitting.begin(), fitting.end(), by_size), size);
    return true;
  }
  bool grow(Pool& pool, std::int64_t size, Span& block) override {
    const std::int64_t large = size < 10 * mebibyte ? 20 * mebibyte : (size + 2 * mebibyte - 1) / (2 << 20) * (2 << 20);
    const Span segment{end_, end_ + (pool.small ? 2 * mebibyte : large)};
    if (!reserve(segment.size(), 1)) return false;
    end_ = segment.end;
    pool.reserved.push_back(segment);
    block = part(pool, segment, size);
    return true;
  }
  void give_back(Pool& pool) override {
    std::vector<Span> kept;
    for (const Span& segment : pool.reserved) {
      const bool touched = std::any_of(pool.live.begin(), pool.live.end(), [&](const auto& block) {
        return block.second.begin >= segment.begin && block.second.begin < segment.end;
      });
      if (touched)
        kept.push_back(segment);
      else
        unreserve(segment.size(), 1);
    }
    pool.reserved = kept;
  }

  std::int64_t end_ = 0;
};

class ExpandableReference : public Reference {
 public:
  using Reference::Reference;

 private:
  static std::int64_t page(const Pool& pool) { return (pool.small ? 2 : 20) * mebibyte; }

  /// Runs of addresses that no page is mapped to, the last without end.
  static std::vector<Span> unmapped(const Pool& pool) {
    std::vector<Span> out;
    std::int64_t begin = 0;
    for (const Span& area : pool.reserved) {
      if (begin < area.begin) out.push_back({begin, area.begin});
      begin = area.end;
    }
    out.push_back({begin, no_end});
    return out;
  }
  /// A set of pages from its spans: sorted, joined.
  static std::vector<Span> joined(std::vector<Span> spans) {
    std::sort(spans.begin(), spans.end(), by_begin);
    std::vector<Span> out;
    for (const Span& span : spans)
      if (!out.empty() && out.back().end == span.begin)
        out.back().end = span.end;
      else if (span.size() > 0)
        out.push_back(span);
    return out;
  }

  bool find(const Pool& pool, std::int64_t size, Span& block) const override {
    std::vector<Span> fitting;
    for (const Span& hole : holes(pool))
      if (hole.size() >= size) fitting.push_back(hole);
    if (fitting.empty()) return false;
    std::sort(fitting.begin(), fitting.end(), by_size);
    const auto grown = [&](const Span& hole) {
      for (const Span& run : unmapped(pool))
        if (run.begin == hole.end) return hole.size() + run.size();
      return hole.size();
    };
    std::size_t best = 0;
    while (best + 1 < fitting.size() && grown(fitting[best + 1]) < grown(fitting[best])) ++best;
    block = {fitting[best].begin, fitting[best].begin + size};
    return true;
  }

  bool grow(Pool& pool, std::int64_t size, Span& block) override {
    const std::vector<Span> runs = unmapped(pool), free = holes(pool);
    for (const Span& run : runs) {
      block.begin = run.begin;
      for (const Span& hole : free)
        if (hole.end == run.begin) block.begin = hole.begin;
      block.end = block.begin + size;
      const bool room = std::none_of(pool.live.begin(), pool.live.end(), [&](const auto& live) {
        return live.second.begin < block.end && block.begin < live.second.end;
      });
      if (room) return map(pool, runs, block);
    }
    return false;
  }
  /// Pages under the span, run by run, until one is refused.
  bool map(Pool& pool, const std::vector<Span>& runs, const Span& span) {
    for (const Span& run : runs) {
      if (run.end <= span.begin || span.end <= run.begin) continue;
      const std::int64_t needed = std::min(span.end, run.end) - run.begin;
      const std::int64_t pages = (needed + page(pool) - 1) / page(pool);
      if (!reserve(pages * page(pool), pages)) return false;
      pool.reserved.push_back({run.begin, run.begin + pages * page(pool)});
      pool.reserved = joined(pool.reserved);
    }
    return true;
  }

  void give_back(Pool& pool) override {
    for (const Span& hole : holes(pool))
      for (std::int64_t p = (hole.begin + page(pool) - 1) / page(pool) * page(pool); p + page(pool) <= hole.end;
           p += page(pool)) {
        unreserve(page(pool), 1);
        std::vector<Span> kept;
        for (const Span& area : pool.reserved) {
          kept.push_back({area.begin, std::clamp(p, area.begin, area.end)});
          kept.push_back({std::clamp(p + page(pool), area.begin, area.end), area.end});
        }
        pool.reserved = joined(kept);
      }
  }
};

struct Difference {
  std::int64_t event = -1;  ///< the first; -1: none
  AllocatorUse use, reference_use;
  DeviceCalls calls, reference_calls;
};

template <class R>
Difference first_difference(std::string_view name, const RandomProgram& program, std::int64_t capacity) {
  const auto allocator = make_allocator(name, Bytes(capacity));
  R reference(capacity);
  Difference first;
  std::int64_t event = 0;
  const auto compare = [&](bool same) {
    same = same && reference.use == allocator->now() && reference.calls == allocator->calls();
    if (!same && first.event < 0) first.event = event;
    if (first.event < 0 || first.event == event)
      first = {first.event, allocator->now(), reference.use, allocator->calls(), reference.calls};
    ++event;
  };
  bool agreed = true;
  const auto allocate = [&](BlockId id, Bytes bytes) {
    const bool done = allocator->allocate(id, bytes);
    agreed = reference.allocate(id, bytes.value()) == done;
    return done;
  };
  const auto free = [&](BlockId id) { allocator->free(id), reference.free(id); };
  program.run(allocate, free, [&] { compare(agreed); });
  return first;
}

}  // namespace

TEST_CASE_TEMPLATE("allocators: event by event as the reference", R, CachingReference, ExpandableReference) {
  const std::string name = std::is_same_v<R, CachingReference> ? "caching" : "expandable";
  DeviceCalls all;
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U})
    for (const std::int64_t capacity : {no_end, 1000 * mebibyte, 500 * mebibyte, 250 * mebibyte}) {
      CAPTURE(seed);
      CAPTURE(capacity);
      const Difference d = first_difference<R>(name, {seed, 3000, 60}, capacity);
      CHECK(d.event == -1);
      CHECK(d.use == d.reference_use);
      CHECK(d.calls == d.reference_calls);
      all.frees += d.calls.frees, all.retries += d.calls.retries;
    }
  // The way that a refusal takes was gone again and again.
  CHECK(all.retries > 100);
  CHECK(all.frees > 100);
}
