#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/base/document.hpp"

namespace rehearse {

const Value* Value::find(std::string_view key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &items[static_cast<std::size_t>(found - keys.begin())];
}

Value& Value::operator[](const std::string& key) {
  if (type == Type::null) type = Type::mapping;
  if (type != Type::mapping) throw std::logic_error("Value: a key of what is no mapping: " + key);
  if (const Value* found = std::as_const(*this).find(key); found != nullptr)
    return items[static_cast<std::size_t>(found - items.data())];
  keys.push_back(key);
  Value& made = items.emplace_back();
  made.file = file;
  made.line = line;
  return made;
}

Value overlay(Value base, const Value& over) {
  if (base.type != Value::Type::mapping || over.type != Value::Type::mapping) return over;
  base.file = over.file;
  base.line = over.line;
  for (std::size_t i = 0; i < over.keys.size(); ++i) {
    Value& under = base[over.keys[i]];
    under = overlay(std::move(under), over.items[i]);
  }
  return base;
}

Value scalar_value(std::string text) {
  Value value;
  value.type = Value::Type::scalar;
  value.text = std::move(text);
  return value;
}

Value scalar_value(std::int64_t number) { return scalar_value(std::to_string(number)); }
Value scalar_value(bool flag) { return scalar_value(std::string(flag ? "true" : "false")); }

}  // namespace rehearse
