#include <doctest/doctest.h>

#include <algorithm>

#include "reports/terminal.hpp"
#include "tests/support/sample_result.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

std::string report(const Result& result, bool colour = false, int width = 80) {
  return text_of([&](std::ostream& out) { write_text_report(result, out, colour, width); });
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool contains(const std::string& text, const std::string& piece) { return text.find(piece) != std::string::npos; }

/// The line that begins with `label`, after spaces.
std::string line_with(const std::string& text, const std::string& label) {
  for (const std::string& line : lines_of(text))
    if (line.starts_with("  " + label)) return line;
  return {};
}

}  // namespace

TEST_CASE("terminal: numbers") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1536) == "1,536");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(significant(131072.4, 4) == "131,072");
  CHECK(significant(48.883, 4) == "48.88");
  CHECK(significant(0.03125, 3) == "0.0312");
  CHECK(significant(0, 4) == "0");
  CHECK(significant(-1234.5, 5) == "-1,234.5");
  CHECK(percent(0.678) == "67.8 %");
  CHECK(percent(0) == "–");
  CHECK(scale_for(Seconds(31.42)).text(5.1) == "5.100 s");
  CHECK(scale_for(Seconds(0.00341)).text(0.00031) == "0.310 ms");
  CHECK(scale_for(Seconds(341.5)).text(0.25) == "0.25 s");
  CHECK(scale_for(Seconds(0)).text(0) == "–");
  CHECK(scale_for(Bytes(std::int64_t{80} << 30)).text(0x1p30) == "1.00 GiB");
  CHECK(scale_for(Bytes(900)).text(17) == "17 B");
}

TEST_CASE("terminal: widths and bars") {
  CHECK(display_width("×1.08 …") == 7);
  CHECK(left("ab", 4) == "ab  ");
  CHECK(left("abcdef", 4) == "abc…");
  CHECK(left("ééééé", 4) == "ééé…");
  CHECK(right("ab", 4) == "  ab");
  CHECK(bar(0, 8) == "");
  CHECK(bar(1e-9, 8) == "▏");
  CHECK(bar(0.5, 8) == "████");
  CHECK(bar(0.5, 1) == "▌");
  CHECK(bar(7, 3) == "███");
  CHECK(bar(-1, 3) == "");
  CHECK(wrapped("one two  three", 8) == std::vector<std::string>{"one two", "three"});
  CHECK(wrapped("unbreakable", 4) == std::vector<std::string>{"unbreakable"});
  CHECK(wrapped("", 4).empty());
}

TEST_CASE("text report: says what a person asks") {
  const std::string text = report(sample_result());
  CHECK(contains(text, "1.30 billion parameters on 48 GPUs"));
  CHECK(contains(line_with(text, "tokens per second"), "123,4"));
  CHECK(contains(line_with(text, "iteration"), "139.2"));
  CHECK(contains(line_with(text, "samples per second"), "40.6 %"));
  CHECK(contains(text, "Where the time goes, on the slowest GPU (12, stage 1)"));
  CHECK(contains(line_with(text, "compute"), "4.000 ms   66.7 %"));
  CHECK(contains(line_with(text, "pipeline bubble"), "–"));
  CHECK(contains(line_with(text, "optimizer states"), "30.00 GiB  37.5 %"));
  CHECK(contains(line_with(text, "fits"), "40.00 GiB of 80.00 GiB"));
  CHECK(contains(line_with(text, "cable"), "15.0 %"));
  CHECK(contains(line_with(text, "critical path"), "×1.20"));
  CHECK(contains(text, "  · 24 replicas of the pipeline are one."));
  CHECK(contains(text, "Simulated 12,345 ops, 3 flows and 1 collective, 2 GPUs standing for 48, in 125"));
}

TEST_CASE("text report: fits its width and has no trailing spaces") {
  Result result = sample_result();
  result.notes.push_back("A long note: " + std::string(30, 'x') + " and more words than fit on one line of a report.");
  result.bounds.push_back(
      {"a bound with a very long name that will not fit on a line of eighty columns", Seconds(1), 1});
  for (const int width : {60, 80, 132})
    for (const std::string& line : lines_of(report(result, false, width))) {
      CHECK_MESSAGE(display_width(line) <= static_cast<std::size_t>(width), line);
      CHECK_MESSAGE(!line.ends_with(' '), line);
    }
}

TEST_CASE("text report: a plan that does not fit") {
  Result result = sample_result();
  result.memory.capacity = Bytes(std::int64_t{32} << 30);
  CHECK(contains(report(result), "does not fit: 8.00 GiB more than the 32.00 GiB of the GPU"));
  CHECK(contains(line_with(report(result), "peak"), "125.0 %"));
}

TEST_CASE("text report: when most of the memory is in use, and what takes it") {
  Result result = sample_result();
  result.memory.at = {.time = Seconds(1.32),
                      .doing = "the backward pass",
                      .layer = 23,
                      .micro_batch = 5,
                      .largest = {{"queries, keys, values", "activations", 3, 0, Bytes(std::int64_t{3} << 30)}}};
  const std::string text = report(result);
  CHECK(contains(text, "most is in use at 1.32 s, in the backward pass of layer 23, micro batch 5"));
  CHECK(contains(text, "3.00 GiB queries, keys, values of layer 3, micro batch 0 (activations)"));
}

TEST_CASE("text report: colours only where asked for, and nothing else differs") {
  const std::string plain = report(sample_result()), coloured = report(sample_result(), true);
  CHECK(!contains(plain, "\033"));
  std::string stripped;
  for (std::size_t i = 0; i < coloured.size(); ++i) {
    if (coloured[i] == '\033')
      i = coloured.find('m', i);
    else
      stripped += coloured[i];
  }
  CHECK(stripped == plain);
}

TEST_CASE("text report: an empty result does not crash") { CHECK(!report(Result{}).empty()); }

TEST_CASE("text report: collectives of the slowest GPU, and what buckets make of its gradients") {
  const std::string text = report(sample_result());
  CHECK(contains(text, "Collectives, on the slowest GPU (12, stage 1)"));
  const std::string line = line_with(text, "data all_reduce");
  CHECK(contains(line, "nccl_tree ll128, 1,024 ranks, 128 nodes "));
  CHECK(contains(line, "13 calls"));
  CHECK(contains(line, "4.768 MiB"));
  CHECK(contains(text, "gradients of 388 tensors are reduced in 13 calls"));
  Result alone = sample_result();
  alone.gpus[1].collectives.clear();
  CHECK_FALSE(contains(report(alone), "Collectives"));
}

TEST_CASE("text report: jobs, where there are several") {
  CHECK_FALSE(contains(report(sample_result()), "Jobs, "));
  const std::string text = report(two_jobs());
  CHECK(contains(text, "2 jobs on 48 GPUs"));
  CHECK(contains(text, "Jobs, an iteration alone on the cluster and beside the others"));
  CHECK(contains(text, "  job      GPUs  iterations     alone  together  slowdown  start  tokens/s\n"));
  CHECK(contains(text, "  large      32           1  5.000 ms  6.000 ms    ×1.200    0 s   100,000\n"));
  CHECK(contains(text, "  small 1    16           2  1.500 ms  1.500 ms    ×1.000   3 ms         0\n"));
  CHECK(contains(text, "Where the time goes, of small 1, on its slowest GPU (12, stage 1)"));
  CHECK(contains(text, "Memory, on the fullest GPU (small 1, stage 0)"));
  CHECK(contains(text, "mean use over all iterations"));
  Result long_name = two_jobs();
  long_name.jobs[0].name = "a job with a name that nobody needs to read to its end on a line of eighty columns";
  for (const int width : {60, 80, 132})
    for (const std::string& line : lines_of(report(long_name, false, width)))
      CHECK_MESSAGE(display_width(line) <= static_cast<std::size_t>(width), line);
}
