// Reader: the cursor, and the record of what was asked for and what is wrong.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "engine/base/document.hpp"
#include "engine/base/table.hpp"

namespace rehearse {

/// What all readers of one document share. Values are told apart by their addresses, which do not change.
struct Reader::Record {
  Value root;
  std::string what;
  std::unordered_map<const Value*, std::unique_ptr<Value>> absent;  ///< empty mappings for children that are not there
  std::vector<Fault> faults;
  std::unordered_map<const Value*, std::vector<std::string>> asked;  ///< of a mapping: its keys somebody asked for
  std::unordered_set<const Value*> read;                             ///< with everything below
  std::unordered_set<const Value*> muted;  ///< already reported as a whole: faults below would only repeat it

  void ask(const Value* mapping, std::string_view key) {
    std::vector<std::string>& keys = asked[mapping];
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.emplace_back(key);
  }
  /// An empty mapping that stands for a child which is not there; its faults point at `place`.
  const Value* add_absent(const Value& place) {
    auto value = std::make_unique<Value>();
    value->type = Value::Type::mapping;
    value->file = place.file;
    value->line = place.line;
    const Value* const at = value.get();
    absent.emplace(at, std::move(value));
    return at;
  }
  void find_unread(const Value& value, const std::string& path, std::vector<Fault>& out) const;
  [[nodiscard]] Fault unread(const Value& value, const std::string& path, const std::string& key,
                             const std::vector<std::string>& expected) const;
};

namespace {

std::string join(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string item_path(const std::string& path, std::size_t at) { return join(path, fmt::to_string(at)); }

}  // namespace

Fault Reader::Record::unread(const Value& value, const std::string& path, const std::string& key,
                             const std::vector<std::string>& expected) const {
  std::string message = "unknown key";
  if (const std::string nearest = nearest_name(key, expected); !nearest.empty())
    message += fmt::format("; did you mean '{}'?", nearest);
  else if (!expected.empty())
    message += ";";
  if (!expected.empty()) message += fmt::format(" the {} takes here: {}", what, fmt::join(expected, ", "));
  return {value.file, value.line, path, std::move(message)};
}

/// One fault for each key that nobody asked for; what is below such a key goes with it.
void Reader::Record::find_unread(const Value& value, const std::string& path, std::vector<Fault>& out) const {
  if (read.contains(&value) || muted.contains(&value)) return;
  static const std::vector<std::string> none;
  const auto found = asked.find(&value);
  const std::vector<std::string>& expected = found == asked.end() ? none : found->second;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const Value& item = value.items[i];
    if (value.type == Value::Type::sequence) {
      find_unread(item, item_path(path, i), out);
    } else if (std::find(expected.begin(), expected.end(), value.keys[i]) != expected.end()) {
      find_unread(item, join(path, value.keys[i]), out);
    } else {
      out.push_back(unread(item, join(path, value.keys[i]), value.keys[i], expected));
    }
  }
}

Reader::Reader(Value root, std::string what) : record_(std::make_shared<Record>()) {
  record_->root = std::move(root);
  record_->what = std::move(what);
  value_ = &record_->root;
}

Reader::Reader(std::shared_ptr<Record> record, const Value* value, std::string path)
    : record_(std::move(record)), value_(value), path_(std::move(path)) {}

bool Reader::has(std::string_view key) const {
  const Value* found = is_mapping() ? value_->find(key) : nullptr;
  return found != nullptr && found->type != Value::Type::null;
}

/// Null counts as a mapping without keys: "plan:" with nothing behind it, an empty file.
bool Reader::is_mapping() const { return value_->type == Value::Type::mapping || value_->type == Value::Type::null; }
bool Reader::is_sequence() const { return value_->type == Value::Type::sequence; }
bool Reader::is_scalar() const { return value_->type == Value::Type::scalar; }
std::vector<std::string> Reader::keys() const { return value_->keys; }
bool Reader::any_fault() const { return !record_->faults.empty(); }
void Reader::mark_read() { record_->read.insert(value_); }

/// The value at `key`, or nothing where it is absent or null. From now on the key is a known one.
const Value* Reader::use(std::string_view key) {
  if (!is_mapping()) {
    fault(fmt::format("expected a mapping with the key '{}', found {}", key,
                      is_sequence() ? "a list" : fmt::format("'{}'", value_->text)));
    record_->muted.insert(value_);
    return nullptr;
  }
  record_->ask(value_, key);
  return has(key) ? value_->find(key) : nullptr;
}

Reader Reader::child(std::string_view key, bool required) {
  const std::string path = join(path_, key);
  if (const Value* found = use(key); found != nullptr) return {record_, found, path};
  if (required) fault(key, "missing; expected a value");
  const Value* null_value = value_->find(key);
  const Value* absent = record_->add_absent(null_value != nullptr ? *null_value : *value_);
  if (required || record_->muted.contains(value_)) record_->muted.insert(absent);
  return {record_, absent, path};
}

std::vector<Reader> Reader::items() {
  std::vector<Reader> out;
  if (is_sequence()) {
    for (std::size_t i = 0; i < value_->items.size(); ++i)
      out.push_back({record_, &value_->items[i], item_path(path_, i)});
  } else if (!record_->absent.contains(value_)) {
    fault(fmt::format("expected a list, found {}",
                      is_scalar() ? fmt::format("'{}'", value_->text)
                                  : std::string(value_->type == Value::Type::null ? "nothing" : "a mapping")));
    record_->muted.insert(value_);
  }
  return out;
}

void Reader::fault(std::string message) {
  if (record_->muted.contains(value_)) return;
  record_->faults.push_back({value_->file, value_->line, path_, std::move(message)});
}

void Reader::fault(std::string_view key, std::string message) {
  if (record_->muted.contains(value_)) return;
  const Value* at = value_->find(key);
  if (at != nullptr) record_->ask(value_, key);
  if (at == nullptr) at = value_;
  if (record_->muted.contains(at)) return;
  record_->faults.push_back({at->file, at->line, join(path_, key), std::move(message)});
}

void Reader::finish() {
  std::vector<Fault> faults = record_->faults;
  record_->find_unread(record_->root, {}, faults);
  if (faults.empty()) return;
  std::stable_sort(faults.begin(), faults.end(),
                   [](const Fault& a, const Fault& b) { return std::tie(a.file, a.line) < std::tie(b.file, b.line); });
  const auto same = [](const Fault& a, const Fault& b) {
    return std::tie(a.file, a.line, a.key_path, a.message) == std::tie(b.file, b.line, b.key_path, b.message);
  };
  faults.erase(std::unique(faults.begin(), faults.end(), same), faults.end());
  throw InputError(std::move(faults));
}

}  // namespace rehearse
