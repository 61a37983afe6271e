// A YAML tree as JSON. Private to reports.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/base/document.hpp"

namespace rehearse {

/// Plain scalars by the core schema (see yaml_scalar.hpp); quoted ones are text.
nlohmann::ordered_json value_json(const Value& value);

}  // namespace rehearse
