#include "workloads/collectives/bruck.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace rehearse {

RotatedShares::RotatedShares(const CollectiveRequest& request)
    : n_(request.ranks),
      channel_(request.channel),
      all_(request.elements),
      base_(request.total + request.elements.first) {}

std::uint64_t RotatedShares::steps() const { return static_cast<std::uint64_t>(std::bit_width(n_ - 1)); }

void RotatedShares::gather(std::uint64_t k, std::vector<Transfer>& out) const {
  const std::uint32_t distance = 1U << k, shares = std::min(distance, n_ - distance);
  for (std::uint32_t i = 0; i < n_; ++i) {
    const std::uint32_t before = (i + n_ - distance) % n_;
    const std::int64_t first = rotated(i, 0);
    out.push_back({.source = i,
                   .destination = before,
                   .channel = channel_,
                   .from = first,
                   .to = rotated(before, distance),
                   .count = rotated(i, shares) - first});
  }
}

void RotatedShares::scatter(std::uint64_t k, std::vector<Transfer>& out) const {
  const std::size_t first = out.size();
  gather(k, out);
  for (std::size_t i = first; i < out.size(); ++i) {
    std::swap(out[i].source, out[i].destination);
    std::swap(out[i].from, out[i].to);
    out[i].reduce = true;
  }
}

void RotatedShares::copy(std::uint32_t offset, bool in, std::vector<Transfer>& out) const {
  for (std::uint32_t i = 0; i < n_; ++i) {
    const Slice share = all_.part((i + offset) % n_, n_);
    const std::int64_t turned = rotated(i, offset);
    out.push_back({.source = i,
                   .destination = i,
                   .channel = channel_,
                   .from = in ? share.first : turned,
                   .to = in ? turned : share.first,
                   .count = share.count});
  }
}

std::int64_t RotatedShares::rotated(std::uint32_t position, std::uint32_t offset) const {
  const std::int64_t own = all_.part(position, n_).first;
  if (position + offset < n_) return base_ + all_.part(position + offset, n_).first - own;
  return base_ + all_.count - own + all_.part(position + offset - n_, n_).first;
}

}  // namespace rehearse
