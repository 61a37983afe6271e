// The report for a terminal: what it costs, where the time goes, whether it fits, what limits it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "engine/base/quantity_text.hpp"
#include "reports/aligned_table.hpp"
#include "reports/report.hpp"
#include "reports/terminal.hpp"

namespace rehearse {
namespace {

constexpr std::string_view bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34", magenta = "35",
                           cyan = "36";

constexpr std::size_t wide_page = 76;  // with room for everything

/// Where the report goes and how it looks.
struct Page {
  std::ostream& out;
  bool colour;
  std::size_t width;

  [[nodiscard]] std::string paint(std::string_view code, const std::string& text) const {
    return colour && !code.empty() && !text.empty() ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
  }
  void heading(const std::string& text, const std::string& aside = {}) const {
    out << "\n" << paint(bold, text);
    const std::size_t room = width - std::min(width, display_width(text));
    if (!aside.empty()) out << paint(dim, left(", " + aside, std::min(room, display_width(aside) + 2)));
    out << "\n";
  }
};

/// A label, a bar, and up to two columns on the right.
struct BarRow {
  std::string label;
  double share;  ///< of the whole bar
  std::string_view colour;
  std::string value, remark;
};

void bar_rows(const Page& page, const std::vector<BarRow>& rows, bool on_capacity) {
  std::size_t label = 0, value = 0, remark = 0;
  for (const BarRow& row : rows) {
    label = std::max(label, display_width(row.label));
    value = std::max(value, display_width(row.value));
    remark = std::max(remark, display_width(row.remark));
  }
  label = std::min(label, page.width * 2 / 5);
  const std::size_t used = 2 + label + 2 + 2 + value + 2 + remark;
  const std::size_t room = page.width > used + 8 ? page.width - used : 8;
  for (const BarRow& row : rows) {
    const std::string filled = bar(row.share, room);
    std::string rest;
    for (std::size_t i = display_width(filled); i < room; ++i) rest += on_capacity ? "░" : " ";
    page.out << "  " << left(row.label, label) << "  " << page.paint(row.colour, filled)
             << page.paint(on_capacity ? dim : "", rest) << "  " << right(row.value, value) << "  "
             << right(row.remark, remark) << "\n";
  }
}

std::string parameters_text(double parameters) {
  static constexpr std::array<std::pair<double, const char*>, 3> units{
      {{1e12, " trillion"}, {1e9, " billion"}, {1e6, " million"}}};
  for (const auto& [size, name] : units)
    if (parameters >= size) return significant(parameters / size, 3) + name;
  return significant(parameters, 3);
}

void write_header(const Page& page, const Result& result) {
  page.out << page.paint(bold, result.name) << "\n";
  const std::string what =
      result.jobs.size() > 1 ? counted(result.jobs.size(), "job") : parameters_text(result.parameters) + " parameters";
  page.out << page.paint(dim, fmt::format("{} on {}", what, counted(result.gpu_count, "GPU"))) << "\n\n";
  const std::size_t gap = page.width < wide_page ? 2 : 8, column = page.width < wide_page ? 10 : 14;
  const auto pair = [&](const char* a, const std::string& x, const char* b, const std::string& y) {
    page.out << "  " << left(a, 18) << page.paint(bold, right(x, column)) << std::string(gap, ' ') << left(b, 18)
             << page.paint(bold, right(y, column)) << "\n";
  };
  pair("iteration", to_text(result.iteration_time), "TFLOP/s per GPU",
       significant(result.flops_per_gpu.value() / 1e12, 4));
  pair("tokens per second", significant(result.tokens_per_s, 4), "MFU", percent(result.mfu));
  pair("samples per second", significant(result.samples_per_s, 4), "HFU", percent(result.hfu));
}

/// Whether more than one iteration was simulated.
bool repeats(const Result& result) {
  return result.jobs.size() > 1 || (!result.jobs.empty() && result.jobs.front().iterations.size() > 1);
}

std::string slowest_text(const Result& result) {
  if (result.slowest >= result.gpus.size()) return "on the slowest GPU";
  const SimulatedGpu& gpu = result.gpus[result.slowest];
  if (result.jobs.size() > 1)
    return fmt::format("of {}, on its slowest GPU ({}, stage {})", result.jobs[gpu.job].name, gpu.gpu, gpu.stage);
  return fmt::format("on the slowest GPU ({}, stage {})", gpu.gpu, gpu.stage);
}

void write_breakdown(const Page& page, const Result& result) {
  const Breakdown& b = result.breakdown;
  const double whole = b.total().value();
  if (whole <= 0) return;
  page.heading("Where the time goes", slowest_text(result));
  const Scale scale = scale_for(b.total());
  std::vector<BarRow> rows;
  const std::array<std::string_view, 9> colours{green, yellow, yellow, yellow, cyan, blue, blue, red, magenta};
  std::size_t part = 0;
  for (const BreakdownRow& row : breakdown_table()) {
    const Seconds time = b.*row.time;
    const std::string_view colour = colours.at(part++);
    // What a plan has nothing of is not mentioned, but for what every plan is looked at for.
    const bool rare =
        row.time == &Breakdown::context_comm || row.time == &Breakdown::expert_comm || row.time == &Breakdown::offload;
    if (rare && time == Seconds(0)) continue;
    rows.push_back({std::string(row.description), time.value() / whole, colour, scale.text(time.value()),
                    percent(time.value() / whole)});
  }
  rows.push_back({"iteration", 0, "", scale.text(whole), percent(1)});
  bar_rows(page, rows, false);
}

/// What jobs are to each other.
void write_jobs(const Page& page, const Result& result) {
  if (result.jobs.size() < 2) return;
  page.heading("Jobs", "an iteration alone on the cluster and beside the others");
  const Scale scale = scale_for(result.iteration_time);
  const bool wide = page.width >= wide_page;
  std::vector<std::string> heading{"job", "GPUs", "iterations", "alone", "together", "slowdown"};
  if (wide) heading.insert(heading.end(), {"start", "tokens/s"});
  AlignedTable table(std::move(heading), 1, false);
  for (const JobResult& job : result.jobs) {
    std::vector<std::string> row{job.name,
                                 grouped(job.gpu_count),
                                 grouped(job.iterations.size()),
                                 scale.text(job.alone.value()),
                                 scale.text(job.together.value()),
                                 fmt::format("×{:.3f}", job.slowdown())};
    if (wide) row.insert(row.end(), {to_text(job.start), significant(job.tokens_per_s, 4)});
    table.add(std::move(row));
  }
  table.write(page.out, false, page.width);
}

/// "fits" or "does not fit", and by how much.
std::string verdict(const Page& page, const MemoryAccount& memory, const Scale& scale) {
  const auto text = [&](Bytes b) { return scale.text(static_cast<double>(b.value())); };
  if (memory.peak <= memory.capacity)
    return page.paint(green, "fits") +
           fmt::format(": {} of {} stay free", text(memory.capacity - memory.peak), text(memory.capacity));
  return page.paint(red, "does not fit") +
         fmt::format(": {} more than the {} of the GPU", text(memory.peak - memory.capacity), text(memory.capacity));
}

/// When most is in use, and what then takes most.
void write_moment(const Page& page, const MemoryMoment& at, const Scale& scale) {
  if (at.largest.empty()) return;
  const auto write = [&](const std::string& text, std::string indent) {
    for (const std::string& line : wrapped(text, page.width - indent.size())) page.out << indent << line << "\n";
  };
  write(fmt::format("most is in use at {}, {}; of it", to_text(at.time), at.text()), "  ");
  for (const MemoryHolding& block : at.largest) {
    std::string place = block.layer >= 0 ? fmt::format(" of layer {}", block.layer) : "";
    if (block.micro_batch >= 0) place += fmt::format(", micro batch {}", block.micro_batch);
    write(
        fmt::format("{} {}{} ({})", scale.text(static_cast<double>(block.bytes.value())), block.name, place, block.use),
        "    ");
  }
}

void write_memory(const Page& page, const Result& result) {
  const MemoryAccount& memory = result.memory;
  if (memory.peak.value() <= 0) return;
  const bool known = memory.capacity.value() > 0, fits = !known || memory.peak <= memory.capacity;
  const Bytes largest = std::max(memory.peak, memory.capacity);
  const Scale scale = scale_for(largest);
  const std::string job = result.jobs.size() > 1 ? result.jobs[memory.job].name + ", " : "";
  page.heading("Memory", fmt::format("on the fullest GPU ({}stage {})", job, memory.stage));
  std::vector<BarRow> rows;
  const auto add = [&](const std::string& label, Bytes bytes, std::string_view colour) {
    const auto b = static_cast<double>(bytes.value());
    rows.push_back({label, b / static_cast<double>(largest.value()), colour, scale.text(b),
                    percent(b / static_cast<double>(known ? memory.capacity.value() : memory.peak.value()))});
  };
  for (const MemoryPart& part : memory.parts) add(part.name, part.bytes, blue);
  add("peak", memory.peak, fits ? green : red);
  bar_rows(page, rows, known && fits);
  if (known) page.out << "  " << verdict(page, memory, scale) << "\n";
  write_moment(page, memory.at, scale);
}

/// What the plan's buckets do: calls with them, and without.
std::string gradients_text(const SimulatedGpu& gpu) {
  return fmt::format("gradients of {} are reduced in {}", counted(gpu.gradient_tensors, "tensor"),
                     counted(gpu.gradient_reductions, "call"));
}

void write_collectives(const Page& page, const Result& result) {
  if (result.slowest >= result.gpus.size()) return;
  const SimulatedGpu& gpu = result.gpus[result.slowest];
  if (gpu.collectives.empty()) return;
  page.heading("Collectives", slowest_text(result));
  std::size_t what = 0, calls = 0, bytes = 0;
  std::vector<std::array<std::string, 4>> rows;
  for (const CollectiveUse& use : gpu.collectives) {
    std::string how = use.algorithm;
    if (use.protocol != Protocol::none) how += fmt::format(" {}", protocol_name(use.protocol));
    how += fmt::format(", {}", counted(use.ranks, "rank"));
    if (use.nodes > 1) how += fmt::format(", {}", counted(use.nodes, "node"));
    rows.push_back({fmt::format("{} {}", group_kind_name(use.group), collective_op_name(use.op)), how,
                    counted(use.calls, "call"), to_text(Bytes(static_cast<std::int64_t>(use.bytes)))});
    what = std::max(what, display_width(rows.back()[0]));
    calls = std::max(calls, display_width(rows.back()[2]));
    bytes = std::max(bytes, display_width(rows.back()[3]));
  }
  const std::size_t used = 2 + what + 2 + 2 + calls + 2 + bytes;
  const std::size_t room = page.width > used + 20 ? page.width - used : 20;
  for (const auto& row : rows)
    page.out << "  " << left(row[0], what) << "  " << left(row[1], room) << "  " << right(row[2], calls) << "  "
             << right(row[3], bytes) << "\n";
  if (gpu.gradient_reductions > 0) page.out << "  " << gradients_text(gpu) << "\n";
}

void write_links(const Page& page, const Result& result) {
  std::vector<BarRow> rows;
  for (const LinkUse& use : result.hottest_links) {
    if (rows.size() == 5 || use.utilisation <= 0) break;
    const std::string_view colour = use.utilisation > 0.8 ? red : use.utilisation > 0.5 ? yellow : green;
    const Link& link = use.link;
    const std::string others = link.members > 1 ? fmt::format(" ×{}", grouped(link.members)) : "";
    rows.push_back(
        {link.name + others, use.utilisation, colour, "of " + to_text(link.bandwidth), percent(use.utilisation)});
  }
  if (rows.empty()) return;
  page.heading("Hottest links", repeats(result) ? "mean use over all iterations" : "mean use over the iteration");
  bar_rows(page, rows, true);
}

void write_bounds(const Page& page, const Result& result) {
  if (result.bounds.empty()) return;
  page.heading("Bounds", "that no schedule or network could beat");
  const Scale scale = scale_for(result.run_time);
  std::vector<BarRow> rows;
  for (const BoundRow& row : result.bounds)
    rows.push_back({row.name, row.bound / result.run_time, cyan, scale.text(row.bound.value()),
                    row.ratio > 0 ? fmt::format("×{:.2f}", row.ratio) : "–"});
  const char* whole = repeats(result) ? "all iterations" : "iteration";
  rows.push_back({whole, 1, "", scale.text(result.run_time.value()), "×1.00"});
  bar_rows(page, rows, false);
}

void write_notes(const Page& page, const Result& result) {
  if (result.notes.empty()) return;
  page.heading("Notes");
  for (const std::string& note : result.notes) {
    const char* mark = "  · ";
    for (const std::string& line : wrapped(note, page.width - 4)) {
      page.out << mark << line << "\n";
      mark = "    ";
    }
  }
}

void write_work(const Page& page, const Result& result) {
  std::string text = fmt::format("Simulated {}, {} and {}", counted(result.ops, "op"), counted(result.flows, "flow"),
                                 counted(result.collectives, "collective"));
  if (result.replayed_collectives > 0)
    text += fmt::format(" ({} of them replayed once and reused)", grouped(result.replayed_collectives));
  if (!result.gpus.empty() && result.gpus.size() < result.gpu_count)
    text += fmt::format(", {} standing for {},", counted(result.gpus.size(), "GPU"), grouped(result.gpu_count));
  text += fmt::format(" in {}.", to_text(result.wall));
  page.out << "\n";
  for (const std::string& line : wrapped(text, page.width)) page.out << page.paint(dim, line) << "\n";
}

}  // namespace

void write_text_report(const Result& result, std::ostream& out, bool colour, int width) {
  const Page page{out, colour, static_cast<std::size_t>(std::max(width, 60))};
  write_header(page, result);
  write_jobs(page, result);
  write_breakdown(page, result);
  write_memory(page, result);
  write_collectives(page, result);
  write_links(page, result);
  write_bounds(page, result);
  write_notes(page, result);
  write_work(page, result);
}

}  // namespace rehearse
