#include "platforms/kernel.hpp"

#include <array>
#include <stdexcept>

#include "engine/base/table.hpp"

namespace rehearse {
namespace {

struct Row {
  std::string_view name;
  std::string_view description;
  Precision precision;
  std::int64_t bytes;
};

constexpr std::array<Row, 5> rows = {{
    {"fp32", "32-bit floating point, no tensor cores", Precision::fp32, 4},
    {"tf32", "fp32 in memory, 10-bit mantissa in the tensor cores", Precision::tf32, 4},
    {"fp16", "16-bit IEEE floating point", Precision::fp16, 2},
    {"bf16", "16-bit floating point, range of fp32", Precision::bf16, 2},
    {"fp8", "8-bit floating point", Precision::fp8, 1},
}};
constexpr Table<Row> table("precision", rows);

const Row& row_of(Precision p) {
  for (const Row& row : rows)
    if (row.precision == p) return row;
  throw std::logic_error("a precision without a row");
}

}  // namespace

std::string_view precision_name(Precision p) { return row_of(p).name; }

Precision precision_of_name(std::string_view name) {
  if (const Row* row = table.find(name)) return row->precision;
  throw std::invalid_argument(table.unknown(name));
}

std::int64_t element_bytes(Precision p) { return row_of(p).bytes; }

}  // namespace rehearse
