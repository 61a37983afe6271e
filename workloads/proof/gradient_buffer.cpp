#include "workloads/proof/gradient_buffer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"

namespace rehearse {

namespace {

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

GradientBuffer::GradientBuffer(std::vector<HeldTensor> tensors, const Sharding& sharding)
    : tensors_(std::move(tensors)), sharding_(sharding) {
  std::int64_t size = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    number_[tensors_[i].key] = i;
    first_.push_back(size);
    size += tensors_[i].elements();
  }
  own_.assign(place(size), 0.0);
  sum_ = own_;
  given_away_.assign(place(size), false);
  if (sharding_.by_tensor && sharding_.shards > 1)
    for (const HeldTensor& tensor : tensors_) scatter(slice(tensor.key));
}

Slice GradientBuffer::slice(const TensorKey& key) const {
  const std::size_t i = number_.at(key);
  return {first_[i], tensors_[i].elements()};
}

void GradientBuffer::add(const TensorKey& key, const Matrix& gradient) {
  const Slice at = slice(key);
  if (gradient.size() != at.count)
    throw ProofFault(
        fmt::format("a gradient of {} elements for the {} of {}", gradient.size(), at.count, to_string(key)));
  for (std::int64_t i = 0; i < at.count; ++i) own_[place(at.first + i)] += gradient.data()[i];
}

Slice GradientBuffer::take_bucket(std::int32_t round, std::int64_t elements, std::vector<double>& values) {
  if (round != round_) reduced_ = 0;
  round_ = round;
  if (reduced_ + elements > size())
    throw ProofFault(fmt::format("reduces {} gradients after {} of {}", elements, reduced_, size()));
  const Slice at{reduced_, elements};
  reduced_ += elements;
  const auto first = own_.begin() + at.first;
  values.assign(first, first + elements);
  std::fill(first, first + elements, 0.0);
  return at;
}

void GradientBuffer::put_sum(const Slice& at, const std::vector<double>& values) {
  for (std::int64_t i = 0; i < at.count; ++i) sum_[place(at.first + i)] += values[place(i)];
}

std::vector<Slice> GradientBuffer::pieces(const Slice& bucket) const {
  if (!sharding_.by_tensor) return {bucket};
  std::vector<Slice> out;
  for (std::size_t i = 0; i < tensors_.size(); ++i)
    if (first_[i] >= bucket.first && first_[i] < bucket.first + bucket.count)
      out.push_back({first_[i], tensors_[i].elements()});
  if (out.empty() || out.front().first != bucket.first ||
      out.back().first + out.back().count != bucket.first + bucket.count)
    throw ProofFault("reduces part of a tensor, which is sharded whole");
  return out;
}

std::int64_t GradientBuffer::share_size(const Slice& piece) const {
  return (piece.count + sharding_.shards - 1) / sharding_.shards;
}

Slice GradientBuffer::share(const Slice& piece, std::int64_t i) const {
  const std::int64_t size = share_size(piece);
  const std::int64_t begin = std::min(i * size, piece.count), end = std::min(begin + size, piece.count);
  return {piece.first + begin, end - begin};
}

std::vector<double> GradientBuffer::in_shares(const Slice& bucket, const std::vector<double>& values) const {
  std::vector<double> out;
  const std::vector<Slice> all = pieces(bucket);
  for (std::int64_t i = 0; i < sharding_.shards; ++i)
    for (const Slice& piece : all) {
      const Slice part = share(piece, i);
      const std::size_t padded = out.size() + place(share_size(piece));
      const auto from = values.begin() + part.first - bucket.first;
      out.insert(out.end(), from, from + part.count);
      out.resize(padded, 0.0);
    }
  return out;
}

void GradientBuffer::scatter(const Slice& piece) {
  const auto same = [&](const Slice& s) { return s.first == piece.first && s.count == piece.count; };
  if (std::ranges::find_if(scattered_, same) != scattered_.end()) return;
  scattered_.push_back(piece);
  const Slice kept = share(piece, sharding_.part);
  for (std::int64_t i = piece.first; i < piece.first + piece.count; ++i)
    given_away_[place(i)] = i < kept.first || i >= kept.first + kept.count;
}

void GradientBuffer::put_share(const Slice& bucket, const std::vector<double>& share_values) {
  auto from = share_values.begin();
  for (const Slice& piece : pieces(bucket)) {
    scatter(piece);
    const Slice kept = share(piece, sharding_.part);
    for (std::int64_t i = piece.first; i < piece.first + piece.count; ++i)
      sum_[place(i)] += given_away_[place(i)] ? std::numeric_limits<double>::quiet_NaN() : *(from + i - kept.first);
    from += share_size(piece);
  }
  if (sharding_.replicated) shares_.push_back({bucket, share_values});
}

GradientBuffer::Share GradientBuffer::take_share() {
  if (shares_.empty()) throw ProofFault("reduces the share of a bucket that was not scattered");
  Share out = std::move(shares_.front());
  shares_.pop_front();
  return out;
}

void GradientBuffer::replace_share(const Share& before, const std::vector<double>& values) {
  std::size_t from = 0;
  for (const Slice& piece : pieces(before.bucket)) {
    const Slice kept = share(piece, sharding_.part);
    for (std::int64_t i = 0; i < kept.count; ++i)
      sum_[place(kept.first + i)] += values[from + place(i)] - before.values[from + place(i)];
    from += place(share_size(piece));
  }
}

double GradientBuffer::value(std::int64_t element) const { return own_[place(element)] + sum_[place(element)]; }

std::vector<double> GradientBuffer::values(const Slice& at) const {
  std::vector<double> out;
  for (std::int64_t i = at.first; i < at.first + at.count; ++i) out.push_back(value(i));
  return out;
}

void GradientBuffer::replace(std::int64_t element, double value) {
  own_[place(element)] = 0;
  sum_[place(element)] = value;
}

}  // namespace rehearse
