#include "platforms/calibrate/calibrate.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "platforms/calibrate/fit.hpp"
#include "platforms/calibrate/grid.hpp"
#include "platforms/calibrate/listing.hpp"
#include "platforms/calibrate/text.hpp"

namespace rehearse {
namespace {

Seconds steady_now() {
  return Seconds(std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

void hold_checks(Bench& bench) {
  for (const Check& check : bench.check())
    if (!check.passed())
      throw std::runtime_error("the kernel " + check.name + " computes wrong results here: relative error " +
                               std::to_string(check.error) + ", at most " + std::to_string(check.tolerance) +
                               " was expected");
}

/// Times the cases and puts what they took into the device.
class Measurement {
 public:
  Measurement(Bench& bench, const CalibrationOptions& options, const OnProgress& on_progress)
      : bench_(bench),
        options_(options),
        on_progress_(on_progress),
        now_(options.clock ? options.clock : steady_now),
        budget_(options.budget > Seconds(0.0) ? options.budget : budget_of(options.grid)),
        begin_(now_()) {}

  void launches(Device& device) {
    device.launch_overhead = bench_.launch(Launch::graph);
    device.launch_host = bench_.launch(Launch::stream);
    device.launch_origin = "measured: an empty kernel among many, overhead: in a CUDA graph, host: launched one by one";
  }

  void cases(Device& device) {
    const std::vector<Case> cases = grid_cases(bench_.machine(), options_);
    std::size_t done = 0;
    for (; done < cases.size() && fault_.empty() && spent() < budget_; ++done) {
      tell(done, cases.size(), cases[done].family);
      try {
        time(cases[done], device);
      } catch (const std::runtime_error& error) {
        if (measured_ == 0) throw;
        fault_ = error.what();  // the device may not be used any more
      }
    }
    tell(done, cases.size(), "");
    for (std::size_t i = done; i < cases.size(); ++i) ++left_out_[cases[i].family];
    left_out_total_ = cases.size() - done;
    if (measured_ == 0) throw std::runtime_error("nothing could be measured: " + why_nothing(cases.size()));
  }

  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] std::size_t measured() const { return measured_; }
  [[nodiscard]] Seconds spent() const { return now_() - begin_; }
  /// Median and 95th percentile of how sure the times are.
  [[nodiscard]] LeaveOneOut intervals() const { return summary_of(intervals_); }

  [[nodiscard]] std::vector<std::string> notes() const {
    std::vector<std::string> notes;
    for (const auto& [what, count] : unsupported_)
      notes.push_back(what.first + ": " + grouped(count) + (count == 1 ? " case" : " cases") +
                      " could not run: " + what.second);
    if (left_out_total_ == 0) return notes;
    std::string text = (fault_.empty() ? "the budget of " + fixed(budget_.value(), 0) + " s" : std::string("a fault")) +
                       " left out " + grouped(left_out_total_) + " cases:";
    const char* separator = " ";
    for (const auto& [family, count] : left_out_)
      text += std::exchange(separator, ", ") + family + " " + grouped(count);
    notes.push_back(text);
    return notes;
  }

 private:
  void tell(std::size_t done, std::size_t cases, std::string_view what) const {
    if (on_progress_) on_progress_({done, cases, spent(), budget_, what});
  }

  void time(const Case& c, Device& device) {
    const Timing timing = [&] {
      try {
        return bench_.time(c.kernel, enough_for(bench_.machine(), c.kernel, options_.grid));
      } catch (const std::runtime_error& error) {
        throw std::runtime_error(c.family + " (" + describe(c.kernel) + "): " + error.what());
      }
    }();
    if (const auto* unsupported = std::get_if<Unsupported>(&timing)) {
      ++unsupported_[{c.family, unsupported->reason}];
      return;
    }
    const auto& sample = std::get<Sample>(timing);
    if (!(sample.time > Seconds(0.0))) throw std::runtime_error(c.family + ": a time that is not positive");
    ++measured_;
    if (sample.interval < 1.0) intervals_.push_back(sample.interval);  // 1: too few repeats for one
    put(c.kernel, sample.time, device);
  }

  static void put(const Kernel& kernel, Seconds time, Device& device) {
    if (const auto* gemm = std::get_if<Gemm>(&kernel.work))
      device.gemm.at(kernel.precision).measured.points.push_back({*gemm, time});
    else if (const auto* attention = std::get_if<Attention>(&kernel.work))
      device.attention[kernel.precision].points.push_back({*attention, time});
    else if (const auto* stream = std::get_if<Stream>(&kernel.work))
      device.streams[stream->kind].points.push_back({*stream, time});
  }

  [[nodiscard]] std::string why_nothing(std::size_t cases) const {
    if (cases == 0) return "there are no cases for this GPU";
    if (unsupported_.empty()) return "no time was left after the checks";
    return unsupported_.begin()->first.first + ": " + unsupported_.begin()->first.second;
  }

  Bench& bench_;
  const CalibrationOptions& options_;
  const OnProgress& on_progress_;
  std::function<Seconds()> now_;
  Seconds budget_, begin_;
  std::map<std::pair<std::string, std::string>, std::size_t> unsupported_;  // by family and reason
  std::map<std::string, std::size_t> left_out_;                             // by family
  std::size_t left_out_total_ = 0;
  std::string fault_;
  std::size_t measured_ = 0;
  std::vector<double> intervals_;
};

std::string value_of(const Machine& machine, std::string_view key) {
  for (const auto& [name, value] : machine.provenance)
    if (name == key) return value;
  return {};
}

Device device_of(const Machine& machine, const CalibrationOptions& options) {
  Device device;
  device.name = slug(machine.name);
  device.description = machine.name + ", measured";
  const std::string date = value_of(machine, "date");
  device.origin = "measured by rehearse-calibrate" + (date.empty() ? "" : " on " + date);
  device.provenance = machine.provenance;
  device.memory_capacity = machine.memory_capacity;
  device.memory_bandwidth = machine.memory_bandwidth;
  device.multiprocessors = machine.multiprocessors;
  const std::vector<Precision> chosen = chosen_precisions(machine, options);
  for (const auto& [precision, peak] : machine.peaks)
    if (std::ranges::count(chosen, precision) > 0) device.gemm[precision].peak = peak;
  return device;
}

/// In the order of their sizes, whatever the order of measuring was.
void sort_points(Device& device) {
  for (auto& [precision, profile] : device.gemm)
    std::ranges::sort(profile.measured.points, {}, [](const Timed<Gemm>& p) {
      return std::tuple(p.work.layout, p.work.batch, p.work.m, p.work.n, p.work.k);
    });
  for (auto& [precision, family] : device.attention)
    std::ranges::sort(family.points, {}, [](const Timed<Attention>& p) {
      const Attention& a = p.work;
      return std::tuple(!a.fused, a.backward, !a.causal, a.head_dim, a.batch * a.heads, a.batch * a.kv_heads, a.seq_q);
    });
  for (auto& [kind, family] : device.streams)
    std::ranges::sort(family.points, {}, [](const Timed<Stream>& p) { return p.work.bytes; });
}

void note_missing_precisions(const Machine& machine, const CalibrationOptions& options,
                             std::vector<std::string>& notes) {
  const std::vector<Precision> chosen = chosen_precisions(machine, options);
  for (const Precision precision : options.precisions)
    if (std::ranges::count(chosen, precision) == 0)
      notes.push_back(std::string(precision_name(precision)) + ": " + machine.name + " has no matrix units for it");
}

void leave_out_empty(Device& device, std::vector<std::string>& notes) {
  std::erase_if(device.gemm, [&](const auto& entry) {
    if (!entry.second.measured.points.empty()) return false;
    notes.push_back("gemm " + std::string(precision_name(entry.first)) + ": no product was timed; left out");
    return true;
  });
  // Attention is held against the peak of its precision.
  std::erase_if(device.attention, [&](const auto& entry) { return device.gemm.count(entry.first) == 0; });
}

void fit(Device& device, std::vector<std::string>& notes) {
  const auto copies = device.streams.find(StreamKind::copy);
  const Fit memory = copies == device.streams.end() ? Fit{} : fit_memory(device, copies->second.points);
  device.memory_origin = "capacity and bandwidth: the device's own numbers; ";
  if (memory.points > 0) {
    device.memory_origin += "efficiency and latency: fitted to " + grouped(memory.points) + " copies, mean error " +
                            percent(memory.mean_error);
  } else {
    device.memory_efficiency = 0.9;
    device.memory_latency = Seconds(1e-6);
    device.memory_origin += "efficiency and latency: assumed, no copy was timed";
    notes.push_back("stream copy: not timed; the efficiency and latency of the memory are assumed");
  }
  for (auto& [precision, profile] : device.gemm) {
    const Fit products = fit_gemm(device, precision);
    profile.origin = "peak: multiprocessors x highest clock x FLOP a clock; times: measured; ";
    profile.origin += products.points == 0 ? "model: not fitted"
                                           : "model: fitted to " + grouped(products.points) + " of them, mean error " +
                                                 percent(products.mean_error);
  }
}

void add_provenance(Device& device, const CalibrationOptions& options, const Measurement& measurement) {
  const LeaveOneOut sure = measurement.intervals();
  device.provenance.emplace_back("grid", options.grid == Grid::quick ? "quick" : "full");
  device.provenance.emplace_back(
      "measured", grouped(measurement.measured()) + " kernels in " + fixed(measurement.spent().value(), 0) + " s");
  device.provenance.emplace_back("interval", "half of the 95 % confidence interval of a time: median " +
                                                 percent(sure.median, 2) + ", 95th percentile " +
                                                 percent(sure.percentile_95, 2) + ", worst " + percent(sure.worst, 1) +
                                                 "; of " + grouped(sure.points) + " times with repeats enough to say");
}

}  // namespace

Calibration calibrate(Bench& bench, const CalibrationOptions& options, const OnProgress& on_progress) {
  Measurement measurement(bench, options, on_progress);
  hold_checks(bench);
  Calibration result{device_of(bench.machine(), options), {}, {}};
  Device& device = result.device;
  measurement.launches(device);
  measurement.cases(device);
  result.notes = measurement.notes();
  result.fault = measurement.fault();
  note_missing_precisions(bench.machine(), options, result.notes);
  if (const std::size_t dropped = drop_impossible(device); dropped > 0)
    result.notes.push_back(grouped(dropped) + " times below flops / peak or bytes / bandwidth were left out");
  leave_out_empty(device, result.notes);
  sort_points(device);
  fit(device, result.notes);
  add_provenance(device, options, measurement);
  device.state_errors();
  return result;
}

}  // namespace rehearse
