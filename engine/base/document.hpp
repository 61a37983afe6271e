// The YAML reader: a tree of values that know their file and line, read through a cursor that
// collects every fault and remembers which keys were read, so that an unread key is an error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/units.hpp"

namespace rehearse {

/// One value of a YAML tree: null, a scalar's text, a sequence, or a mapping in file order.
struct Value {
  enum class Type : std::uint8_t { null, scalar, sequence, mapping };
  Type type = Type::null;
  std::string text;               ///< of a scalar
  bool quoted = false;            ///< a scalar that stood in quotes
  std::vector<Value> items;       ///< of a sequence, or the values of a mapping
  std::vector<std::string> keys;  ///< of a mapping, one for each item
  std::string file;
  int line = 0;  ///< 1-based; in a mapping, that of the key; 0 if unknown

  [[nodiscard]] const Value* find(std::string_view key) const;
  Value& operator[](const std::string& key);  ///< of a mapping (a null becomes one): the item, made if absent
};

/// A scalar as it would stand in a file: for trees that are written, not read.
Value scalar_value(std::string text);
Value scalar_value(std::int64_t number);
Value scalar_value(bool flag);

/// Read a file or a text. Throws InputError: unreadable, not YAML (with line and column), a key that stands twice.
Value load_yaml(const std::filesystem::path& path);
Value parse_yaml(std::string_view text, const std::string& file);

/// `over` laid over `base`: mappings merge key by key, anything else replaces. Each leaf keeps its own file and line.
Value overlay(Value base, const Value& over);

/// A value for a dotted key; the value knows where it stands.
struct Setting {
  std::string key;
  Value value;
};

/// "plan.tensor=4", the value parsed as YAML; its file is "--set plan.tensor=4". Throws InputError on a malformed one.
Setting parse_setting(std::string_view key_equals_value);

/// Puts the value at the key, in the place of what stood there; intermediate mappings are made. A number addresses an
/// item of a sequence. A scalar on the way is replaced by a mapping {base: scalar}, so that `model.layers=4` works on
/// `model: gpt3-175b`. Throws InputError where the key has an empty part or leads nowhere.
void apply_setting(Value& root, const Setting& setting);
void apply_setting(Value& root, std::string_view key_equals_value);

/// The tree as YAML text, in file order.
std::string to_yaml(const Value& value);

/// A cursor on one value of a tree. Reads are by key; a fault is noted and a default value returned, so that one pass
/// finds all faults; `finish()` on the root reader throws them together. Copies share the record of reads and faults.
class Reader {
 public:
  /// `root` is copied; `what` names the document in messages about unread keys ("scenario").
  Reader(Value root, std::string what);

  [[nodiscard]] bool has(std::string_view key) const;  ///< present and not null; does not count as read
  [[nodiscard]] bool is_mapping() const;
  [[nodiscard]] bool is_sequence() const;
  [[nodiscard]] bool is_scalar() const;

  /// The reader of a sub-value; an absent key is a fault if `required`, else an empty mapping.
  Reader child(std::string_view key, bool required = false);
  std::vector<Reader> items();                          ///< of a sequence; a fault where this is none
  [[nodiscard]] std::vector<std::string> keys() const;  ///< of a mapping

  // After a fault a read returns its fallback, else the least value allowed (1 where only positive ones are), else T{}.
  // An explicit null counts as absent. What was once reported as missing or of the wrong type mutes faults below it.

  /// The value at `key` as T: std::string, bool, std::int64_t, double, Seconds, Bytes, BytesPerSecond, Flops,
  /// FlopsPerSecond. The first form faults where the key is absent. std::int64_t takes digits only.
  template <class T>
  T get(std::string_view key);
  template <class T>
  T get(std::string_view key, T fallback);
  /// This value itself (an item of a sequence, say) as T.
  template <class T>
  T as();

  /// As get<std::int64_t> / quantities, with a fault where the value is below `least` (or not above zero).
  std::int64_t get_at_least(std::string_view key, std::int64_t least);
  std::int64_t get_at_least(std::string_view key, std::int64_t least, std::int64_t fallback);
  template <class T>
  T get_positive(std::string_view key);
  template <class T>
  T get_positive(std::string_view key, T fallback);
  /// A string that must be one of `names`; the fault lists them and the nearest.
  std::string get_name(std::string_view key, std::string_view what, const std::vector<std::string>& names);
  std::string get_name(std::string_view key, std::string_view what, const std::vector<std::string>& names,
                       const std::string& fallback);

  void fault(std::string message);                        ///< about this value
  void fault(std::string_view key, std::string message);  ///< about the value at key (or this one where absent)
  [[nodiscard]] bool any_fault() const;

  [[nodiscard]] const Value& value() const { return *value_; }
  [[nodiscard]] const std::string& key_path() const { return path_; }

  /// Count this value and everything below as read (it is passed on to somebody else).
  void mark_read();
  /// Throw InputError with every fault noted so far and one for each key that nobody read (with the nearest key that
  /// somebody asked for at that place).
  void finish();

 private:
  struct Record;
  Reader(std::shared_ptr<Record> record, const Value* value, std::string path);
  const Value* use(std::string_view key);

  std::shared_ptr<Record> record_;
  const Value* value_;
  std::string path_;
};

}  // namespace rehearse
