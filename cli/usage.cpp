#include "cli/usage.hpp"

#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "engine/base/table.hpp"

namespace rehearse {

namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

/// The first argument that looks like an option and is none; empty: there is none.
std::string unknown_option(const CLI::App& command, int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--") break;
    std::string name(argument.substr(0, argument.find('=')));
    if (name.size() > 1 && name[0] == '-' && command.get_option_no_throw(name) == nullptr) return name;
  }
  return {};
}

}  // namespace

std::string explain_usage(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv) {
  const auto parsed = app.get_subcommands();
  if (parsed.empty() && argc > 1 && argv[1][0] != '-')
    return unknown_name("command", argv[1], command_names(app)) + " (see rehearse --help)";
  const CLI::App& command = parsed.empty() ? app : *parsed.front();
  const std::string help = parsed.empty() ? "rehearse --help" : fmt::format("rehearse {} --help", command.get_name());
  const bool extras = parsed.empty() || error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
  if (const std::string option = unknown_option(command, argc, argv); extras && !option.empty())
    return unknown_name("option", option, option_names(command)) + fmt::format(" (see {})", help);
  return fmt::format("{} (see {})", error.what(), help);
}

}  // namespace rehearse
