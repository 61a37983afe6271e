#include "engine/base/names.hpp"

namespace rehearse {

NamePool& NamePool::operator=(const NamePool& other) {
  if (this == &other) return *this;
  ids_.clear();  // its keys point into texts_
  texts_.clear();
  for (const std::string& text : other.texts_) intern(text);
  return *this;
}

NameId NamePool::intern(std::string_view text) {
  if (const auto found = ids_.find(text); found != ids_.end()) return found->second;
  const auto id = static_cast<NameId>(texts_.size());
  ids_.emplace(texts_.emplace_back(text), id);
  return id;
}

}  // namespace rehearse
