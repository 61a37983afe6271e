#include "workloads/execution/collective_data.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "engine/base/mixing.hpp"

namespace rehearse {

namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

/// The value of a rank's element is a(rank) * b(element) + c(rank) + d(element): below 2^11, so that 2^13 of them stay
/// below 2^24; a sum over the ranks has a closed form, and what is swapped or misplaced shows.
struct OfRank {
  std::int64_t a = 0, c = 0;
  explicit OfRank(std::uint32_t rank) {
    const std::uint64_t bits = mix(rank);
    a = static_cast<std::int64_t>(1 + bits % 23);
    c = static_cast<std::int64_t>((bits >> 32) % 690);
  }
};

struct OfElement {
  std::int64_t b = 0, d = 0;
  explicit OfElement(std::int64_t element) {
    const std::uint64_t bits = mix(~static_cast<std::uint64_t>(element));
    b = static_cast<std::int64_t>(1 + bits % 29);
    d = static_cast<std::int64_t>((bits >> 32) % 690);
  }
};

/// The values of one rank, or of `ranks` added up.
struct Values {
  std::int64_t a = 0, c = 0, ranks = 0;
  void add(std::uint32_t rank) {
    const OfRank of(rank);
    a += of.a;
    c += of.c;
    ++ranks;
  }
  [[nodiscard]] float at(std::int64_t element) const {
    const OfElement of(element);
    return static_cast<float>(a * of.b + c + ranks * of.d);
  }
};

Values of_rank(std::uint32_t rank) {
  Values out;
  out.add(rank);
  return out;
}

Values of_all(std::uint32_t ranks) {
  Values out;
  for (std::uint32_t r = 0; r < ranks; ++r) out.add(r);
  return out;
}

void store(const Values& values, Slice elements, std::span<float> buffer) {
  for (std::int64_t e = elements.first; e < elements.first + elements.count; ++e)
    buffer[static_cast<std::size_t>(e)] = values.at(e);
}

/// Elements from `at` on of the buffer that are not those of `values`.
std::int64_t differing(const Values& values, Slice elements, std::int64_t at, std::span<const float> buffer) {
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < elements.count; ++i)
    wrong += buffer[static_cast<std::size_t>(at + i)] == values.at(elements.first + i) ? 0 : 1;
  return wrong;
}

/// The slots of an all_to_all.
struct Slots {
  std::int64_t ranks = 0, elements = 0;
  [[nodiscard]] std::int64_t first(std::int64_t i) const { return i * ((elements + ranks - 1) / ranks); }
  [[nodiscard]] Slice data(std::int64_t i) const { return {first(i), Slice{0, elements}.part(i, ranks).count}; }
};

}  // namespace

CollectiveData::CollectiveData(CollectiveOp op, std::uint32_t ranks, std::int64_t elements, std::vector<Slice> pieces,
                               std::uint32_t root)
    : op_(op), ranks_(ranks), elements_(elements), pieces_(std::move(pieces)), root_(root) {}

void CollectiveData::fill(std::uint32_t position, std::span<float> buffer) const {
  std::ranges::fill(buffer, position < ranks_ ? unknown : 0.0F);
  if (position >= ranks_) return;
  assert(std::ssize(buffer) >= collective_buffer(op_, ranks_, elements_));
  const Values own = of_rank(position);
  switch (op_) {
    case CollectiveOp::all_gather:
      for (const Slice& piece : pieces_) store(own, piece.part(position, ranks_), buffer);
      break;
    case CollectiveOp::broadcast:
      if (position == root_) store(own, {0, elements_}, buffer);
      break;
    case CollectiveOp::all_to_all:
      for (std::uint32_t j = 0; j < ranks_; ++j) store(own, Slots{ranks_, elements_}.data(j), buffer);
      break;
    case CollectiveOp::all_reduce:
    case CollectiveOp::reduce_scatter:
    case CollectiveOp::reduce:
    case CollectiveOp::send_recv: store(own, {0, elements_}, buffer); break;
    case CollectiveOp::barrier: break;
  }
}

std::int64_t CollectiveData::count_wrong(std::uint32_t rank, std::span<const float> buffer) const {
  std::int64_t wrong = 0;
  switch (op_) {
    case CollectiveOp::all_reduce: return differing(of_all(ranks_), {0, elements_}, 0, buffer);
    case CollectiveOp::reduce: return rank == root_ ? differing(of_all(ranks_), {0, elements_}, 0, buffer) : 0;
    case CollectiveOp::broadcast: return differing(of_rank(root_), {0, elements_}, 0, buffer);
    case CollectiveOp::send_recv:
      return differing(of_rank((rank + ranks_ - 1) % ranks_), {0, elements_}, elements_, buffer);
    case CollectiveOp::reduce_scatter: {
      const Values sum = of_all(ranks_);
      for (const Slice& piece : pieces_) {
        const Slice share = piece.part(rank, ranks_);
        wrong += differing(sum, share, share.first, buffer);
      }
      return wrong;
    }
    case CollectiveOp::all_gather:
      for (std::uint32_t p = 0; p < ranks_; ++p)
        for (const Slice& piece : pieces_) {
          const Slice share = piece.part(p, ranks_);
          wrong += differing(of_rank(p), share, share.first, buffer);
        }
      return wrong;
    case CollectiveOp::all_to_all: {
      const Slots slots{ranks_, elements_};
      for (std::uint32_t i = 0; i < ranks_; ++i)
        wrong += differing(of_rank(i), slots.data(rank), slots.first(ranks_ + i), buffer);
      return wrong;
    }
    case CollectiveOp::barrier: return 0;
  }
  return 0;
}

}  // namespace rehearse
