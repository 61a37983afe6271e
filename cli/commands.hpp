// The commands of the program, one file each: each adds its subcommand to the parser.
#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace rehearse {

/// The program's exit status.
enum class Exit : int { done = 0, fault = 1, bad_input = 2, plan_cannot_run = 3 };

/// Each registers its options and a callback that sets `status`; errors are thrown.
void add_run_command(CLI::App& app, Exit& status);
void add_collective_command(CLI::App& app, Exit& status);
void add_sweep_command(CLI::App& app, Exit& status);
void add_topology_command(CLI::App& app, Exit& status);
void add_validate_command(CLI::App& app, Exit& status);
void add_list_command(CLI::App& app, Exit& status);
void add_calibrate_command(CLI::App& app, Exit& status);

/// The whole program, without main: parses, runs, reports errors on standard error.
int run_program(int argc, const char* const* argv);

}  // namespace rehearse
