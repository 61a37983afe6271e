#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "topologies/parameters.hpp"
#include "workloads/model_kinds/rows.hpp"

namespace rehearse {

const Table<ModelKindRow>& model_kind_table() {
  static const std::array<ModelKindRow, 5> rows{custom_kind, dlrm_kind, mlp_kind, resnet_kind, transformer_kind};
  static const Table<ModelKindRow> table("kind of model", rows);
  return table;
}

std::int64_t at_most(Reader& reader, std::string_view key, std::int64_t value, std::int64_t most) {
  if (value <= most) return value;
  reader.fault(key, fmt::format("expected at most {}, found {}", most, value));
  return most;
}

std::int64_t read_size(Reader& reader, std::string_view key, std::int64_t most) {
  return at_most(reader, key, reader.get_at_least(key, 1), most);
}

std::int64_t read_size(Reader& reader, std::string_view key, std::int64_t most, std::int64_t fallback) {
  return at_most(reader, key, reader.get_at_least(key, 1, fallback), most);
}

namespace {

/// The items of a list as sizes, each from 1 to `most`; one that is not is 1 and a fault.
std::int64_t size_of(Reader& item, std::int64_t most) {
  const auto size = item.as<std::int64_t>();
  if (size >= 1 && size <= most) return size;
  if (is_written(item, size)) item.fault(fmt::format("expected a whole number from 1 to {}, found {}", most, size));
  return 1;
}

}  // namespace

std::vector<std::int64_t> read_widths(Reader& reader, std::string_view key, std::size_t least) {
  std::vector<std::int64_t> widths;
  Reader list = reader.child(key, true);
  if (reader.has(key)) {
    for (Reader& item : list.items()) widths.push_back(size_of(item, most_width));
    if (list.is_sequence() && widths.size() < least)
      list.fault(fmt::format("expected at least {} widths, found {}", least, widths.size()));
    if (widths.size() > most_layers)
      list.fault(fmt::format("expected at most {} widths, found {}", most_layers, widths.size()));
  }
  widths.resize(std::max(widths.size(), least), 1);
  return widths;
}

std::vector<std::int64_t> read_numbers(Reader& reader, std::string_view key, std::int64_t count,
                                       std::string_view classes, std::int64_t fallback, std::int64_t most) {
  std::vector<std::int64_t> numbers =
      read_for_each<std::int64_t>(reader, key, static_cast<std::size_t>(count), classes, fallback, false);
  const auto largest = std::max_element(numbers.begin(), numbers.end());
  if (*largest > most) reader.fault(key, fmt::format("expected at most {}, found {}", most, *largest));
  for (std::int64_t& number : numbers) number = std::min(number, most);
  return numbers;
}

Value list_value(const std::vector<std::int64_t>& numbers) {
  Value list;
  list.type = Value::Type::sequence;
  for (const std::int64_t number : numbers) list.items.push_back(scalar_value(number));
  return list;
}

}  // namespace rehearse
