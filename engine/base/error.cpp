#include "engine/base/error.hpp"

namespace rehearse {

std::string Fault::to_string() const {
  std::string out = file;
  if (line > 0) out += (out.empty() ? "line " : ":") + std::to_string(line);
  if (!out.empty()) out += ": ";
  if (!key_path.empty()) out += key_path + ": ";
  return out + message;
}

InputError::InputError(std::vector<Fault> faults) : faults_(std::move(faults)) {
  if (faults_.empty()) faults_.push_back({{}, 0, {}, "bad input"});
  for (const Fault& fault : faults_) {
    if (!text_.empty()) text_ += '\n';
    text_ += fault.to_string();
  }
}

void add_faults(std::vector<Fault>& faults, const InputError& error) {
  faults.insert(faults.end(), error.faults().begin(), error.faults().end());
}

}  // namespace rehearse
