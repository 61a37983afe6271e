#include <array>
#include <cstdio>
#include <ostream>

#include "platforms/device.hpp"
#include "platforms/device_columns.hpp"

namespace rehearse {
namespace {

/// Six digits: more than any measurement has, and read back they print the same.
std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

/// Errors need no more than three.
std::string share(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", value);
  return text.data();
}

std::string micro(Seconds time) { return number(time.value() * 1e6); }

/// In double quotes; a profile's text is plain, but may hold anything.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

class Writer {
 public:
  explicit Writer(std::ostream& out) : out_(out) {}

  void section(std::string_view key) {
    line(std::string(key) + ":");
    ++depth_;
  }
  void end() { --depth_; }
  void pair(std::string_view key, const std::string& value) { line(std::string(key) + ": " + value); }
  void text(std::string_view key, const std::string& value) {
    if (!value.empty()) pair(key, quoted(value));
  }
  void line(const std::string& text) { out_ << std::string(2 * depth_, ' ') << text << '\n'; }

  template <class Work>
  void family(const Family<Work>& family, std::string_view columns) {
    pair("points", std::to_string(family.points.size()));
    error("leave_one_out", family.error);
    if (family.long_error.points > 0) error("leave_one_out_10us", family.long_error);
    pair("measured", "|");
    ++depth_;
    line(std::string(columns));
    for (const auto& [work, time] : family.points) line(row(work) + ' ' + micro(time));
    --depth_;
  }

 private:
  void error(std::string_view key, const LeaveOneOut& error) {
    if (error.points == 0) return;
    pair(key, "{points: " + std::to_string(error.points) + ", median: " + share(error.median) +
                  ", percentile_95: " + share(error.percentile_95) + ", worst: " + share(error.worst) + "}");
  }
  static std::string row(const Gemm& g) {
    std::string out(layout_name(g.layout));
    for (const std::int64_t size : {g.batch, g.m, g.n, g.k}) out += ' ' + std::to_string(size);
    return out;
  }
  static std::string row(const Attention& a) {
    std::string out(a.fused ? fused_word : unfused_word);
    out += ' ';
    out += a.backward ? backward_word : forward_word;
    out += ' ';
    out += a.causal ? causal_word : full_word;
    for (const std::int64_t size : {a.batch, a.heads, a.kv_heads, a.seq_q, a.seq_kv, a.head_dim})
      out += ' ' + std::to_string(size);
    return out;
  }
  static std::string row(const Stream& s) { return std::to_string(s.bytes.value()); }

  std::ostream& out_;
  std::size_t depth_ = 0;
};

void write_head(Writer& w, const Device& device) {
  w.text("name", device.name);
  w.text("description", device.description);
  w.text("origin", device.origin);
  if (!device.provenance.empty()) {
    w.section("provenance");
    for (const auto& [key, value] : device.provenance) w.pair(key, quoted(value));
    w.end();
  }
  if (const std::size_t points = measured_points(device); points > 0) w.pair("measured_points", std::to_string(points));
  w.pair("multiprocessors", std::to_string(device.multiprocessors));
  w.section("launch");
  w.pair("overhead", micro(device.launch_overhead) + " us");
  if (device.launch_host > Seconds(0)) w.pair("host", micro(device.launch_host) + " us");
  w.text("origin", device.launch_origin);
  w.end();
  w.section("memory");
  w.pair("capacity", std::to_string(device.memory_capacity.value()) + " B");
  w.pair("bandwidth", number(device.memory_bandwidth.value() * 1e-9) + " GB/s");
  w.pair("efficiency", number(device.memory_efficiency));
  w.pair("latency", micro(device.memory_latency) + " us");
  w.text("origin", device.memory_origin);
  w.end();
  if (device.allocation_origin.empty()) return;
  w.section("allocation");
  w.pair("context", std::to_string(device.context_memory.value()) + " B");
  w.pair("malloc", micro(device.malloc_time) + " us");
  w.pair("free", micro(device.free_time) + " us");
  w.text("origin", device.allocation_origin);
  w.end();
}

void write_flash(Writer& w, const FlashProfile& profile) {
  if (profile.forward <= 0.0) return;
  w.section("flash_attention");
  w.pair("forward", number(profile.forward));
  w.pair("backward", number(profile.backward));
  w.text("origin", profile.origin);
  w.end();
}

void write_sustained(Writer& w, const SustainedProfile& profile) {
  if (profile.origin.empty()) return;
  w.section("sustained");
  w.pair("products", number(profile.products));
  w.text("origin", profile.origin);
  w.end();
}

void write_gemm(Writer& w, const GemmProfile& profile) {
  w.pair("peak", number(profile.peak.value() * 1e-12) + " TFLOP/s");
  w.pair("efficiency", number(profile.efficiency));
  w.pair("setup", micro(profile.setup) + " us");
  w.pair("k_ramp", number(profile.k_ramp));
  w.pair("tile_ramp", number(profile.tile_ramp));
  w.text("origin", profile.origin);
  if (!profile.measured.points.empty()) w.family(profile.measured, gemm_columns);
}

}  // namespace

void write_device(std::ostream& out, const Device& device) {
  Writer w(out);
  write_head(w, device);
  w.section("gemm");
  for (const auto& [precision, profile] : device.gemm) {
    w.section(precision_name(precision));
    write_gemm(w, profile);
    w.end();
  }
  w.end();
  write_flash(w, device.flash);
  write_sustained(w, device.sustained);
  const auto families = [&](std::string_view key, const auto& map, const auto& name_of, std::string_view columns) {
    if (map.empty()) return;
    w.section(key);
    for (const auto& [member, family] : map) {
      w.section(name_of(member));
      w.family(family, columns);
      w.end();
    }
    w.end();
  };
  families("attention", device.attention, precision_name, attention_columns);
  families("streams", device.streams, stream_name, stream_columns);
  if (measured_points(device) > 0) w.pair("complete", "true");
}

}  // namespace rehearse
