#include "platforms/calibrate/listing.hpp"

#include <algorithm>
#include <ostream>

#include "platforms/calibrate/grid.hpp"
#include "platforms/calibrate/text.hpp"

namespace rehearse {
namespace {

std::string part(const char* name, std::int64_t size) { return std::string(name) + " " + std::to_string(size); }

struct Words {
  std::string operator()(const Stream& s) const { return grouped(s.bytes.value()) + " bytes"; }
  std::string operator()(const Roofline& r) const {
    return grouped(static_cast<std::int64_t>(r.flops.value())) + " FLOPs, " + grouped(r.bytes.value()) + " bytes";
  }
  std::string operator()(const Gemm& g) const {
    const std::string batch = g.batch == 1 ? "" : part("batch", g.batch) + ", ";
    return batch + part("m", g.m) + ", " + part("n", g.n) + ", " + part("k", g.k);
  }
  std::string operator()(const Attention& a) const {
    return std::string(a.fused ? "fused " : "unfused ") + (a.causal ? "causal " : "full ") +
           (a.backward ? "backward" : "forward") + ", " + part("batch", a.batch) + ", " + part("heads", a.heads) +
           ", " + part("kv_heads", a.kv_heads) + ", " + part("seq", a.seq_q) + ", " + part("head_dim", a.head_dim);
  }
};

Machine example() {
  Machine machine;
  machine.name = "NVIDIA H200";
  machine.multiprocessors = 132;
  machine.memory_capacity = Bytes(std::int64_t{141} << 30);
  machine.memory_bandwidth = BytesPerSecond(4.8e12);
  machine.peaks = {{Precision::bf16, FlopsPerSecond(989e12)},
                   {Precision::fp16, FlopsPerSecond(989e12)},
                   {Precision::tf32, FlopsPerSecond(494e12)},
                   {Precision::fp8, FlopsPerSecond(1979e12)}};
  return machine;
}

/// Best of time a bound says over time that it took.
template <class Work, class Bound>
double best_share(const Family<Work>& family, const Bound& bound) {
  double best = 0.0;
  for (const Timed<Work>& point : family.points) best = std::max(best, bound(point.work) / point.time);
  return best;
}

class Summary {
 public:
  explicit Summary(std::ostream& out) : out_(out) {
    out_ << padded("", 34) << "     error where a point is left out   of at least 10 us      best\n"
         << padded("family", 34) << "points   median     95 %    worst   median     95 %   share of\n";
  }
  template <class Work>
  void row(const std::string& name, const Family<Work>& family, const std::string& best) const {
    out_ << padded(name, 34) << right_aligned(grouped(family.points.size()), 6);
    for (const double error : {family.error.median, family.error.percentile_95, family.error.worst})
      out_ << right_aligned(percent(error), 9);
    for (const double error : {family.long_error.median, family.long_error.percentile_95})
      out_ << right_aligned(family.long_error.points > 0 ? percent(error) : "-", 9);
    out_ << "   " << best << "\n";
  }

 private:
  std::ostream& out_;
};

}  // namespace

std::string describe(const Kernel& kernel) { return std::visit(Words{}, kernel.work); }

void list_cases(std::ostream& out, const CalibrationOptions& options) {
  const Machine machine = example();
  const std::vector<Case> cases = grid_cases(machine, options);
  Seconds sum;
  for (const Case& c : cases) {
    const Seconds expected = expected_time(machine, c.kernel);
    sum += enough_for(machine, c.kernel, options.grid);
    out << c.rank << "  " << padded(c.family, 32) << "  " << right_aligned(fixed(expected.value() * 1e6, 1), 9)
        << " us  " << right_aligned(grouped(footprint(c.kernel).value()), 14) << " B  " << describe(c.kernel) << "\n";
  }
  out << grouped(cases.size()) << " cases for " << machine.name << ", about " << fixed(sum.value(), 0)
      << " s of timing, at most " << fixed(budget_of(options.grid).value(), 0) << " s in all\n";
}

void write_summary(std::ostream& out, const Device& device) {
  const Summary summary(out);
  for (const auto& [precision, profile] : device.gemm) {
    const double best = best_share(profile.measured, [peak = profile.peak](const Gemm& g) { return g.flops() / peak; });
    summary.row("gemm " + std::string(precision_name(precision)), profile.measured, percent(best) + " of peak");
  }
  for (const auto& [precision, family] : device.attention) {
    const FlopsPerSecond peak = device.peak(precision);
    const double best = best_share(family, [&](const Attention& a) { return a.flops() / peak; });
    summary.row("attention " + std::string(precision_name(precision)), family, percent(best) + " of peak");
  }
  for (const auto& [kind, family] : device.streams) {
    const BytesPerSecond bus(1e9), rate = crosses_host_bus(kind) ? bus : device.memory_bandwidth;
    const double best = best_share(family, [&](const Stream& s) { return s.bytes / rate; });
    const std::string reached = crosses_host_bus(kind) ? fixed(best, 1) + " GB/s" : percent(best) + " of bandwidth";
    summary.row("stream " + std::string(stream_name(kind)), family, reached);
  }
}

}  // namespace rehearse
