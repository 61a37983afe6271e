// Quantities as text: "600 GB/s", "200 Gb/s", "3 us", "80 GiB", "312 TFLOP/s" in, human-readable text out.
// Prefixes: k M G T P E Z Y are powers of 1000, Ki Mi Gi Ti Pi Ei of 1024; B is a byte, b is a bit (8 b = 1 B).
// Times: s ms us ns ps min h.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/units.hpp"

namespace rehearse {

/// Parse a number followed by a unit. Throw std::invalid_argument whose text says what was expected
/// (a bare number is an error and the text says that the unit is missing).
Seconds parse_seconds(std::string_view text);
BytesPerSecond parse_bytes_per_second(std::string_view text);
Flops parse_flops(std::string_view text);
FlopsPerSecond parse_flops_per_second(std::string_view text);
/// Whole bytes; "1.5 KiB" is 1536, a fraction of a byte is an error, so is more than 2^63-1.
Bytes parse_bytes(std::string_view text);

/// Four significant digits with the fitting prefix: "3.42 ms", "1.25 GiB", "300 GB/s", "137 TFLOP/s".
/// Times from 600 s are in min, from 7200 s in h.
std::string to_text(Seconds s);
std::string to_text(Bytes b);
std::string to_text(BytesPerSecond r);
std::string to_text(Flops f);
std::string to_text(FlopsPerSecond r);

}  // namespace rehearse
