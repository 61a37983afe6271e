// Reading the text form of a Schedule; schedule_text.cpp shows it.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <istream>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/schedule.hpp"

namespace rehearse {

namespace {

/// One line's words, taken one after another; a wrong one is an InputError with the line.
class Line {
 public:
  Line(const std::string& text, const std::string& file, int number) : in_(text), file_(file), number_(number) {}

  bool word(std::string& out) { return static_cast<bool>(in_ >> out); }
  void expect(const std::string& keyword) {
    std::string found;
    if (!word(found) || found != keyword) fail("expected '" + keyword + "'");
  }
  std::string quoted_text() {
    char c = 0;
    std::string out;
    if (!(in_ >> c) || c != '"') fail("expected a text in quotes");
    while (in_.get(c) && c != '"') {
      if (c == '\\' && in_.get(c) && c == 'n') c = '\n';
      out += c;
    }
    if (!in_) fail("expected a quote at the end of the text");
    return out;
  }
  template <class T>
  T number() {
    std::string text;
    T out{};
    if (!(in_ >> text)) fail("expected a number at the end");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size()) fail("expected a number, found '" + text + "'");
    return out;
  }
  void finish() {
    std::string rest;
    if (word(rest)) fail("expected the end of the line, found '" + rest + "'");
  }
  [[nodiscard]] int line_number() const { return number_; }
  [[noreturn]] void fail(const std::string& message) const { throw InputError({{file_, number_, {}, message}}); }

 private:
  std::istringstream in_;
  std::string file_;
  int number_;
};

/// Parts or loads of the group being read: one line each, groups numbered in order.
template <class Item>
struct Group {
  std::uint32_t number = 0;
  std::vector<Item> items;

  /// Whether the line for `group` begins the next group.
  [[nodiscard]] bool next(std::uint32_t group) const { return !items.empty() && group == number + 1; }
};

/// The fields of an op or a span.
struct Fields {
  NameId name{};
  Kind kind = Kind::other;
  double amount = 0, share = 0;
  std::uint32_t lane = no_index, parts = no_index, loads = no_index, from = no_index, to = no_index, path = no_index,
                rounds = 1, opens = no_index, closes = no_index;
  std::int64_t bytes = 0;
  Tags tags;
  std::vector<std::uint32_t> after;

  /// The whole number that a keyword names; null: none of that name.
  std::uint32_t* word(const std::string& key) {
    const std::pair<const char*, std::uint32_t*> words[] = {
        {"lane", &lane}, {"parts", &parts},   {"loads", &loads}, {"from", &from},    {"to", &to},
        {"path", &path}, {"rounds", &rounds}, {"opens", &opens}, {"closes", &closes}};
    for (const auto& [of, number] : words)
      if (key == of) return number;
    return nullptr;
  }
};

using Keys = std::span<const std::string_view>;
constexpr std::string_view compute_keys[] = {"kind", "amount", "lane",  "parts", "loads",
                                             "mb",   "layer",  "stage", "after"};
constexpr std::string_view flow_keys[] = {"kind",   "amount", "from",  "to",    "path",
                                          "rounds", "mb",     "layer", "stage", "after"};
constexpr std::string_view join_keys[] = {"kind", "mb", "layer", "stage", "after"};
constexpr std::string_view span_keys[] = {"kind", "lane", "opens", "closes", "bytes", "share", "mb", "layer", "stage"};

Kind read_kind(Line& line) {
  std::string name;
  line.word(name);
  try {
    return kind_of_name(name);
  } catch (const std::invalid_argument& e) {
    line.fail(e.what());
  }
}

Fields read_fields(Line& line, NameId name, Keys keys) {
  Fields f{.name = name};
  for (std::string key; line.word(key);) {
    if (std::ranges::find(keys, key) == keys.end()) line.fail("unknown field '" + key + "'");
    if (key == "kind")
      f.kind = read_kind(line);
    else if (key == "amount")
      f.amount = line.number<double>();
    else if (key == "share")
      f.share = line.number<double>();
    else if (key == "bytes")
      f.bytes = line.number<std::int64_t>();
    else if (key == "mb")
      f.tags.micro_batch = line.number<std::int32_t>();
    else if (key == "layer")
      f.tags.layer = line.number<std::int16_t>();
    else if (key == "stage")
      f.tags.stage = line.number<std::int16_t>();
    else if (key == "after")
      for (auto count = line.number<std::size_t>(); count > 0; --count) f.after.push_back(line.number<std::uint32_t>());
    else
      *f.word(key) = line.number<std::uint32_t>();
  }
  return f;
}

Bytes whole_bytes(const Line& line, double amount) {
  constexpr double most = 0x1p53;  // beyond it not every whole number is a double
  if (!(std::abs(amount) <= most) || amount != std::floor(amount)) line.fail("expected a whole number of bytes");
  return Bytes(static_cast<std::int64_t>(amount));
}

class TextReader {
 public:
  TextReader(std::istream& in, std::string file) : in_(in), file_(std::move(file)) {}

  Schedule read() {
    int number = 0;
    for (std::string text; std::getline(in_, text);) {
      Line line(text, file_, ++number);
      std::string keyword;
      if (line.word(keyword)) read_line(keyword, line);
    }
    flush();
    if (!header_) throw InputError({{file_, number, {}, "expected 'schedule ranks N'"}});
    if (builder_.size() <= furthest_ && furthest_line_ > 0)
      throw InputError({{file_, furthest_line_, {}, "there is no op " + std::to_string(furthest_)}});
    return builder_.build();
  }

 private:
  void read_line(const std::string& keyword, Line& line) {
    if (header_ == (keyword == "schedule")) line.fail("expected 'schedule ranks N' once, as the first line");
    if (keyword == "schedule")
      read_header(line);
    else if (keyword == "lane")
      read_lane(line);
    else if (keyword == "part")
      read_part(line);
    else if (keyword == "load")
      read_load(line);
    else if (keyword == "op")
      read_op(line);
    else if (keyword == "span")
      read_span(line);
    else
      line.fail("expected schedule, lane, part, load, op or span, found '" + keyword + "'");
    line.finish();
  }

  void read_header(Line& line) {
    line.expect("ranks");
    builder_ = ScheduleBuilder(line.number<std::uint32_t>());
    header_ = true;
  }

  void read_lane(Line& line) {
    if (line.number<std::uint32_t>() != lanes_) line.fail("lanes must be numbered in order");
    line.expect("rank");
    const Rank rank{line.number<std::uint32_t>()};
    builder_.add_lane(rank, line.quoted_text());
    ++lanes_;
  }

  void read_part(Line& line) {
    const auto group = line.number<std::uint32_t>();
    if (parts_.next(group)) flush_parts();
    if (group != parts_.number) line.fail("groups of parts must be numbered in order");
    const NameId name = builder_.name(line.quoted_text());
    const Seconds duration(line.number<double>());
    parts_.items.push_back({name, duration, Flops(line.number<double>())});
  }

  void read_load(Line& line) {
    const auto group = line.number<std::uint32_t>();
    if (loads_.next(group)) flush_loads();
    if (group != loads_.number) line.fail("groups of loads must be numbered in order");
    line.expect("path");
    const PathId path{line.number<std::uint32_t>()};
    loads_.items.push_back({path, Bytes(line.number<std::int64_t>())});
  }

  void read_op(Line& line) {
    flush();
    if (line.number<std::size_t>() != builder_.size()) line.fail("ops must be numbered in order");
    std::string type;
    line.word(type);
    if (type != "compute" && type != "flow" && type != "join")
      line.fail("expected compute, flow or join, found '" + type + "'");
    const NameId name = builder_.name(line.quoted_text());
    const Keys keys = type == "compute" ? Keys(compute_keys) : type == "flow" ? Keys(flow_keys) : Keys(join_keys);
    const Fields f = read_fields(line, name, keys);
    const OpId id = add(type, f, line);
    for (std::uint32_t before : f.after) add_edge(before, id, line);
  }

  OpId add(const std::string& type, const Fields& f, const Line& line) {
    if (type == "compute")
      return builder_.add_compute(f.name, f.kind, LaneId{f.lane}, Seconds(f.amount), f.tags, f.parts, f.loads);
    if (type == "flow")
      return builder_.add_flow(f.name, f.kind, Rank{f.from}, Rank{f.to}, whole_bytes(line, f.amount), PathId{f.path},
                               f.tags, f.rounds);
    return builder_.add_join(f.name, f.kind, f.tags);
  }

  /// The op before may stand on a later line (a schedule may have any order, and a faulty one a cycle).
  void add_edge(std::uint32_t before, OpId after, const Line& line) {
    builder_.add_edge(OpId{before}, after);
    if (furthest_line_ > 0 && before <= furthest_) return;
    furthest_ = before;
    furthest_line_ = line.line_number();
  }

  void read_span(Line& line) {
    const NameId name = builder_.name(line.quoted_text());
    const Fields f = read_fields(line, name, span_keys);
    builder_.add_span({f.name, LaneId{f.lane}, OpId{f.opens}, OpId{f.closes}, Bytes(f.bytes), f.tags, f.kind, f.share});
  }

  void flush() {
    flush_parts();
    flush_loads();
  }
  void flush_parts() {
    if (!parts_.items.empty()) parts_ = {builder_.add_parts(parts_.items) + 1, {}};
  }
  void flush_loads() {
    if (!loads_.items.empty()) loads_ = {builder_.add_loads(loads_.items) + 1, {}};
  }

  std::istream& in_;
  std::string file_;
  ScheduleBuilder builder_{0};
  Group<Part> parts_;
  Group<Load> loads_;
  bool header_ = false;
  std::uint32_t lanes_ = 0;
  std::uint32_t furthest_ = 0;  // the highest op that an edge names, and the line that does
  int furthest_line_ = 0;
};

}  // namespace

Schedule read_text(std::istream& in, const std::string& file) { return TextReader(in, file).read(); }

}  // namespace rehearse
