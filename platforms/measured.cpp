#include "platforms/measured.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <tuple>

#include "platforms/attention_model.hpp"
#include "platforms/device.hpp"
#include "platforms/gemm_model.hpp"
#include "platforms/interpolant.hpp"

namespace rehearse {
namespace {

double real(std::int64_t x) { return static_cast<double>(x); }

/// Measured points of one table, and the interpolant once it was asked for.
class PointTable {
 public:
  void add(const SizePoint& point, Seconds time) {
    points_.push_back(point);
    times_.push_back(time);
  }
  const Interpolant& interpolant() const {
    std::call_once(built_, [this] { interpolant_ = std::make_unique<const Interpolant>(points_, times_); });
    return *interpolant_;
  }
  [[nodiscard]] const std::vector<Seconds>& times() const { return times_; }

 private:
  std::vector<SizePoint> points_;
  std::vector<Seconds> times_;
  mutable std::once_flag built_;
  mutable std::unique_ptr<const Interpolant> interpolant_;
};

using GemmKey = std::tuple<Precision, Layout, bool>;           // aligned
using AttentionKey = std::tuple<Precision, bool, bool, bool>;  // fused, causal, backward

/// 16 bytes are what the copy engines and the widest loads move: other sizes take slower kernels.
bool aligned(Precision precision, const Gemm& g) {
  const auto whole = [&](std::int64_t size) { return size * element_bytes(precision) % 16 == 0; };
  return whole(g.m) && whole(g.n) && whole(g.k);
}

SizePoint point_of(const Device& model, const GemmProfile& profile, Precision precision, const Gemm& g) {
  SizePoint point{.model = model.launch_overhead + ramped_gemm_time(model, profile, precision, g)};
  point.sizes = {real(g.batch), real(g.m), real(g.n), real(g.k), 1, 1};
  return point;
}

SizePoint point_of(const Device& model, const GemmProfile& profile, Precision precision, const Attention& a) {
  SizePoint point{.model = attention_time(model, profile, precision, a)};
  point.sizes = {real(a.batch * a.heads), real(a.batch * a.kv_heads), real(a.seq_q),
                 real(a.seq_kv),          real(a.head_dim),           1};
  return point;
}

/// Streams have a model of their own points: the least time, and the greatest rate.
struct StreamTable {
  PointTable table;
  Seconds least;
  BytesPerSecond rate;

  [[nodiscard]] SizePoint point_of(Bytes bytes) const {
    const Bytes some = std::max(bytes, Bytes(1));
    SizePoint point{.model = least + some / rate};
    point.sizes[0] = real(some.value());
    return point;
  }
  void set(const std::vector<Timed<Stream>>& points) {
    least = Seconds(std::numeric_limits<double>::infinity());
    for (const auto& [work, time] : points) {
      least = std::min(least, time);
      rate = std::max(rate, std::max(work.bytes, Bytes(1)) / time);
    }
    for (const auto& [work, time] : points) table.add(point_of(work.bytes), time);
  }
};

}  // namespace

struct MeasuredTables::Tables {
  Device model;  ///< without points
  std::map<GemmKey, PointTable> gemm;
  std::map<AttentionKey, PointTable> attention;
  std::map<StreamKind, StreamTable> streams;

  [[nodiscard]] const PointTable* find(Precision precision, const Gemm& g) const {
    const bool own = aligned(precision, g);
    std::array<Layout, 4> layouts = {g.layout, Layout::tn, Layout::nn, Layout::nt};
    for (const Layout layout : layouts)
      for (const bool alignment : {own, !own})
        if (const auto found = gemm.find({precision, layout, alignment}); found != gemm.end()) return &found->second;
    return nullptr;
  }
  [[nodiscard]] std::optional<Seconds> time(Precision precision, const Gemm& g) const {
    const PointTable* table = find(precision, g);
    if (table == nullptr) return std::nullopt;
    const GemmProfile& profile = model.gemm.at(precision);
    return std::max(table->interpolant().at(point_of(model, profile, precision, g)),
                    gemm_bound(model, profile, precision, g));
  }
  [[nodiscard]] std::optional<Seconds> time(Precision precision, const Attention& a) const {
    const auto found = attention.find({precision, a.fused, a.causal, a.backward});
    if (found == attention.end()) return std::nullopt;
    const GemmProfile& profile = model.gemm.at(precision);
    return std::max(found->second.interpolant().at(point_of(model, profile, precision, a)),
                    attention_bound(model, profile, precision, a));
  }
  [[nodiscard]] std::optional<Seconds> time(Precision, const Stream& stream) const {
    const auto found = streams.find(stream.kind);
    if (found == streams.end()) return std::nullopt;
    return found->second.table.interpolant().at(found->second.point_of(stream.bytes));
  }
};

MeasuredTables::MeasuredTables(const Device& device) : tables_(std::make_unique<Tables>()) {
  Device& model = tables_->model;
  model = device;
  for (auto& [precision, profile] : model.gemm) {
    for (const auto& [work, time] : profile.measured.points)
      tables_->gemm[{precision, work.layout, aligned(precision, work)}].add(point_of(device, profile, precision, work),
                                                                            time);
    profile.measured = {};
  }
  for (const auto& [precision, family] : device.attention) {
    const auto profile = model.gemm.find(precision);
    if (profile == model.gemm.end()) continue;  // no peak to hold it against
    for (const auto& [work, time] : family.points)
      tables_->attention[{precision, work.fused, work.causal, work.backward}].add(
          point_of(device, profile->second, precision, work), time);
  }
  for (const auto& [kind, family] : device.streams)
    if (!family.points.empty()) tables_->streams[kind].set(family.points);
  model.attention.clear();
  model.streams.clear();
}

MeasuredTables::~MeasuredTables() = default;

std::optional<Seconds> MeasuredTables::time(const Kernel& kernel) const {
  return std::visit([&](const auto& work) { return tables_->time(kernel.precision, work); }, kernel.work);
}

namespace {

double percentile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

/// Of every table of a family, gathered.
class Errors {
 public:
  void add(const PointTable& table) {
    const std::vector<Seconds> predicted = table.interpolant().leave_one_out();
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      const double error = predicted[i] / table.times()[i] - 1.0;
      all_.push_back(error);
      if (table.times()[i] >= Seconds(10e-6)) long_.push_back(error);
    }
  }
  template <class Work>
  void state(Family<Work>& family) const {
    family.error = summary_of(all_);
    family.long_error = summary_of(long_);
  }

 private:
  std::vector<double> all_, long_;
};

}  // namespace

LeaveOneOut summary_of(std::vector<double> errors) {
  if (errors.empty()) return {};
  for (double& error : errors) error = std::abs(error);
  std::ranges::sort(errors);
  return {static_cast<std::int64_t>(errors.size()), percentile(errors, 0.5), percentile(errors, 0.95), errors.back()};
}

void MeasuredTables::state_errors(Device& device) const {
  std::map<Precision, Errors> gemm, attention;
  for (const auto& [key, table] : tables_->gemm) gemm[std::get<Precision>(key)].add(table);
  for (const auto& [key, table] : tables_->attention) attention[std::get<Precision>(key)].add(table);
  for (const auto& [precision, errors] : gemm) errors.state(device.gemm.at(precision).measured);
  for (const auto& [precision, errors] : attention) errors.state(device.attention.at(precision));
  for (const auto& [kind, stream] : tables_->streams) {
    Errors errors;
    errors.add(stream.table);
    errors.state(device.streams.at(kind));
  }
}

std::size_t drop_impossible(Device& device) {
  std::size_t dropped = 0;
  for (auto& [precision, profile] : device.gemm)
    dropped += std::erase_if(profile.measured.points, [&](const Timed<Gemm>& point) {
      return point.time < gemm_bound(device, profile, precision, point.work);
    });
  for (auto& [precision, family] : device.attention)
    if (const auto profile = device.gemm.find(precision); profile != device.gemm.end())
      dropped += std::erase_if(family.points, [&](const Timed<Attention>& point) {
        return point.time < attention_bound(device, profile->second, precision, point.work);
      });
  return dropped;
}

}  // namespace rehearse
