// Reads the measured times of a profile. Private to platforms.
#pragma once

#include "engine/base/document.hpp"
#include "platforms/measured.hpp"

namespace rehearse {

/// `points`, `measured` and the errors of a family (all absent: none was measured). Faults name the row: a wrong number
/// of columns, something that is not a number, a size or a time that is not positive, a row that stands twice, fewer
/// rows than `points` says.
void read_family(Reader& section, Family<Gemm>& family);
void read_family(Reader& section, Family<Attention>& family);
void read_family(Reader& section, Family<Stream>& family);

}  // namespace rehearse
