#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "engine/base/error.hpp"
#include "scenarios/version.hpp"

namespace rehearse {

namespace {

int complain(Exit status, const std::string& text) {
  fmt::print(stderr, "rehearse: {}\n", text);
  return static_cast<int>(status);
}

/// One fault a line, each with its place.
int complain(const InputError& error) {
  for (const Fault& fault : error.faults()) fmt::print(stderr, "rehearse: {}\n", fault.to_string());
  return static_cast<int>(Exit::bad_input);
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  CLI::App app("A dress rehearsal for training clusters: how long an iteration takes, where the time goes, whether it "
               "fits in memory.", "rehearse");
  app.set_version_flag("--version", std::string(version()));
  app.require_subcommand(1);
  Exit status = Exit::done;
  add_run_command(app, status);
  add_list_command(app, status);
  try {
    app.parse(argc, argv);
    return static_cast<int>(status);
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return complain(Exit::bad_input, std::string(e.what()) + " (see rehearse --help)");
  } catch (const InputError& e) {
    return complain(e);
  } catch (const std::exception& e) {
    return complain(Exit::fault, std::string("a fault of the program: ") + e.what());
  }
}

}  // namespace rehearse
