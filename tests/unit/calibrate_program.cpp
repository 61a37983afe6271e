// What a person meets of rehearse-calibrate: options, progress, files, the table of layers.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/output.hpp"
#include "platforms/calibrate/listing.hpp"
#include "platforms/calibrate/options.hpp"
#include "platforms/calibrate/progress_bar.hpp"
#include "platforms/calibrate/text.hpp"
#include "platforms/catalogue.hpp"
#include "tests/support/synthetic_bench.hpp"

using namespace rehearse;

namespace {

Options parsed(const std::vector<std::string>& arguments) { return parse_options(arguments); }

std::string refusal(const std::vector<std::string>& arguments) {
  try {
    parse_options(arguments);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("calibrate options: defaults, and each option") {
  const Options none = parsed({});
  CHECK(none.action == Action::calibrate);
  CHECK(none.output.empty());
  CHECK(none.profile);
  CHECK(none.calibration.grid == Grid::full);
  const Options some =
      parsed({"-o", "x.yaml", "--quick", "--precision=bf16,fp8", "--layers", "l.csv", "--layers-only"});
  CHECK(some.output == "x.yaml");
  CHECK(some.calibration.grid == Grid::quick);
  CHECK(some.calibration.precisions == std::vector{Precision::bf16, Precision::fp8});
  CHECK(some.layers == "l.csv");
  CHECK_FALSE(some.profile);
  CHECK(parsed({"--check"}).action == Action::check);
  CHECK(parsed({"--list-cases", "--quick"}).action == Action::list_cases);
  CHECK(parsed({"-h"}).action == Action::help);
  CHECK(parsed({"--output", "-"}).output == "-");
}

TEST_CASE("calibrate options: what is wrong is told with the nearest that is valid") {
  CHECK(refusal({"--quik"}).starts_with("unknown option '--quik'; did you mean '--quick'?"));
  CHECK(refusal({"--quick=1"}) == "--quick: takes no value");
  CHECK(refusal({"-o"}) == "-o: expected FILE, found nothing");
  CHECK(refusal({"-o", ""}) == "-o: expected FILE, found nothing");
  CHECK(
      refusal({"--precision", "bf16,fp17"}).starts_with("--precision: unknown precision 'fp17'; did you mean 'fp16'?"));
  CHECK(refusal({"--precision", "fp32"}).starts_with("--precision: unknown precision 'fp32'"));
  CHECK(refusal({"h200.yaml"}).starts_with("unexpected argument 'h200.yaml'"));
  CHECK(refusal({"--layers-only"}).starts_with("--layers-only: "));
  CHECK(refusal({"-o", "a", "--layers", "a"}).starts_with("--layers: expected another file"));
}

TEST_CASE("calibrate: numbers and names as text") {
  CHECK(grouped(7) == "7");
  CHECK(grouped(999) == "999");
  CHECK(grouped(3812) == "3,812");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(slug("NVIDIA H200") == "nvidia-h200");
  CHECK(slug("NVIDIA A100-SXM4-80GB (MIG 1g)") == "nvidia-a100-sxm4-80gb-mig-1g");
  CHECK(slug("***") == "gpu");
}

TEST_CASE("progress line: fits every width") {
  const Progress half{1234, 2468, Seconds(20.4), Seconds(45), "stream copy_to_device_pageable"};
  for (std::size_t width = 1; width < 200; ++width) CHECK(progress_line(half, width).size() < width);
  CHECK(progress_line(half, 120) ==
        "[############............]  1,234/2,468  20 of 45 s  stream copy_to_device_pageable");
  CHECK(progress_line({0, 0, {}, {}, ""}, 80).find("0/0") != std::string::npos);
}

TEST_CASE("progress bar: a line for each tenth where there is no terminal") {
  std::ostringstream out;
  ProgressBar bar(out, 0);
  for (std::size_t i = 0; i < 1000; ++i) bar({i, 1000, Seconds(0.01 * static_cast<double>(i)), Seconds(45), "gemm"});
  bar({1000, 1000, Seconds(10), Seconds(45), ""});
  const std::vector<std::string> lines = lines_of(out.str());
  REQUIRE(lines.size() == 10);
  CHECK(lines[0] == "100 of 1,000 cases, 1 of 45 s, gemm");
  CHECK(lines[9] == "done: 1,000 of 1,000 cases, 10 of 45 s");
}

TEST_CASE("progress bar: on a terminal redrawn at most ten times a second, and ended with a new line") {
  std::ostringstream out;
  ProgressBar bar(out, 80);
  for (std::size_t i = 0; i < 1000; ++i) bar({i, 1000, Seconds(0.01 * static_cast<double>(i)), Seconds(45), "gemm"});
  bar({1000, 1000, Seconds(10), Seconds(45), ""});
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '\r') <= 102);
  CHECK(std::count(text.begin(), text.end(), '\r') >= 80);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK(text.back() == '\n');
}

TEST_CASE("calibrate output: checked before, written aside, nothing left behind") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("rehearse-calibrate-output." + std::to_string(getpid()));
  fs::remove_all(folder);
  fs::create_directory(folder);
  const std::string file = (folder / "device.yaml").string();
  check_writable(file);
  CHECK(fs::is_empty(folder));
  write_output(file, [](std::ostream& out) { out << "one"; });
  write_output(file, [](std::ostream& out) { out << "two"; });
  CHECK(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 1);
  std::ifstream in(file);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "two");
  CHECK_THROWS_AS(check_writable(folder.string()), InputError);
  CHECK_THROWS_WITH_AS(check_writable((folder / "no" / "x").string()), doctest::Contains("there is no folder"),
                       InputError);
  CHECK_THROWS_AS(check_writable(""), InputError);
  CHECK_THROWS_AS(write_output("/dev/full", [](std::ostream& out) { out << std::string(100000, 'x'); }), InputError);
  fs::remove_all(folder);
}

TEST_CASE("layers: as the catalogue of models has them") {
  const std::vector<LayerShape> layers = validation_layers();
  CHECK(layers.size() == 12);
  for (const LayerShape& layer : layers) {
    const Value model = load_entry("models", layer.model);
    const auto size = [&](const char* key, std::int64_t otherwise) {
      const Value* value = model.find(key);
      return value == nullptr ? otherwise : std::stoll(value->text);
    };
    CHECK(layer.hidden == size("hidden", 0));
    CHECK(layer.heads == size("heads", 0));
    CHECK(layer.kv_heads == size("kv_heads", layer.heads));
    CHECK(layer.ffn == size("ffn", 4 * layer.hidden));
    CHECK(layer.seq == size("seq_len", 0));
    CHECK(layer.llama == (model.find("activation") != nullptr));
  }
}

TEST_CASE("layers: a table with where it was measured") {
  testing::SyntheticBench bench;
  std::size_t calls = 0;
  const std::vector<std::string> lines = lines_of(time_layers(bench, [&](const Progress&) { ++calls; }));
  CHECK(calls == 13);
  REQUIRE(lines.size() == 5 + 11);
  CHECK(lines[0] == "# Transformer layers, forward and backward, timed by rehearse-calibrate on Synthetic GPU 141GB");
  CHECK(lines[1] == "# driver: 1.2");
  CHECK(lines[3] == "# llama3-8b, micro batch 8: could not run: does not fit in memory");
  CHECK(lines[4] == "model,hidden,heads,kv_heads,ffn,llama,seq,micro_batch,precision,forward_us,backward_us");
  CHECK(lines[5].starts_with("gpt3-1.3b,2048,16,16,8192,0,2048,1,bf16,"));
  for (std::size_t i = 5; i < lines.size(); ++i) CHECK(std::count(lines[i].begin(), lines[i].end(), ',') == 10);
}

TEST_CASE("calibrate listing: a line for each case and a sum; a row for each family") {
  CalibrationOptions options;
  options.grid = Grid::quick;
  options.precisions = {Precision::bf16};
  std::ostringstream cases;
  list_cases(cases, options);
  const std::vector<std::string> lines = lines_of(cases.str());
  CHECK(lines.size() > 500);
  CHECK(lines.back().find("at most 40 s in all") != std::string::npos);
  testing::SyntheticBench bench;
  const Device device = calibrate(bench, options, {}).device;
  std::ostringstream summary;
  write_summary(summary, device);
  CHECK(lines_of(summary.str()).size() == 2 + 1 + 1 + 28);
}
