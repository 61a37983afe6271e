#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/usage.hpp"
#include "engine/base/error.hpp"
#include "engine/conditions.hpp"
#include "scenarios/version.hpp"

namespace rehearse {

namespace {

/// A file may hold anything, and so may a message that quotes it: no control characters for the terminal.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

int complain(Exit status, const std::string& text) {
  fmt::print(stderr, "rehearse: {}\n", printable(text));
  return static_cast<int>(status);
}

/// One fault a line, each with its place.
int complain(const InputError& error) {
  for (const Fault& fault : error.faults()) fmt::print(stderr, "rehearse: {}\n", printable(fault.to_string()));
  return static_cast<int>(Exit::bad_input);
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  CLI::App app(
      "A dress rehearsal for training clusters: how long an iteration takes, where the time goes, whether it "
      "fits in memory.",
      "rehearse");
  app.set_version_flag("--version", std::string(version()));
  app.require_subcommand(1);
  Exit status = Exit::done;
  add_run_command(app, status);
  add_collective_command(app, status);
  add_sweep_command(app, status);
  add_topology_command(app, status);
  add_validate_command(app, status);
  add_list_command(app, status);
  add_calibrate_command(app, status);
  try {
    app.parse(argc, argv);
    return static_cast<int>(status);
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return complain(Exit::bad_input, explain_usage(app, e, argc, argv));
  } catch (const InputError& e) {
    return complain(e);
  } catch (const CutOff& cut) {
    return complain(Exit::plan_cannot_run, std::string("cut off: ") + cut.what());
  } catch (const std::bad_alloc&) {
    return complain(Exit::fault, "this machine has not enough memory for the simulation");
  } catch (const std::exception& e) {
    return complain(Exit::fault, std::string("a fault of the program: ") + e.what());
  }
}

}  // namespace rehearse
