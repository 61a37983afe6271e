#include "workloads/proof/tensor_store.hpp"

#include <utility>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"

namespace rehearse {

std::string to_string(const BlockKey& key) {
  const std::string layer = key.layer < 0 ? "" : fmt::format(" of layer {}", key.layer);
  return fmt::format("'{}'{}, micro batch {}", key.name, layer, key.micro_batch);
}

void TensorStore::make(const BlockKey& key) {
  if (!blocks_.try_emplace(key).second) throw ProofFault(fmt::format("makes {}, which is there", to_string(key)));
}

void TensorStore::unmake(const BlockKey& key) {
  if (blocks_.erase(key) == 0) throw ProofFault(fmt::format("lets go of {}, which is not there", to_string(key)));
}

const Matrix* TensorStore::find(const BlockKey& key) const {
  const auto found = blocks_.find(key);
  return found == blocks_.end() || !found->second ? nullptr : &*found->second;
}

void TensorStore::write(const BlockKey& key, Matrix value) { blocks_.at(key) = std::move(value); }

}  // namespace rehearse
