// What a plain (unquoted) YAML scalar is in the core schema: null, boolean, whole number, number or text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace rehearse {

using TypedScalar = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string>;

/// YAML 1.2 core schema, section 10.3.2. What JSON has no number for (.inf, .nan) stays text; a whole number beyond
/// 64 bits is a double.
TypedScalar typed_scalar(std::string_view text);

}  // namespace rehearse
