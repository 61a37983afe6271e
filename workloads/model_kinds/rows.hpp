// The rows of the table of model kinds, one file each, and what they share. Private to workloads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "workloads/model.hpp"

namespace rehearse {

extern const ModelKindRow custom_kind;
extern const ModelKindRow dlrm_kind;
extern const ModelKindRow mlp_kind;
extern const ModelKindRow resnet_kind;
extern const ModelKindRow transformer_kind;

// Far above any model; below them nothing that is counted in 64 bits overflows.
inline constexpr std::int64_t most_layers = 10'000;
inline constexpr std::int64_t most_width = 1 << 20;
inline constexpr std::int64_t most_tokens = 1 << 28;  ///< of a vocabulary, of a sequence
inline constexpr double most_parameters = 1e15;

/// `value`, or `most` and a fault where it is above.
std::int64_t at_most(Reader& reader, std::string_view key, std::int64_t value, std::int64_t most);
/// A whole number from 1 to `most`.
std::int64_t read_size(Reader& reader, std::string_view key, std::int64_t most);
std::int64_t read_size(Reader& reader, std::string_view key, std::int64_t most, std::int64_t fallback);
/// A list of widths, `least` of them or more; after a fault `least` of 1.
std::vector<std::int64_t> read_widths(Reader& reader, std::string_view key, std::size_t least);
/// A value for each of `count`, from 1 to `most`: a number stands for all, a list has one for each (`classes` says of
/// what: "tables").
std::vector<std::int64_t> read_numbers(Reader& reader, std::string_view key, std::int64_t count,
                                       std::string_view classes, std::int64_t fallback, std::int64_t most);
/// The same written back.
Value list_value(const std::vector<std::int64_t>& numbers);

/// The keys of a transformer with their values.
void put_transformer(const Model& model, Value& out);

}  // namespace rehearse
