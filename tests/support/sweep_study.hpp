// A study of `rehearse sweep` in a file, gone at the end.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "scenarios/sweep.hpp"

namespace rehearse::testing {

class StudyFile {
 public:
  explicit StudyFile(const std::string& text) {
    std::string folder = (std::filesystem::temp_directory_path() / "rehearse-sweep-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make a folder");
    folder_ = folder;
    std::ofstream(path()) << text;
  }
  ~StudyFile() {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }
  StudyFile(const StudyFile&) = delete;
  StudyFile& operator=(const StudyFile&) = delete;

  [[nodiscard]] std::string path() const { return folder_ / "study.yaml"; }
  [[nodiscard]] std::filesystem::path folder() const { return folder_; }
  [[nodiscard]] Sweep load(const SweepOptions& options = {}) const { return load_sweep(path(), options); }

 private:
  std::filesystem::path folder_;
};

}  // namespace rehearse::testing
