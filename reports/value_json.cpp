#include "reports/value_json.hpp"

#include <nlohmann/json.hpp>

#include "reports/yaml_scalar.hpp"

namespace rehearse {
namespace {

using Json = nlohmann::ordered_json;

Json scalar_json(const Value& value) {
  if (value.quoted) return value.text;
  return std::visit([](const auto& v) -> Json { return v; }, typed_scalar(value.text));
}

}  // namespace

nlohmann::ordered_json value_json(const Value& value) {
  if (value.type == Value::Type::null) return nullptr;
  if (value.type == Value::Type::scalar) return scalar_json(value);
  if (value.type == Value::Type::sequence) {
    Json array = Json::array();
    for (const Value& item : value.items) array.push_back(value_json(item));
    return array;
  }
  Json object = Json::object();
  for (std::size_t i = 0; i < value.keys.size(); ++i) object[value.keys[i]] = value_json(value.items[i]);
  return object;
}

}  // namespace rehearse
