// Files that nobody sees half of. Standard library only: the standalone calibrator has this too.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

namespace rehearse {

/// Throws InputError ("cannot write 'FILE': reason") where `file` could not be written now; "-" is standard output. For
/// those who work long before they write.
void check_writable(const std::string& file);

/// Write a file aside and rename it into place, so that nobody sees half of it; "-" is standard output.
/// `write` fills the stream. Throws InputError where the file cannot be written.
void write_output(const std::string& file, const std::function<void(std::ostream&)>& write);

}  // namespace rehearse
