// GradientBuffer: the gradients of one chunk on one rank, as they are summed. Private to workloads/proof.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "workloads/collectives/collective.hpp"
#include "workloads/proof/shards.hpp"

namespace rehearse {

/// Dense gradients lie one after another in the order of held_tensors. What this rank's passes make is `own` until a
/// reduction takes it; what reductions give is `sum`. Where a reduce_scatter gave a part to others, the sum is
/// not-a-number here.
class GradientBuffer {
 public:
  explicit GradientBuffer(std::vector<HeldTensor> tensors);

  [[nodiscard]] const std::vector<HeldTensor>& tensors() const { return tensors_; }
  [[nodiscard]] const HeldTensor& tensor(const TensorKey& key) const { return tensors_[number_.at(key)]; }
  [[nodiscard]] bool holds(const TensorKey& key) const { return number_.contains(key); }
  [[nodiscard]] Slice slice(const TensorKey& key) const;
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(own_.size()); }
  /// Adds to what this rank made. As many elements as it holds of the tensor, row by row.
  void add(const TensorKey& key, const Matrix& gradient);

  /// The next bucket, of the gradients that micro batch `round` adds (one round for all where they are reduced after
  /// the last): taken out. ProofFault beyond the end.
  Slice take_bucket(std::int32_t round, std::int64_t elements, std::vector<double>& values);
  /// What a reduction of it gives.
  void put_sum(const Slice& at, const std::vector<double>& values);
  /// Of a reduce_scatter: share number `part`.
  void put_share(const Slice& bucket, std::int64_t part, const std::vector<double>& share);
  /// The last share that was put, for a second reduction of it.
  [[nodiscard]] const std::vector<double>& last_share() const;
  void replace_last_share(const std::vector<double>& values);

  /// Own and summed together, for sums that come after all passes.
  [[nodiscard]] std::vector<double> values(const Slice& at) const;
  void replace(const Slice& at, const std::vector<double>& values);
  /// A bucket that was scattered, in shares of so many elements each; the last ones may lie beyond its end.
  struct Scattered {
    Slice bucket;
    std::int64_t share = 0;
    [[nodiscard]] Slice part(std::int64_t i) const;
  };
  /// Each once.
  [[nodiscard]] const std::vector<Scattered>& scattered() const { return scattered_; }
  /// Whether no other rank of a shard group has the element's sum.
  [[nodiscard]] bool is_own(std::int64_t element) const;

 private:
  std::vector<HeldTensor> tensors_;
  std::map<TensorKey, std::size_t> number_;
  std::vector<std::int64_t> first_;  // of each tensor
  std::vector<double> own_, sum_;
  std::vector<Scattered> scattered_;
  std::vector<std::int64_t> part_;  // this rank's, of each
  std::size_t last_ = 0;            // of `scattered_`: the one that was put last
  std::vector<double> last_share_;
  std::int32_t round_ = -1;
  std::int64_t reduced_ = 0;  // in this round
};

}  // namespace rehearse
