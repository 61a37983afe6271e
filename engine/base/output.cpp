#include "engine/base/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "engine/base/error.hpp"

namespace rehearse {
namespace {

namespace fs = std::filesystem;
using Write = std::function<void(std::ostream&)>;

[[noreturn]] void fail(const std::string& file, const std::string& reason) {
  throw InputError("cannot write '" + file + "': " + reason);
}

/// The reason that errno holds, if it holds one.
std::string reason_of(int error) { return error == 0 ? "output error" : std::strerror(error); }

void write_standard_output(const Write& write) {
  errno = 0;
  write(std::cout);
  if (!std::cout.flush()) fail("standard output", reason_of(errno));
}

/// To what is no regular file: a device, a pipe.
void write_directly(const std::string& file, const Write& write) {
  errno = 0;
  std::ofstream out(file, std::ios::binary);
  if (!out) fail(file, reason_of(errno));
  write(out);
  if (!out.flush()) fail(file, reason_of(errno));
}

/// A new file beside the target; gone with this object unless it was renamed into place.
class AsideFile {
 public:
  AsideFile(fs::path target, const std::string& shown) : target_(std::move(target)), shown_(shown) {
    std::random_device random;
    for (int attempt = 0; attempt < 100; ++attempt) {
      path_ = target_;
      path_ += "." + std::to_string(::getpid()) + "." + std::to_string(random()) + ".tmp";
      const int descriptor = ::open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
      if (descriptor >= 0) {
        ::close(descriptor);
        return;
      }
      if (errno != EEXIST) break;
    }
    fail(shown_, reason_of(errno));
  }
  ~AsideFile() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  AsideFile(const AsideFile&) = delete;
  AsideFile& operator=(const AsideFile&) = delete;

  void fill(const Write& write) {
    errno = 0;
    std::ofstream out(path_, std::ios::binary);
    if (!out) fail(shown_, reason_of(errno));
    write(out);
    out.close();
    if (!out) fail(shown_, reason_of(errno));
  }

  void move_into_place() {
    std::error_code error;
    if (const fs::file_status old = fs::status(target_, error); fs::exists(old))
      fs::permissions(path_, old.permissions(), error);  // best effort: the content matters more
    fs::rename(path_, target_, error);
    if (error) fail(shown_, error.message());
    renamed_ = true;
  }

 private:
  fs::path target_, path_;
  std::string shown_;
  bool renamed_ = false;
};

/// Through symbolic links to the file itself, so that a link stays one.
fs::path real_target(const fs::path& file) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(file, error);
  return error ? file : real;
}

/// What is no regular file is written as it is: a device, a pipe.
bool is_special(const fs::path& target) {
  std::error_code error;
  const fs::file_status status = fs::status(target, error);
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

void write_output(const std::string& file, const Write& write) {
  if (file == "-") return write_standard_output(write);
  check_writable(file);
  const fs::path target = real_target(file);
  if (is_special(target)) return write_directly(file, write);
  AsideFile aside(target, file);
  aside.fill(write);
  aside.move_into_place();
}

}  // namespace rehearse
