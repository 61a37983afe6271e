#include "platforms/calibrate/output.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace rehearse {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& file, const std::string& reason) {
  throw OutputError("cannot write '" + file + "': " + reason);
}

std::string reason_of(int error) { return error == 0 ? "output error" : std::strerror(error); }

/// Through symbolic links to the file itself, so that a link stays one.
fs::path real_target(const std::string& file) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(file, error);
  return error ? fs::path(file) : real;
}

void put(const fs::path& path, const std::string& file, const std::string& text) {
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) fail(file, reason_of(errno));
}

bool is_special(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return fs::exists(status) && !fs::is_regular_file(status);
}

}  // namespace

void check_writable(const std::string& file) {
  if (file == "-") return;
  if (file.empty()) fail(file, "the file name is empty");
  const fs::path target = real_target(file);
  std::error_code error;
  if (fs::is_directory(target, error)) fail(file, "it is a directory");
  if (fs::exists(target, error) && ::access(target.c_str(), W_OK) != 0) fail(file, reason_of(errno));
  if (is_special(target)) return;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, error)) fail(file, "there is no folder '" + folder.string() + "'");
  if (::access(folder.c_str(), W_OK) != 0) fail(file, reason_of(errno));
}

void write_file(const std::string& file, const std::string& text) {
  if (file == "-") {
    if (!(std::cout << text << std::flush)) fail("standard output", reason_of(errno));
    return;
  }
  check_writable(file);
  const fs::path target = real_target(file);
  if (is_special(target)) return put(target, file, text);
  fs::path aside = target;
  aside += "." + std::to_string(::getpid()) + ".tmp";
  std::error_code error;
  try {
    put(aside, file, text);
    fs::rename(aside, target, error);
    if (error) fail(file, error.message());
  } catch (const OutputError&) {
    fs::remove(aside, error);
    throw;
  }
}

}  // namespace rehearse
