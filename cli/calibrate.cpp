// rehearse calibrate: hands over to the program rehearse-calibrate, so that this one needs none of CUDA's libraries.
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "platforms/catalogue.hpp"

namespace rehearse {

namespace {

constexpr const char* name = "rehearse-calibrate";

/// Does not come back, unless it fails.
void hand_over(const std::filesystem::path& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), name);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
}

Exit calibrate(const std::vector<std::string>& arguments) {
  const std::filesystem::path program = program_folder() / name;
  hand_over(program, arguments);
  const int error = errno;
  const auto asked = [&](const char* option) { return std::ranges::find(arguments, option) != arguments.end(); };
  if (asked("--help") || asked("-h")) {
    fmt::print(
        "Measures the GPU of this machine and writes a device profile (docs/calibrate.md).\n"
        "Usage: rehearse calibrate [-o DEVICE.yaml] [OPTIONS]\n\n"
        "All options go to the program {}, which this build does not have: it was built without the CUDA Toolkit.\n",
        name);
    return Exit::done;
  }
  if (error == ENOENT)
    fmt::print(stderr,
               "rehearse: this build has no calibrator: it was built without the CUDA Toolkit; build {} on the machine "
               "with the GPU: see docs/calibrate.md\n",
               name);
  else
    fmt::print(stderr, "rehearse: cannot start '{}': {}\n", program.string(), std::strerror(error));
  return Exit::fault;
}

}  // namespace

void add_calibrate_command(CLI::App& app, Exit& status) {
  CLI::App* command = app.add_subcommand("calibrate", "measure the GPU of this machine and write its device profile");
  command->set_help_flag();  // --help goes on too
  command->prefix_command();
  command->callback([command, &status] { status = calibrate(command->remaining()); });
}

}  // namespace rehearse
