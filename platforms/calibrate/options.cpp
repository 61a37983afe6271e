#include "platforms/calibrate/options.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "engine/base/table.hpp"
#include "platforms/calibrate/text.hpp"

namespace rehearse {
namespace {

struct OptionRow {
  std::string_view name;
  std::string_view value;  ///< empty: it takes none
  std::string_view description;
  void (*set)(Options&, const std::string&);
};

const std::vector<std::string> precision_names = {"bf16", "fp16", "tf32", "fp8"};

void set_precisions(Options& o, const std::string& list) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string name = list.substr(begin, end - begin);
    if (std::ranges::count(precision_names, name) == 0)
      throw UsageError("--precision: " + unknown_name("precision", name, precision_names));
    o.calibration.precisions.push_back(precision_of_name(name));
    begin = end + 1;
  }
}

constexpr std::array<OptionRow, 8> rows = {{
    {"-o", "FILE", "the profile; - is standard output; default: the GPU's name with .yaml, here",
     [](Options& o, const std::string& value) { o.output = value; }},
    {"--quick", "", "a coarser grid: under 60 s, where the full one takes up to 8 minutes",
     [](Options& o, const std::string&) { o.calibration.grid = Grid::quick; }},
    {"--precision", "LIST", "of bf16, fp16, tf32 and fp8, with commas; default: those that the GPU has",
     set_precisions},
    {"--layers", "FILE.csv", "time whole transformer layers as well, to hold the profile against",
     [](Options& o, const std::string& value) { o.layers = value; }},
    {"--layers-only", "", "with --layers: no profile", [](Options& o, const std::string&) { o.profile = false; }},
    {"--check", "", "only hold the calibrator's own kernels against double precision",
     [](Options& o, const std::string&) { o.action = Action::check; }},
    {"--list-cases", "", "only print what would be timed on an H200; needs no GPU",
     [](Options& o, const std::string&) { o.action = Action::list_cases; }},
    {"--help", "", "print this", [](Options& o, const std::string&) { o.action = Action::help; }},
}};
constexpr Table<OptionRow> table("option", rows);

constexpr std::string_view see_help = " (see rehearse-calibrate --help)";

const OptionRow& row_of(const std::string& argument, const std::string& name) {
  if (argument.empty() || argument[0] != '-' || argument == "-")
    throw UsageError("unexpected argument '" + argument + "'" + std::string(see_help));
  const std::string known = name == "-h" ? "--help" : name == "--output" ? "-o" : name;
  if (const OptionRow* row = table.find(known)) return *row;
  throw UsageError(table.unknown(name) + std::string(see_help));
}

void check_together(const Options& o) {
  if (!o.profile && o.layers.empty())
    throw UsageError("--layers-only: says to time layers alone, but there is no --layers FILE.csv for them");
  if (!o.layers.empty() && o.layers == (o.output.empty() ? "" : o.output))
    throw UsageError("--layers: expected another file than that of -o");
}

}  // namespace

Options parse_options(std::span<const std::string> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool has_value = argument.starts_with("--") && argument.find('=') != std::string::npos;
    const std::string name = has_value ? argument.substr(0, argument.find('=')) : argument;
    const OptionRow& row = row_of(argument, name);
    if (row.value.empty() && has_value) throw UsageError(name + ": takes no value");
    if (!row.value.empty() && !has_value && i + 1 == arguments.size())
      throw UsageError(name + ": expected " + std::string(row.value) + ", found nothing");
    const std::string value = row.value.empty() ? ""
                              : has_value       ? argument.substr(argument.find('=') + 1)
                                                : arguments[++i];
    if (!row.value.empty() && value.empty())
      throw UsageError(name + ": expected " + std::string(row.value) + ", found nothing");
    row.set(options, value);
    if (options.action == Action::help) return options;
  }
  check_together(options);
  return options;
}

std::string help_text() {
  std::string out =
      "Measures the GPU of this machine and writes a device profile for rehearse.\n"
      "Usage: rehearse-calibrate [OPTIONS]\n\nOptions:\n";
  for (const OptionRow& row : rows) {
    const std::string name = std::string(row.name) + (row.value.empty() ? "" : " ") + std::string(row.value);
    out += "  " + padded(name, 20) + "  " + std::string(row.description) + "\n";
  }
  return out +
         "\nExit status: 0 done; 1 no GPU, or a fault while measuring; 2 bad usage or a file that cannot be written.\n";
}

}  // namespace rehearse
