#include "engine/base/packed.hpp"

#include <charconv>
#include <stdexcept>
#include <system_error>

namespace rehearse {

Packer& Packer::add(std::int64_t number) {
  bytes_ += std::to_string(number);
  bytes_ += ' ';
  return *this;
}

Packer& Packer::add(std::string_view text) {
  add(static_cast<std::int64_t>(text.size()));
  bytes_ += text;
  return *this;
}

Packer& Packer::add(const Value& value) {
  add(static_cast<std::int64_t>(value.type)).add(value.text).add(value.quoted ? 1 : 0);
  add(value.file).add(value.line).add(static_cast<std::int64_t>(value.items.size()));
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (value.type == Value::Type::mapping) add(value.keys[i]);
    add(value.items[i]);
  }
  return *this;
}

std::int64_t Unpacker::number() {
  std::int64_t out = 0;
  const auto result = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
  const auto digits = static_cast<std::size_t>(result.ptr - rest_.data());
  if (result.ec != std::errc{} || digits >= rest_.size() || rest_[digits] != ' ')
    throw std::logic_error("packed bytes: expected a number");
  rest_.remove_prefix(digits + 1);
  return out;
}

std::string Unpacker::text() {
  const std::int64_t size = number();
  if (size < 0 || static_cast<std::size_t>(size) > rest_.size())
    throw std::logic_error("packed bytes: a text is cut off");
  std::string out(rest_.substr(0, static_cast<std::size_t>(size)));
  rest_.remove_prefix(out.size());
  return out;
}

Value Unpacker::value() {
  Value out;
  out.type = static_cast<Value::Type>(number());
  out.text = text();
  out.quoted = number() != 0;
  out.file = text();
  out.line = static_cast<int>(number());
  for (std::int64_t items = number(); items > 0; --items) {
    if (out.type == Value::Type::mapping) out.keys.push_back(text());
    out.items.push_back(value());
  }
  return out;
}

}  // namespace rehearse
