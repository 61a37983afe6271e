// YAML text to a tree of Values, from yaml-cpp's events.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <cerrno>
#include <cstdio>
#include <sstream>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "engine/base/document.hpp"

namespace rehearse {
namespace {

constexpr std::size_t most_values = 1'000'000;  ///< aliases of aliases grow without bound
constexpr std::string_view core_tags = "tag:yaml.org,2002:";

/// Builds the tree. Each open collection is a Frame; a key waits in its frame for its value.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& file) : file_(file) { root_.file = file; }
  Value take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail(line_of(mark), "a second document, or text after the first; expected one document");
    root_.line = line_of(mark);
  }
  void OnDocumentEnd() override {
    if (!bad_keys_.empty()) throw InputError(bad_keys_);
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(blank(mark), anchor, false); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(line_of(mark), "an alias inside the value that it stands for");
    Value copy = found->second.value;
    if (awaits_key()) copy.line = line_of(mark);
    count(found->second.size, copy.line);
    place(std::move(copy), false, found->second.size);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    check_tag(mark, tag);
    Value value = blank(mark);
    value.type = Value::Type::scalar;
    value.text = text;
    value.quoted = tag == "!" || tag == std::string(core_tags) + "str";
    const bool merges = !value.quoted && text == "<<";
    leaf(std::move(value), anchor, merges);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Value::Type::sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Value::Type::mapping);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor = 0;
    std::size_t size = 1;  ///< values below it and itself
    bool has_key = false;
    bool key_is_merge = false;
    std::string key;
    int key_line = 0;
    std::vector<Value> merged;  ///< what stood at "<<"
  };
  struct Anchored {
    Value value;
    std::size_t size = 1;
  };

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }
  [[noreturn]] void fail(int line, std::string message) const {
    throw InputError({Fault{file_, line, key_path(), std::move(message)}});
  }
  [[nodiscard]] std::string key_path() const;
  [[nodiscard]] bool awaits_key() const {
    return !frames_.empty() && frames_.back().value.type == Value::Type::mapping && !frames_.back().has_key;
  }
  [[nodiscard]] Value blank(const YAML::Mark& mark) const {
    Value value;
    value.file = file_;
    value.line = line_of(mark);
    return value;
  }
  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with(core_tags)) return;
    fail(line_of(mark), fmt::format("the tag '{}'; expected a plain value", tag));
  }
  void count(std::size_t more, int line) {
    values_ += more;
    if (values_ > most_values) fail(line, fmt::format("more than {} values", most_values));
  }
  void leaf(Value value, YAML::anchor_t anchor, bool is_merge) {
    count(1, value.line);
    if (anchor != 0) anchors_[anchor] = {value, 1};
    place(std::move(value), is_merge, 1);
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Value::Type type) {
    check_tag(mark, tag);
    Frame frame;
    frame.value = blank(mark);
    frame.value.type = type;
    frame.anchor = anchor;
    count(1, frame.value.line);
    frames_.push_back(std::move(frame));
  }
  void close();
  void place(Value value, bool is_merge, std::size_t size);
  void place_key(Frame& frame, const Value& key, bool is_merge);
  void collect_merged(Frame& frame, Value value) const;

  std::string file_;
  Value root_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::vector<Fault> bad_keys_;  ///< thrown at the end: an unclosed bracket looks like one until then
  std::size_t values_ = 0;
  int documents_ = 0;
};

std::string TreeBuilder::key_path() const {
  std::string path;
  for (const Frame& frame : frames_) {
    const bool sequence = frame.value.type == Value::Type::sequence;
    if (sequence || frame.has_key)
      path += (path.empty() ? "" : ".") + (sequence ? fmt::to_string(frame.value.items.size()) : frame.key);
  }
  return path;
}

/// The collection is whole: lay in what it merges, remember it for aliases, hand it to the one that holds it.
void TreeBuilder::close() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  for (Value& from : frame.merged)
    for (std::size_t i = 0; i < from.keys.size(); ++i)
      if (frame.value.find(from.keys[i]) == nullptr) frame.value[from.keys[i]] = std::move(from.items[i]);
  if (frame.anchor != 0) anchors_[frame.anchor] = {frame.value, frame.size};
  place(std::move(frame.value), false, frame.size);
}

void TreeBuilder::place(Value value, bool is_merge, std::size_t size) {
  if (frames_.empty()) {
    root_ = std::move(value);
    return;
  }
  Frame& frame = frames_.back();
  if (awaits_key()) {
    place_key(frame, value, is_merge);
    return;
  }
  frame.size += size;
  if (frame.value.type == Value::Type::sequence) {
    frame.value.items.push_back(std::move(value));
    return;
  }
  if (frame.key_is_merge) {
    collect_merged(frame, std::move(value));
  } else {
    value.line = frame.key_line;  // of a collection, the line of its key says more than that of its first item
    frame.value[frame.key] = std::move(value);
  }
  frame.has_key = false;
}

void TreeBuilder::place_key(Frame& frame, const Value& key, bool is_merge) {
  if (key.type != Value::Type::scalar) bad_keys_.push_back({file_, key.line, key_path(), "a key must be a scalar"});
  if (key.type == Value::Type::scalar && frame.value.find(key.text) != nullptr) {
    const std::string above = key_path();
    throw InputError({Fault{file_, key.line, above + (above.empty() ? "" : ".") + key.text,
                            fmt::format("this key stands twice; first in line {}", frame.value.find(key.text)->line)}});
  }
  frame.key = key.text;
  frame.key_line = key.line;
  frame.key_is_merge = is_merge;
  frame.has_key = true;
}

void TreeBuilder::collect_merged(Frame& frame, Value value) const {
  const bool is_list = value.type == Value::Type::sequence;
  std::vector<Value> sources = is_list ? std::move(value.items) : std::vector<Value>{std::move(value)};
  for (Value& source : sources) {
    if (source.type != Value::Type::mapping)
      fail(frame.key_line, "expected a mapping, or a list of mappings, to merge");
    frame.merged.push_back(std::move(source));
  }
}

std::string read_file(const std::filesystem::path& path) {
  const auto fail = [&path](int reason) {
    throw InputError({Fault{path.string(), 0, {}, "cannot read: " + std::generic_category().message(reason)}});
  };
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (!file) fail(errno);
  std::string text;
  char block[4096];
  std::size_t got = 0;
  errno = 0;
  while ((got = std::fread(block, 1, sizeof block, file.get())) > 0) text.append(block, got);
  if (std::ferror(file.get()) != 0) fail(errno);
  return text;
}

}  // namespace

Value parse_yaml(std::string_view text, const std::string& file) {
  TreeBuilder builder(file);
  try {
    // yaml-cpp misses a quote that is never closed, unless more than an end of line follows it.
    std::istringstream stream{std::string(text) + (text.ends_with('\n') ? "#" : "\n#")};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    const bool has_place = !error.mark.is_null();
    throw InputError({Fault{file,
                            has_place ? error.mark.line + 1 : 0,
                            {},
                            has_place ? fmt::format("not YAML: {} (column {})", error.msg, error.mark.column + 1)
                                      : fmt::format("not YAML: {}", error.msg)}});
  }
  return builder.take();
}

Value load_yaml(const std::filesystem::path& path) { return parse_yaml(read_file(path), path.string()); }

}  // namespace rehearse
