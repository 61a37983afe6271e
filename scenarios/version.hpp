#pragma once

#include <string_view>

namespace rehearse {

/// Of this program: "0.1.0".
std::string_view version();

}  // namespace rehearse
