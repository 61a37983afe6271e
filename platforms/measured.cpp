#include "platforms/measured.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <tuple>
#include <type_traits>

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

SizePoint point_of(const Device& model, const GemmProfile& profile, Precision precision, const Gemm& g) {
  SizePoint point{.model = model.launch_overhead + ramped_gemm_time(model, profile, precision, g)};
  point.sizes = {real(g.batch), real(g.m), real(g.n), real(g.k), 1, 1};
  return point;
}

/// A table whose model comes from its own points.
template <class Work>
class OwnTable {
 public:
  void add(const Timed<Work>& point) { points_.push_back(point); }
  [[nodiscard]] Seconds at(const Work& work) const { return table().interpolant().at(point_of(work)); }
  [[nodiscard]] const PointTable& table() const {
    std::call_once(built_, [this] {
      model_ = model_of(points_);
      for (const auto& [work, time] : points_) table_.add(point_of(work), time);
    });
    return table_;
  }

 private:
  /// Of streams: the least time, and the greatest rate.
  struct StreamModel {
    Seconds least{std::numeric_limits<double>::infinity()};
    BytesPerSecond rate;
  };
  using Model = std::conditional_t<std::is_same_v<Work, Stream>, StreamModel, AttentionForm>;

  static Bytes some(Bytes bytes) { return std::max(bytes, Bytes(1)); }
  static AttentionForm model_of(const std::vector<Timed<Attention>>& points) { return fit_attention(points); }
  static StreamModel model_of(const std::vector<Timed<Stream>>& points) {
    StreamModel model;
    for (const auto& [work, time] : points) {
      model.least = std::min(model.least, time);
      model.rate = std::max(model.rate, some(work.bytes) / time);
    }
    return model;
  }
  [[nodiscard]] SizePoint point_of(const Stream& stream) const {
    SizePoint point{.model = model_.least + some(stream.bytes) / model_.rate};
    point.sizes[0] = real(some(stream.bytes).value());
    return point;
  }
  [[nodiscard]] SizePoint point_of(const Attention& a) const {
    SizePoint point{.model = model_.at(a)};
    point.sizes = {
        real(a.batch * a.heads), real(a.batch * a.kv_heads), real(a.seq_q), real(a.seq_kv), a.mean_width(), 1};
    return point;
  }

  std::vector<Timed<Work>> points_;
  mutable std::once_flag built_;
  mutable Model model_;
  mutable PointTable table_;
};

}  // namespace

struct MeasuredTables::Tables {
  Device model;  ///< without points
  std::map<GemmKey, PointTable> gemm;
  std::map<AttentionKey, OwnTable<Attention>> attention;
  std::map<StreamKind, OwnTable<Stream>> streams;

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
  /// The other precision that takes the same time, or the same.
  [[nodiscard]] Precision twin(Precision p) const {
    const Precision other = p == Precision::fp16 ? Precision::bf16 : Precision::fp16;
    if (p != Precision::fp16 && p != Precision::bf16) return p;
    const auto own = model.gemm.find(p), others = model.gemm.find(other);
    return own != model.gemm.end() && others != model.gemm.end() && own->second.peak == others->second.peak ? other : p;
  }
  [[nodiscard]] std::optional<Seconds> time(Precision precision, const Attention& a) const {
    for (const Precision p : {precision, twin(precision)})
      if (const auto found = attention.find({p, a.fused, a.causal, a.backward}); found != attention.end())
        return std::max(found->second.at(a), attention_bound(model, model.gemm.at(p), p, a));
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Seconds> time(Precision, const Stream& stream) const {
    const auto found = streams.find(stream.kind);
    if (found == streams.end()) return std::nullopt;
    return found->second.at(stream);
  }
  [[nodiscard]] std::optional<Seconds> time(Precision, const Roofline&) const { return std::nullopt; }
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
  for (const auto& [precision, family] : device.attention)
    if (model.gemm.contains(precision))  // else there is no peak to hold it against
      for (const Timed<Attention>& point : family.points)
        tables_->attention[{precision, point.work.fused, point.work.causal, point.work.backward}].add(point);
  for (const auto& [kind, family] : device.streams)
    for (const Timed<Stream>& point : family.points) tables_->streams[kind].add(point);
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
  for (const auto& [key, table] : tables_->attention) attention[std::get<Precision>(key)].add(table.table());
  for (const auto& [precision, errors] : gemm) errors.state(device.gemm.at(precision).measured);
  for (const auto& [precision, errors] : attention) errors.state(device.attention.at(precision));
  for (const auto& [kind, stream] : tables_->streams) {
    Errors errors;
    errors.add(stream.table());
    errors.state(device.streams.at(kind));
  }
}

std::size_t drop_impossible(Device& device) {
  std::size_t dropped = 0;
  for (auto& entry : device.gemm)
    dropped += std::erase_if(entry.second.measured.points, [&](const Timed<Gemm>& point) {
      return point.time < gemm_bound(device, entry.second, entry.first, point.work);
    });
  for (auto& entry : device.attention)
    if (const auto profile = device.gemm.find(entry.first); profile != device.gemm.end())
      dropped += std::erase_if(entry.second.points, [&](const Timed<Attention>& point) {
        return point.time < attention_bound(device, profile->second, entry.first, point.work);
      });
  return dropped;
}

}  // namespace rehearse
