// Errors for users: what is wrong, where it stands, what was expected; many are reported together.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace rehearse {

/// One thing wrong with the input.
struct Fault {
  std::string file;      ///< file name, or what stands for it ("--set KEY=VALUE"); may be empty
  int line = 0;          ///< 1-based; 0 where there is no line
  std::string key_path;  ///< dotted, "plan.tensor"; may be empty
  std::string message;   ///< what was found and what was expected

  /// "file:line: key.path: message", leaving out what is empty.
  [[nodiscard]] std::string to_string() const;
};

/// Bad usage or bad input (exit status 2). Holds at least one fault.
class InputError : public std::exception {
 public:
  explicit InputError(std::vector<Fault> faults);
  explicit InputError(std::string message) : InputError(std::vector<Fault>{Fault{{}, 0, {}, std::move(message)}}) {}
  [[nodiscard]] const std::vector<Fault>& faults() const { return faults_; }
  /// All faults, a line each.
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::vector<Fault> faults_;
  std::string text_;
};

/// Adds the error's faults to those that are to be thrown together.
void add_faults(std::vector<Fault>& faults, const InputError& error);

}  // namespace rehearse
