// What a person reads about a command line that the parser does not take.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace rehearse {

/// One line: an unknown command or option with the nearest that there is; else what the parser says.
std::string explain_usage(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv);

}  // namespace rehearse
