#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/base/quantity_text.hpp"

using namespace rehearse;

namespace {

template <class Parse>
std::string problem_of(Parse parse, const char* text) {
  try {
    static_cast<void>(parse(text));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("times") {
  CHECK(parse_seconds("3 us") == Seconds(3e-6));
  CHECK(parse_seconds("3us") == Seconds(3e-6));
  CHECK(parse_seconds("  3\tus ") == Seconds(3e-6));
  CHECK(parse_seconds("3 \xC2\xB5s") == Seconds(3e-6));
  CHECK(parse_seconds("3 \xCE\xBCs") == Seconds(3e-6));
  CHECK(parse_seconds("500 ns") == Seconds(500e-9));
  CHECK(parse_seconds("1.5 ms") == Seconds(1.5e-3));
  CHECK(parse_seconds("2 s") == Seconds(2.0));
  CHECK(parse_seconds("1.5 min") == Seconds(90.0));
  CHECK(parse_seconds("2 h") == Seconds(7200.0));
  CHECK(parse_seconds("-1 s") == Seconds(-1.0));
  CHECK(parse_seconds("+1e-3 s") == Seconds(1e-3));
  CHECK(parse_seconds(".5 s") == Seconds(0.5));
  CHECK(parse_seconds("0 s") == Seconds(0.0));
}

TEST_CASE("rates and counts") {
  CHECK(parse_bytes_per_second("600 GB/s") == BytesPerSecond(600e9));
  CHECK(parse_bytes_per_second("200 Gb/s") == BytesPerSecond(25e9));
  CHECK(parse_bytes_per_second("1 GiB/s") == BytesPerSecond(1073741824.0));
  CHECK(parse_bytes_per_second("8 b/s") == BytesPerSecond(1.0));
  CHECK(parse_bytes_per_second("2.039 TB/s") == BytesPerSecond(2.039e12));
  CHECK(parse_flops_per_second("312 TFLOP/s") == FlopsPerSecond(312e12));
  CHECK(parse_flops_per_second("1 PFLOP/s") == FlopsPerSecond(1e15));
  CHECK(parse_flops_per_second("5 FLOP/s") == FlopsPerSecond(5.0));
  CHECK(parse_flops("3 GFLOP") == Flops(3e9));
  CHECK(parse_flops("430 ZFLOP") == Flops(430e21));
}

TEST_CASE("sizes are exact") {
  CHECK(parse_bytes("80 GiB") == Bytes(80LL << 30));
  CHECK(parse_bytes("1.5 KiB") == Bytes(1536));
  CHECK(parse_bytes("0.1 GB") == Bytes(100'000'000));
  CHECK(parse_bytes("4.35 MB") == Bytes(4'350'000));
  CHECK(parse_bytes("8 b") == Bytes(1));
  CHECK(parse_bytes("0 B") == Bytes(0));
  CHECK(parse_bytes("00012 B") == Bytes(12));
  CHECK(parse_bytes("1e3 B") == Bytes(1000));
  CHECK(parse_bytes("15e-1 kB") == Bytes(1500));
  CHECK(parse_bytes("1.000000000000000000000000 kB") == Bytes(1000));
  CHECK(parse_bytes("-4 MiB") == Bytes(-(4LL << 20)));
  CHECK(parse_bytes("9223372036854775807 B") == Bytes(INT64_MAX));
  CHECK(parse_bytes("9223372036854775.807 kB") == Bytes(INT64_MAX));
  CHECK(parse_bytes("7.5 EiB") == Bytes(15LL << 59));
  CHECK(problem_of(parse_bytes, "9223372036854775808 B") == "'9223372036854775808 B' is out of range");
  CHECK(problem_of(parse_bytes, "8 EiB") == "'8 EiB' is out of range");
  CHECK(problem_of(parse_bytes, "1e300 B") == "'1e300 B' is out of range");
  CHECK(problem_of(parse_bytes, "1e99999999999 B") == "'1e99999999999 B' is out of range");
  CHECK(problem_of(parse_bytes, "99999999999999999999999 B") == "'99999999999999999999999 B' is out of range");
  CHECK(problem_of(parse_bytes, "1.5 B") == "'1.5 B' is not a whole number of bytes");
  CHECK(problem_of(parse_bytes, "4 b") == "'4 b' is not a whole number of bytes");
  CHECK(problem_of(parse_bytes, "0.3 KiB") == "'0.3 KiB' is not a whole number of bytes");
  CHECK(problem_of(parse_bytes, "1e-3 B") == "'1e-3 B' is not a whole number of bytes");
}

TEST_CASE("what is no quantity") {
  CHECK(problem_of(parse_bytes_per_second, "600") == "missing unit: expected e.g. '600 GB/s'");
  CHECK(problem_of(parse_seconds, "3e-6") == "missing unit: expected e.g. '3 us'");
  CHECK(problem_of(parse_bytes, "80 ") == "missing unit: expected e.g. '80 GiB'");
  CHECK(problem_of(parse_bytes_per_second, "600 GB") == "unknown unit 'GB': expected e.g. '600 GB/s'");
  CHECK(problem_of(parse_bytes, "80 GB/s") == "unknown unit 'GB/s': expected e.g. '80 GiB'");
  CHECK(problem_of(parse_bytes, "80 KB") == "unknown unit 'KB': expected e.g. '80 GiB'");
  CHECK(problem_of(parse_bytes, "80 GiB x") == "unknown unit 'GiB x': expected e.g. '80 GiB'");
  CHECK(problem_of(parse_seconds, "3 ks") == "unknown unit 'ks': expected e.g. '3 us'");
  CHECK(problem_of(parse_seconds, "3 s!") == "unknown unit 's!': expected e.g. '3 us'");
  CHECK(problem_of(parse_seconds, "1.2.3 s") == "unknown unit '.3 s': expected e.g. '3 us'");
  CHECK(problem_of(parse_flops_per_second, "312 TFLOPS") == "unknown unit 'TFLOPS': expected e.g. '312 TFLOP/s'");
  CHECK(problem_of(parse_flops_per_second, "312 TFLOP") == "unknown unit 'TFLOP': expected e.g. '312 TFLOP/s'");
  for (const char* text : {"", " ", "s", "GB/s", "-", ".", "- 3 s", "inf s", "nan s", "--3 s", "e3 s"})
    CHECK(problem_of(parse_seconds, text) == std::string("'") + text + "' is not a quantity: expected e.g. '3 us'");
  CHECK(problem_of(parse_seconds, "0x10 s") == "unknown unit 'x10 s': expected e.g. '3 us'");
  CHECK(problem_of(parse_seconds, "1e400 s") == "'1e400 s' is out of range");
  CHECK(problem_of(parse_seconds, "1e308 h") == "'1e308 h' is out of range");
  CHECK(problem_of(parse_flops, "1e300 EFLOP") == "'1e300 EFLOP' is out of range");
}

TEST_CASE("quantities as text") {
  CHECK(to_text(Seconds(0.00342)) == "3.42 ms");
  CHECK(to_text(Seconds(0.0)) == "0 s");
  CHECK(to_text(Seconds(3e-6)) == "3 us");
  CHECK(to_text(Seconds(2.5e-10)) == "0.25 ns");
  CHECK(to_text(Seconds(0.999996)) == "1 s");
  CHECK(to_text(Seconds(0.99994e-3)) == "999.9 us");
  CHECK(to_text(Seconds(95.3214)) == "95.32 s");
  CHECK(to_text(Seconds(1200.0)) == "20 min");
  CHECK(to_text(Seconds(9000.0)) == "2.5 h");
  CHECK(to_text(Seconds(-0.002)) == "-2 ms");
  CHECK(to_text(Bytes(0)) == "0 B");
  CHECK(to_text(Bytes(1023)) == "1023 B");
  CHECK(to_text(Bytes(1342177280)) == "1.25 GiB");
  CHECK(to_text(Bytes((1LL << 20) - 1)) == "1 MiB");
  CHECK(to_text(Bytes(-2048)) == "-2 KiB");
  CHECK(to_text(Bytes(INT64_MAX)) == "8 EiB");
  CHECK(to_text(BytesPerSecond(300e9)) == "300 GB/s");
  CHECK(to_text(BytesPerSecond(999.96e9)) == "1 TB/s");
  CHECK(to_text(FlopsPerSecond(137e12)) == "137 TFLOP/s");
  CHECK(to_text(Flops(4.5123e21)) == "4.512 ZFLOP");
}

TEST_CASE("text reads back to four digits") {
  double value = 1.0;
  for (int i = 0; i < 60; ++i, value *= 2.39) {
    const auto near = [&](double read, double wrote) { return std::abs(read - wrote) <= 5.1e-4 * wrote; };
    CHECK(near(parse_seconds(to_text(Seconds(value * 1e-9))).value(), value * 1e-9));
    CHECK(near(parse_flops(to_text(Flops(value))).value(), value));
    CHECK(near(parse_flops_per_second(to_text(FlopsPerSecond(value))).value(), value));
    CHECK(near(parse_bytes_per_second(to_text(BytesPerSecond(value))).value(), value));
  }
  for (const std::int64_t kibi : {1, 3, 512, 1000, 65536})
    CHECK(parse_bytes(to_text(Bytes(kibi * 1024))) == Bytes(kibi * 1024));
}
