// Files of the calibrator: known to be writable before minutes of measuring, and never seen half written.
#pragma once

#include <stdexcept>
#include <string>

namespace rehearse {

/// "cannot write 'FILE': reason".
struct OutputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws OutputError where `file` could not be written now. "-" is standard output.
void check_writable(const std::string& file);
/// Written aside, then renamed into place. Throws OutputError.
void write_file(const std::string& file, const std::string& text);

}  // namespace rehearse
