// Measured profiles as files: written, read back, broken, cut off.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "engine/base/document.hpp"
#include "platforms/device.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;

namespace {

Device measured() {
  Device device;
  device.name = "test-gpu";
  device.description = "a GPU \"of tests\", C:\\";
  device.origin = "measured";
  device.provenance = {{"driver", "580.1"}, {"sm_clock", "1980 MHz"}};
  device.multiprocessors = 132;
  device.memory_capacity = Bytes(150754820096);
  device.memory_bandwidth = BytesPerSecond(4.8123456789e12);
  device.memory_efficiency = 0.91234567;
  device.memory_latency = Seconds(1.23456789e-6);
  device.memory_origin = "fitted";
  device.context_memory = Bytes(500 << 20);
  device.malloc_time = Seconds(0.12345e-3);
  device.free_time = Seconds(0.2e-3);
  device.allocation_origin = "assumed";
  device.launch_overhead = Seconds(2.1e-6);
  device.launch_host = Seconds(0.9e-6);
  device.launch_origin = "measured";
  device.flash = {0.61234567, 0.45678912, "fitted"};
  device.sustained = {0.87654321, "measured"};
  GemmProfile& bf16 = device.gemm[Precision::bf16];
  bf16 = {FlopsPerSecond(1070.5e12), 0.8, Seconds(2.5e-6), 150, 30, "fitted", {}};
  for (const std::int64_t m : {128, 1024, 8192})
    for (const Layout layout : {Layout::tn, Layout::nn, Layout::nt}) {
      const Gemm gemm{1, m, 4096, 4096, layout};
      bf16.measured.points.push_back({gemm, 1.1 * device.model_time({"", gemm, Precision::bf16})});
    }
  for (const bool backward : {false, true}) {
    const Attention a{.batch = 2,
                      .heads = 32,
                      .kv_heads = 8,
                      .seq_q = 4096,
                      .seq_kv = 4096,
                      .head_dim = 128,
                      .causal = !backward,
                      .backward = backward,
                      .fused = backward};
    device.attention[Precision::bf16].points.push_back({a, Seconds(0.0123456789)});
  }
  for (std::int64_t bytes = 65536; bytes < 1 << 30; bytes *= 8)
    device.streams[StreamKind::memset].points.push_back(
        {Stream{StreamKind::memset, Bytes(bytes)}, Seconds(2e-6 + static_cast<double>(bytes) / 3e12)});
  device.state_errors();
  return device;
}

std::string text_of(const Device& device) {
  std::ostringstream out;
  write_device(out, device);
  return out.str();
}

Device read(const std::string& text) {
  Reader reader(parse_yaml(text, "gpu.yaml"), "device");
  Device device = read_device(reader);
  reader.finish();
  return device;
}

/// What reading says; "" where nothing is wrong.
std::string fault_of(const std::string& text) {
  try {
    read(text);
  } catch (const InputError& error) {
    return error.faults().at(0).to_string();
  }
  return "";
}

std::string with(const std::string& piece, const std::string& replacement) {
  std::string text = text_of(measured());
  const auto at = text.find(piece);
  REQUIRE_MESSAGE(at != std::string::npos, piece);
  return text.replace(at, piece.size(), replacement);
}

bool says(const std::string& text, const std::string& what) {
  const std::string fault = fault_of(text);
  INFO(fault);
  const bool found = fault.find(what) != std::string::npos;
  CHECK(found);
  return found;
}

}  // namespace

TEST_CASE("profile: what is written reads back, and writes the same bytes again") {
  const Device device = measured();
  const std::string text = text_of(device);
  Device again = read(text);
  CHECK(text_of(again) == text);
  again.state_errors();  // the file's points give the errors that the file states, but for their last digit
  const LeaveOneOut stated = read(text).gemm.at(Precision::bf16).measured.error;
  CHECK(again.gemm.at(Precision::bf16).measured.error.median == testing::relative(stated.median, 2e-3));
  CHECK(again.gemm.at(Precision::bf16).measured.error.worst == testing::relative(stated.worst, 2e-3));
  CHECK(again.name == "test-gpu");
  CHECK(again.description == device.description);
  CHECK(again.provenance == device.provenance);
  CHECK(again.memory_capacity == device.memory_capacity);
  CHECK(again.memory_bandwidth / device.memory_bandwidth == testing::relative(1.0, 1e-5));
  CHECK(again.launch_host == device.launch_host);
  CHECK(again.flash.forward == testing::relative(device.flash.forward, 1e-5));
  CHECK(again.flash.backward == testing::relative(device.flash.backward, 1e-5));
  CHECK(again.flash.origin == "fitted");
  CHECK(again.sustained.products == testing::relative(device.sustained.products, 1e-5));
  CHECK(again.sustained.origin == "measured");
  const auto& points = device.gemm.at(Precision::bf16).measured.points;
  const auto& read_points = again.gemm.at(Precision::bf16).measured.points;
  REQUIRE(read_points.size() == points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    CHECK(read_points[i].work == points[i].work);
    CHECK(again.time({"", points[i].work, Precision::bf16}) / points[i].time == testing::relative(1.0, 1e-5));
  }
  CHECK(again.attention.at(Precision::bf16).points.at(1).work ==
        device.attention.at(Precision::bf16).points.at(1).work);
  const Kernel memset{"", Stream{StreamKind::memset, Bytes(5000000)}, Precision::bf16};
  CHECK(again.time(memset) / device.time(memset) == testing::relative(1.0, 1e-5));
  CHECK(again.streams.at(StreamKind::memset).error.points == 5);
}

TEST_CASE("profile: cut off anywhere, it is refused") {
  const std::string text = text_of(measured());
  for (std::size_t at = 0; at + 2 < text.size(); at += at < 200 || at + 200 > text.size() ? 1U : 7U) {
    INFO(text.substr(at > 30 ? at - 30 : 0, std::min<std::size_t>(at, 30)));
    CHECK_FALSE(fault_of(text.substr(0, at)).empty());
  }
}

TEST_CASE("profile: broken rows are named") {
  CHECK(fault_of(text_of(measured())).empty());
  says(with("layout batch m n k time_us", "layout batch n m k time_us"),
       "gemm.bf16.measured: expected the line of columns");
  says(with("nn 1 1024 4096 4096 ", "nn 1 1024 4096 "),
       "row 5: expected 6 columns (layout batch m n k time_us), found 5");
  says(with("nn 1 1024 4096 4096 ", "nn 1 1024 4096 x4096 "),
       "row 5: expected a whole number of at least 1, found 'x4096'");
  says(with("nn 1 1024 4096 4096 ", "nn 1 0 4096 4096 "), "row 5: expected a whole number");
  says(with("nn 1 1024 4096 4096 ", "nm 1 1024 4096 4096 "), "row 5: unknown layout 'nm'");
  says(with("nn 1 1024 4096 4096 ", "nn 1 1024 4096 4096 -"), "row 5: expected a time above 0 in microseconds");
  says(with("nn 1 1024 4096 4096 ", "nn 1 1024 4096 4096 1e999"), "row 5: expected a time above 0 in microseconds");
  says(with("nn 1 1024 4096 4096 ", "nn 1 8192 4096 4096 "), "row 8: the same sizes as row 5");
  says(with("points: 9\n", "points: 10\n"), "expected 10 rows, as `points` says, found 9: is the file cut off?");
  says(with("    points: 9\n", ""), "gemm.bf16.points: missing");
  says(with("fused backward full 2 32 8", "fused sideways full 2 32 8"),
       "expected 'backward' or 'forward', found 'sideways'");
  says(with("fused backward full 2 32 8", "fused backward full 2 32 5"), "kv_heads does not divide heads");
  says(with("peak: 1070.5 TFLOP/s", "peak: 10.5 TFLOP/s"), "that the profile's own peak and bandwidth allow");
  says(with("  memset:", "  memsett:"), "unknown kind of stream 'memsett'; did you mean 'memset'?");
  says(with("attention:\n  bf16:", "attention:\n  fp16:"), "of which `gemm` has no section");
  says(with("median: ", "mediann: "), "median");
  says(with("sm_clock: \"1980 MHz\"", "sm_clock: [1980]"), "provenance.sm_clock");
  says(with("complete: true\n", ""), "complete: expected `complete: true` at the end");
  says(with("measured_points: 16", "measured_points: 17"), "measured_points: the families have 16");
}

TEST_CASE("profile: `like` takes the measured times too where the chip runs both alike") {
  const Device device = read(with("flash_attention:\n",
                                  "  fp16: {like: bf16, origin: as bf16}\n"
                                  "  fp8: {like: bf16, peak: 2141 TFLOP/s, origin: assumed}\nflash_attention:\n"));
  const Gemm gemm{1, 1024, 4096, 4096, Layout::tn};
  CHECK(device.time({"", gemm, Precision::fp16}) == device.time({"", gemm, Precision::bf16}));
  CHECK(device.gemm.at(Precision::fp8).measured.points.empty());
}

TEST_CASE("profile: by path, as `rehearse calibrate` leaves it") {
  const auto folder = std::filesystem::temp_directory_path() / "rehearse_profile_test";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "my-gpu.yaml").string();
  std::ofstream(path) << text_of(measured());
  CHECK(load_device(path).name == "test-gpu");
  std::filesystem::remove_all(folder);
}
