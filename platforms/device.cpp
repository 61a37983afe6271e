#include "platforms/device.hpp"

#include <algorithm>
#include <cassert>
#include <stdexcept>

#include "engine/base/table.hpp"
#include "platforms/attention_model.hpp"
#include "platforms/gemm_model.hpp"

namespace rehearse {
namespace {

const GemmProfile& profile_of(const Device& device, Precision p) {
  const auto found = device.gemm.find(p);
  if (found != device.gemm.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [precision, profile] : device.gemm) names.emplace_back(precision_name(precision));
  throw std::invalid_argument("device '" + device.name + "': " + unknown_name("precision", precision_name(p), names));
}

using TimeOf = Seconds (Device::*)(const Kernel&) const;

Seconds roofline_time(const Device& device, Precision precision, const Roofline& roofline, TimeOf time) {
  const Seconds moving = (device.*time)({.work = Stream{StreamKind::copy, roofline.bytes}, .precision = precision});
  if (roofline.flops <= Flops(0.0)) return moving;
  const Gemm large{.m = 8192, .n = 8192, .k = 8192};
  const FlopsPerSecond reached = large.flops() / (device.*time)({.work = large, .precision = precision});
  return std::max(moving, device.launch_overhead + roofline.flops / reached);
}

struct ModelTime {
  const Device& device;
  Precision precision;
  Seconds operator()(const Stream& stream) const {
    assert(stream.bytes.value() >= 0);
    return static_cast<double>(stream.launches) * (device.launch_overhead + device.memory_latency) +
           stream.bytes / (device.memory_bandwidth * device.memory_efficiency);
  }
  Seconds operator()(const Gemm& gemm) const {
    return device.launch_overhead + gemm_time(device, profile_of(device, precision), precision, gemm);
  }
  Seconds operator()(const Attention& attention) const {
    return attention_time(device, profile_of(device, precision), precision, attention);
  }
  Seconds operator()(const Roofline& roofline) const {
    return roofline_time(device, precision, roofline, &Device::model_time);
  }
};

}  // namespace

FlopsPerSecond Device::peak(Precision p) const { return profile_of(*this, p).peak; }

Seconds Device::model_time(const Kernel& kernel) const {
  return std::visit(ModelTime{*this, kernel.precision}, kernel.work);
}

Seconds Device::separate_time(const Kernel& kernel) const {
  const auto launches = static_cast<double>(kernel.launches());
  Kernel one = kernel;
  auto& stream = std::get<Stream>(one.work);
  stream = {stream.kind, Bytes(stream.bytes.value() / stream.launches)};
  return launches * time(one);
}

Seconds Device::time(const Kernel& kernel) const {
  if (const auto* roofline = std::get_if<Roofline>(&kernel.work))
    return roofline_time(*this, kernel.precision, *roofline, &Device::time);
  if (kernel.launches() > 1) return separate_time(kernel);
  const std::optional<Seconds> measured = tables_ ? tables_->time(kernel) : std::nullopt;
  return measured ? *measured : model_time(kernel);
}

Seconds Device::sustained_time(const Kernel& kernel) const {
  const Seconds cold = time(kernel);
  if (std::holds_alternative<Stream>(kernel.work)) return cold;
  return launch_overhead + (cold - launch_overhead) / sustained.products;
}

std::size_t measured_points(const Device& device) {
  std::size_t points = 0;
  for (const auto& [precision, profile] : device.gemm) points += profile.measured.points.size();
  for (const auto& [precision, family] : device.attention) points += family.points.size();
  for (const auto& [kind, family] : device.streams) points += family.points.size();
  return points;
}

void Device::build_tables() {
  tables_.reset();  // so that the tables' own copy of this device has none
  tables_ = std::make_shared<const MeasuredTables>(*this);
}

void Device::state_errors() {
  build_tables();
  tables_->state_errors(*this);
}

}  // namespace rehearse
