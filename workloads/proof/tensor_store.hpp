// TensorStore: the tensors of one rank that passes keep, each from where the program makes it to where it lets it go.
// Private to workloads/proof.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "workloads/proof/tensors.hpp"

namespace rehearse {

/// A block of memory of a pass (MemoryStep).
struct BlockKey {
  std::int32_t micro_batch = -1, chunk = -1;
  std::int16_t layer = -1;
  std::string name;
  auto operator<=>(const BlockKey&) const = default;
};
std::string to_string(const BlockKey& key);

class TensorStore {
 public:
  /// ProofFault where it is there already, or is not there.
  void make(const BlockKey& key);
  void unmake(const BlockKey& key);
  [[nodiscard]] bool is_alive(const BlockKey& key) const { return blocks_.contains(key); }
  /// Null: not alive, or nothing was written.
  [[nodiscard]] const Matrix* find(const BlockKey& key) const;
  void write(const BlockKey& key, Matrix value);
  [[nodiscard]] const std::map<BlockKey, std::optional<Matrix>>& blocks() const { return blocks_; }

 private:
  std::map<BlockKey, std::optional<Matrix>> blocks_;  // none: not written
};

}  // namespace rehearse
