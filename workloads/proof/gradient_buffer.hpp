// GradientBuffer: the gradients of one chunk on one rank, as they are summed. Private to workloads/proof.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "workloads/collectives/collective.hpp"
#include "workloads/proof/shards.hpp"

namespace rehearse {

/// Over whom gradients are sharded, once they are.
struct Sharding {
  std::int64_t shards = 1, part = 0;  ///< this rank has part `part`
  bool replicated = false;            ///< shares are summed over others with the same part
  bool by_tensor = false;             ///< each tensor is cut, parameters as well (zero 3); else each bucket
};

/// Gradients of one family lie one after another in the order of held_tensors. What this rank's passes make is `own`
/// until a reduction takes it; what reductions give is `sum`. Where a reduce_scatter gave a part to others, the sum is
/// not-a-number here.
class GradientBuffer {
 public:
  GradientBuffer(std::vector<HeldTensor> tensors, const Sharding& sharding);

  [[nodiscard]] const std::vector<HeldTensor>& tensors() const { return tensors_; }
  [[nodiscard]] bool holds(const TensorKey& key) const { return number_.contains(key); }
  [[nodiscard]] Slice slice(const TensorKey& key) const;
  [[nodiscard]] const Sharding& sharding() const { return sharding_; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(own_.size()); }
  /// Adds to what this rank made. As many elements as it holds of the tensor, row by row.
  void add(const TensorKey& key, const Matrix& gradient);

  /// The next bucket, of the gradients that micro batch `round` adds (one round for all where they are reduced after
  /// the last): taken out. ProofFault beyond the end.
  Slice take_bucket(std::int32_t round, std::int64_t elements, std::vector<double>& values);
  /// What a reduction of it gives.
  void put_sum(const Slice& at, const std::vector<double>& values);

  /// The pieces of a bucket that are cut into shares: it, or its tensors.
  [[nodiscard]] std::vector<Slice> pieces(const Slice& bucket) const;
  /// Elements of a share of a piece, but for the last ones; those of share `i`, which may lie beyond its end.
  [[nodiscard]] std::int64_t share_size(const Slice& piece) const;
  [[nodiscard]] Slice share(const Slice& piece, std::int64_t i) const;
  /// What a reduce_scatter of `pieces` takes of `values`, those of the bucket: shares one after the other, padded.
  [[nodiscard]] std::vector<double> in_shares(const Slice& bucket, const std::vector<double>& values) const;
  /// What it gives.
  void put_share(const Slice& bucket, const std::vector<double>& share);
  /// The first share that was put and not reduced over those with the same part yet; and what that gives.
  struct Share {
    Slice bucket;
    std::vector<double> values;
  };
  Share take_share();
  void replace_share(const Share& before, const std::vector<double>& values);

  /// Own and summed together, for sums that come after all passes.
  [[nodiscard]] std::vector<double> values(const Slice& at) const;
  [[nodiscard]] double value(std::int64_t element) const;
  void replace(std::int64_t element, double value);
  /// Pieces that were scattered, each once.
  [[nodiscard]] const std::vector<Slice>& scattered() const { return scattered_; }
  /// Whether no other rank of a shard group has the element's sum.
  [[nodiscard]] bool is_own(std::int64_t element) const { return !given_away_[static_cast<std::size_t>(element)]; }

 private:
  void scatter(const Slice& piece);

  std::vector<HeldTensor> tensors_;
  Sharding sharding_;
  std::map<TensorKey, std::size_t> number_;
  std::vector<std::int64_t> first_;  // of each tensor
  std::vector<double> own_, sum_;
  std::vector<bool> given_away_;
  std::vector<Slice> scattered_;
  std::deque<Share> shares_;
  std::int32_t round_ = -1;
  std::int64_t reduced_ = 0;  // in this round
};

}  // namespace rehearse
