// The tree as block-style YAML.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/base/document.hpp"

namespace rehearse {
namespace {

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// May the text stand without quotes and read back as it is? Rather no than yes.
bool is_plain(std::string_view text) {
  constexpr std::array<std::string_view, 3> nulls{"null", "Null", "NULL"};
  constexpr std::string_view inner = " ./+-()=~^";
  if (text.empty() || std::find(nulls.begin(), nulls.end(), text) != nulls.end()) return false;
  const bool is_signed = text[0] == '-' || text[0] == '+' || text[0] == '.';
  if (is_signed ? text.size() < 2 || !is_word_char(text[1]) : !is_word_char(text[0]) && text[0] != '/') return false;
  if (text.back() == ' ') return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_word_char(c) || inner.find(c) != std::string_view::npos; });
}

std::string quoted_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += fmt::format("\\{}", c);
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string scalar_text(std::string_view text, bool quoted) {
  return quoted || !is_plain(text) ? quoted_text(text) : std::string(text);
}

/// A value that fits on the line of its key.
bool is_inline(const Value& value) {
  return value.type == Value::Type::null || value.type == Value::Type::scalar || value.items.empty();
}

std::string inline_text(const Value& value) {
  switch (value.type) {
    case Value::Type::null: return "null";
    case Value::Type::scalar: return scalar_text(value.text, value.quoted);
    case Value::Type::sequence: return "[]";
    case Value::Type::mapping: return "{}";
  }
  return {};
}

/// Append the block; its first line is not indented where it follows "- ".
void write_block(const Value& value, std::size_t indent, bool after_dash, std::string& out) {
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0 || !after_dash) out.append(indent, ' ');
    const Value& item = value.items[i];
    const bool in_mapping = value.type == Value::Type::mapping;
    out += in_mapping ? scalar_text(value.keys[i], false) + ':' : "-";
    if (is_inline(item)) {
      out += ' ' + inline_text(item) + '\n';
    } else {
      out += in_mapping ? '\n' : ' ';
      write_block(item, indent + 2, !in_mapping, out);
    }
  }
}

}  // namespace

std::string to_yaml(const Value& value) {
  if (is_inline(value)) return inline_text(value) + '\n';
  std::string out;
  write_block(value, 0, false, out);
  return out;
}

}  // namespace rehearse
