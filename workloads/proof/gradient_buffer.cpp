#include "workloads/proof/gradient_buffer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"

namespace rehearse {

GradientBuffer::GradientBuffer(std::vector<HeldTensor> tensors) : tensors_(std::move(tensors)) {
  std::int64_t size = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    number_[tensors_[i].key] = i;
    first_.push_back(size);
    size += tensors_[i].elements();
  }
  own_.assign(static_cast<std::size_t>(size), 0.0);
  sum_ = own_;
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
  for (std::int64_t i = 0; i < at.count; ++i) own_[static_cast<std::size_t>(at.first + i)] += gradient.data()[i];
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
  for (std::int64_t i = 0; i < at.count; ++i)
    sum_[static_cast<std::size_t>(at.first + i)] += values[static_cast<std::size_t>(i)];
}

Slice GradientBuffer::Scattered::part(std::int64_t i) const {
  const std::int64_t begin = std::min(i * share, bucket.count), end = std::min(begin + share, bucket.count);
  return {bucket.first + begin, end - begin};
}

void GradientBuffer::put_share(const Slice& bucket, std::int64_t part, const std::vector<double>& share) {
  const auto same = [&](const Scattered& s) {
    return s.bucket.first == bucket.first && s.bucket.count == bucket.count;
  };
  last_ = static_cast<std::size_t>(std::ranges::find_if(scattered_, same) - scattered_.begin());
  if (last_ == scattered_.size()) {
    scattered_.push_back({bucket, std::ssize(share)});
    part_.push_back(part);
  }
  std::vector<double> all(static_cast<std::size_t>(bucket.count), std::numeric_limits<double>::quiet_NaN());
  const Slice kept = scattered_[last_].part(part);
  std::copy_n(share.begin(), kept.count, all.begin() + kept.first - bucket.first);
  put_sum(bucket, all);
  last_share_ = share;
}

bool GradientBuffer::is_own(std::int64_t element) const {
  for (std::size_t i = 0; i < scattered_.size(); ++i) {
    const Slice &bucket = scattered_[i].bucket, kept = scattered_[i].part(part_[i]);
    if (element >= bucket.first && element < bucket.first + bucket.count)
      return element >= kept.first && element < kept.first + kept.count;
  }
  return true;
}

const std::vector<double>& GradientBuffer::last_share() const {
  if (scattered_.empty()) throw ProofFault("reduces the share of a bucket that was not scattered");
  return last_share_;
}

void GradientBuffer::replace_last_share(const std::vector<double>& values) {
  const Slice kept = scattered_[last_].part(part_[last_]);
  for (std::int64_t i = 0; i < kept.count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    sum_[static_cast<std::size_t>(kept.first) + at] += values[at] - last_share_[at];
  }
  last_share_ = values;
}

std::vector<double> GradientBuffer::values(const Slice& at) const {
  std::vector<double> out(static_cast<std::size_t>(at.count));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t place = static_cast<std::size_t>(at.first) + i;
    out[i] = own_[place] + sum_[place];
  }
  return out;
}

void GradientBuffer::replace(const Slice& at, const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t place = static_cast<std::size_t>(at.first) + i;
    own_[place] = 0;
    sum_[place] = values[i];
  }
}

}  // namespace rehearse
