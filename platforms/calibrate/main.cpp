// rehearse-calibrate: measures the GPU of this machine and writes a device profile. Needs the CUDA Toolkit alone.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <stdexcept>

#include "engine/base/error.hpp"
#include "engine/base/output.hpp"
#include "platforms/calibrate/cuda/cuda_bench.hpp"
#include "platforms/calibrate/listing.hpp"
#include "platforms/calibrate/options.hpp"
#include "platforms/calibrate/progress_bar.hpp"
#include "platforms/calibrate/text.hpp"

namespace rehearse {
namespace {

enum class Exit : int { done = 0, fault = 1, bad_input = 2 };

Exit complain(Exit status, std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  std::cerr << "rehearse-calibrate: " << text << '\n';
  return status;
}

Exit show_checks() {
  bool passed = true;
  for (const Check& check : make_cuda_bench()->check()) {
    std::cout << (check.passed() ? "ok    " : "WRONG ") << padded(check.name, 40) << "  error " << check.error
              << ", at most " << check.tolerance << "\n";
    passed = passed && check.passed();
  }
  return passed ? Exit::done : complain(Exit::fault, "a kernel computes wrong results here");
}

/// What was measured is written even where a fault ended the measurement; then that is thrown.
void write_profile(Bench& bench, const Options& options, const std::string& file) {
  Calibration result = calibrate(bench, options.calibration, ProgressBar(std::cerr, terminal_width()));
  if (file != "-") result.device.name = std::filesystem::path(file).stem().string();
  write_output(file, [&](std::ostream& out) { write_device(out, result.device); });
  write_summary(std::cerr, result.device);
  for (const std::string& note : result.notes) std::cerr << "note: " << note << "\n";
  std::cerr << "wrote " << (file == "-" ? "the profile" : file) << ": " << grouped(measured_points(result.device))
            << " measured times of " << bench.machine().name << "\n";
  if (!result.fault.empty()) throw std::runtime_error("the measurement ended early: " + result.fault);
}

void write_layers(Bench& bench, const std::string& file) {
  const std::string table = time_layers(bench, ProgressBar(std::cerr, terminal_width()));
  write_output(file, [&](std::ostream& out) { out << table; });
  std::cerr << "wrote " << (file == "-" ? "the layers" : file) << "\n";
}

Exit measure(const Options& options) {
  for (const std::string& file : {options.output, options.layers})
    if (!file.empty()) check_writable(file);  // before a GPU is looked for
  const std::unique_ptr<Bench> bench = make_cuda_bench();
  const std::string file = options.output.empty() ? slug(bench->machine().name) + ".yaml" : options.output;
  if (options.profile) {
    check_writable(file);
    write_profile(*bench, options, file);
  }
  if (!options.layers.empty()) write_layers(*bench, options.layers);
  return Exit::done;
}

Exit act(const Options& options) {
  switch (options.action) {
    case Action::help: std::cout << help_text(); return Exit::done;
    case Action::list_cases: list_cases(std::cout, options.calibration); return Exit::done;
    case Action::check: return show_checks();
    case Action::calibrate: return measure(options);
  }
  return Exit::fault;
}

Exit run(int argc, const char* const* argv) {
  try {
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    return act(parse_options(arguments));
  } catch (const UsageError& error) {
    return complain(Exit::bad_input, error.what());
  } catch (const InputError& error) {
    return complain(Exit::bad_input, error.what());
  } catch (const std::exception& error) {  // no GPU, or a fault of it
    return complain(Exit::fault, error.what());
  }
}

}  // namespace
}  // namespace rehearse

int main(int argc, char** argv) { return static_cast<int>(rehearse::run(argc, argv)); }
