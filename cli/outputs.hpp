// Options that name files to write: what commands ask of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace rehearse {

struct OutputOption {
  const char* name;         ///< "--json"
  const std::string& file;  ///< empty: not asked for; "-": standard output
};

/// Whether standard output belongs to one of them. Throws InputError where it would to several.
bool stdout_taken(const std::vector<OutputOption>& outputs);

/// Throws InputError where one of them could not be written now.
void check_outputs(const std::vector<OutputOption>& outputs);

/// For CLI::Option::check: "expected WHAT, found nothing".
std::function<std::string(const std::string&)> not_empty(const std::string& what = "a file name");

}  // namespace rehearse
