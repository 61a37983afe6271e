#include "cli/outputs.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/base/error.hpp"
#include "engine/base/output.hpp"

namespace rehearse {

namespace {

/// "--json, --csv and --trace".
std::string joined_names(const std::vector<OutputOption>& outputs) {
  std::string out;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    out += (i == 0 ? "" : i + 1 == outputs.size() ? " and " : ", ") + std::string(outputs[i].name);
  return out;
}

}  // namespace

bool stdout_taken(const std::vector<OutputOption>& outputs) {
  const auto files = std::ranges::count_if(outputs, [](const OutputOption& output) { return output.file == "-"; });
  if (files > 1) throw InputError(fmt::format("only one of {} can go to standard output", joined_names(outputs)));
  return files == 1;
}

void check_outputs(const std::vector<OutputOption>& outputs) {
  for (const OutputOption& output : outputs)
    if (!output.file.empty()) check_writable(output.file);
}

std::function<std::string(const std::string&)> not_empty(const std::string& what) {
  return [what](const std::string& text) {
    return text.empty() ? fmt::format("expected {}, found nothing", what) : std::string{};
  };
}

}  // namespace rehearse
