// The text form of a Schedule, after the idea of LogGOPSim's GOAL: one thing a line, keyword and value pairs.
//
//   schedule ranks 2
//   lane 0 rank 0 "compute"
//   part 0 "qkv" 0.001 2.5e9          (index of the group, name, seconds, FLOPs; a group may have many)
//   load 0 path 3 1024                (index of the group, path, bytes)
//   op 0 compute "layer 0" kind forward amount 0.001 lane 0 parts 0 mb 0 layer 0 stage 0
//   op 1 flow "send" kind pipeline_comm amount 1024 from 0 to 1 path 3 rounds 1 after 1 0   (a count, then ids)
//   op 2 join "" kind other after 2 0 1
//   span "all_reduce" kind data_comm lane 1 opens 0 closes 2 bytes 1024
#include <charconv>
#include <iomanip>
#include <istream>
#include <ostream>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "engine/base/error.hpp"
#include "engine/schedule.hpp"

namespace rehearse {

namespace {

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << std::quoted(text);
  return out.str();
}

std::string tags_text(const Tags& tags) {
  std::string out;
  if (tags.micro_batch >= 0) out += fmt::format(" mb {}", tags.micro_batch);
  if (tags.layer >= 0) out += fmt::format(" layer {}", tags.layer);
  if (tags.stage >= 0) out += fmt::format(" stage {}", tags.stage);
  return out;
}

std::string op_text(const Schedule& s, const Op& op) {
  std::string out = fmt::format("{} {} kind {}", op_type_name(op.type), quoted(s.name(op.name)), kind_name(op.kind));
  if (op.type == OpType::compute) {
    out += fmt::format(" amount {}", op.amount);
    if (op.where != no_index) out += fmt::format(" lane {}", op.where);
    if (op.detail != no_index) out += fmt::format(" parts {}", op.detail);
    if (op.extra != no_index) out += fmt::format(" loads {}", op.extra);
  } else if (op.type == OpType::flow) {
    out += fmt::format(" amount {} from {} to {} path {} rounds {}", op.amount, op.detail, op.extra, op.where,
                       op.rounds);
  }
  return out + tags_text(op.tags);
}

/// One line's words, taken one after another; a wrong one is an InputError with the line.
class Line {
 public:
  Line(const std::string& text, const std::string& file, int number) : in_(text), file_(file), number_(number) {}

  bool word(std::string& out) { return static_cast<bool>(in_ >> out); }
  std::string quoted_text() {
    std::string out;
    if (!(in_ >> std::quoted(out))) fail("expected a text in quotes");
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
  [[noreturn]] void fail(const std::string& message) const { throw InputError({{file_, number_, {}, message}}); }

 private:
  std::istringstream in_;
  std::string file_;
  int number_;
};

class TextReader {
 public:
  TextReader(std::istream& in, std::string file) : in_(in), file_(std::move(file)) {}

  Schedule read() {
    std::string text;
    for (int number = 1; std::getline(in_, text); ++number) {
      Line line(text, file_, number);
      std::string keyword;
      if (line.word(keyword)) read_line(keyword, line);
    }
    flush();
    try {
      return builder_.build();
    } catch (const std::logic_error& e) {
      throw InputError({{file_, 0, {}, e.what()}});
    }
  }

 private:
  void read_line(const std::string& keyword, Line& line) {
    if (keyword == "schedule") return read_header(line);
    if (keyword == "lane") return read_lane(line);
    if (keyword == "part") return read_part(line);
    if (keyword == "load") return read_load(line);
    if (keyword == "op") return read_op(line);
    if (keyword == "span") return read_span(line);
    line.fail("expected schedule, lane, part, load, op or span, found '" + keyword + "'");
  }

  void read_header(Line& line) {
    std::string word;
    line.word(word);
    if (word != "ranks") line.fail("expected 'ranks'");
    builder_ = ScheduleBuilder(line.number<std::uint32_t>());
  }

  void read_lane(Line& line) {
    std::string word;
    line.number<std::uint32_t>();
    line.word(word);
    if (word != "rank") line.fail("expected 'rank'");
    const Rank rank{line.number<std::uint32_t>()};
    builder_.add_lane(rank, line.quoted_text());
  }

  void read_part(Line& line) {
    const auto group = line.number<std::uint32_t>();
    if (group != part_group_) flush_parts();
    part_group_ = group;
    const NameId name = builder_.name(line.quoted_text());
    const Seconds duration(line.number<double>());
    parts_.push_back({name, duration, Flops(line.number<double>())});
  }

  void read_load(Line& line) {
    const auto group = line.number<std::uint32_t>();
    if (group != load_group_) flush_loads();
    load_group_ = group;
    std::string word;
    line.word(word);
    if (word != "path") line.fail("expected 'path'");
    const PathId path{line.number<std::uint32_t>()};
    loads_.push_back({path, Bytes(line.number<std::int64_t>())});
  }

  void read_op(Line& line) {
    flush();
    if (line.number<std::size_t>() != builder_.size()) line.fail("ops must be numbered in order");
    std::string word;
    line.word(word);
    Fields f;
    if (word == "compute") f.type = OpType::compute;
    else if (word == "flow") f.type = OpType::flow;
    else if (word != "join") line.fail("expected compute, flow or join, found '" + word + "'");
    f.name = builder_.name(line.quoted_text());
    read_fields(line, f);
    const OpId id = add(f);
    for (std::uint32_t before : f.after) builder_.add_edge(OpId{before}, id);
  }

  struct Fields {
    OpType type = OpType::join;
    NameId name{};
    Kind kind = Kind::other;
    double amount = 0;
    std::uint32_t lane = no_index, parts = no_index, loads = no_index, from = no_index, to = no_index, path = no_index, rounds = 1;
    std::uint32_t opens = no_index, closes = no_index;
    std::int64_t bytes = 0;
    Tags tags;
    std::vector<std::uint32_t> after;
  };

  OpId add(const Fields& f) {
    if (f.type == OpType::compute)
      return builder_.add_compute(f.name, f.kind, LaneId{f.lane}, Seconds(f.amount), f.tags, f.parts, f.loads);
    if (f.type == OpType::flow)
      return builder_.add_flow(f.name, f.kind, Rank{f.from}, Rank{f.to}, Bytes(static_cast<std::int64_t>(f.amount)),
                               PathId{f.path}, f.tags, f.rounds);
    return builder_.add_join(f.name, f.kind, f.tags);
  }

  void read_span(Line& line) {
    Fields f;
    f.name = builder_.name(line.quoted_text());
    read_fields(line, f);
    builder_.add_span({f.name, LaneId{f.lane}, OpId{f.opens}, OpId{f.closes}, Bytes(f.bytes), f.tags, f.kind});
  }

  void read_fields(Line& line, Fields& f) {
    std::string key;
    while (line.word(key)) {
      if (key == "kind") read_kind(line, f);
      else if (key == "amount") f.amount = line.number<double>();
      else if (key == "bytes") f.bytes = line.number<std::int64_t>();
      else if (key == "mb") f.tags.micro_batch = line.number<std::int32_t>();
      else if (key == "layer") f.tags.layer = line.number<std::int16_t>();
      else if (key == "stage") f.tags.stage = line.number<std::int16_t>();
      else if (key == "after") read_after(line, f);
      else if (std::uint32_t* word = word_of(key, f)) *word = line.number<std::uint32_t>();
      else line.fail("unknown field '" + key + "'");
    }
  }

  static std::uint32_t* word_of(const std::string& key, Fields& f) {
    const std::pair<const char*, std::uint32_t*> words[] = {
        {"lane", &f.lane}, {"parts", &f.parts}, {"loads", &f.loads}, {"from", &f.from}, {"to", &f.to},
        {"path", &f.path}, {"rounds", &f.rounds}, {"opens", &f.opens}, {"closes", &f.closes}};
    for (const auto& [name, word] : words)
      if (key == name) return word;
    return nullptr;
  }

  void read_kind(Line& line, Fields& f) {
    std::string name;
    line.word(name);
    try {
      f.kind = kind_of_name(name);
    } catch (const std::invalid_argument& e) {
      line.fail(e.what());
    }
  }

  /// The rest of the line: ids of predecessors.
  void read_after(Line& line, Fields& f) {
    const auto count = line.number<std::size_t>();
    for (std::size_t i = 0; i < count; ++i) f.after.push_back(line.number<std::uint32_t>());
  }

  void flush() {
    flush_parts();
    flush_loads();
  }
  void flush_parts() {
    if (!parts_.empty()) builder_.add_parts(parts_);
    parts_.clear();
  }
  void flush_loads() {
    if (!loads_.empty()) builder_.add_loads(loads_);
    loads_.clear();
  }

  std::istream& in_;
  std::string file_;
  ScheduleBuilder builder_{0};
  std::vector<Part> parts_;
  std::vector<Load> loads_;
  std::uint32_t part_group_ = 0, load_group_ = 0;
};

}  // namespace

void write_text(const Schedule& s, std::ostream& out) {
  out << fmt::format("schedule ranks {}\n", s.rank_count());
  for (std::size_t i = 0; i < s.lanes().size(); ++i)
    out << fmt::format("lane {} rank {} {}\n", i, index(s.lanes()[i].rank), quoted(s.name(s.lanes()[i].name)));
  for (std::uint32_t g = 0; g < s.part_group_count(); ++g)
    for (const Part& p : s.part_group(g))
      out << fmt::format("part {} {} {} {}\n", g, quoted(s.name(p.name)), p.duration.value(), p.flops.value());
  for (std::uint32_t g = 0; g < s.load_group_count(); ++g)
    for (const Load& l : s.load_group(g))
      out << fmt::format("load {} path {} {}\n", g, index(l.path), l.bytes.value());
  std::vector<std::string> after(s.size());
  std::vector<std::size_t> after_count(s.size());
  for (std::uint32_t i = 0; i < s.size(); ++i)
    for (OpId next : s.successors(OpId{i})) {
      after[index(next)] += fmt::format(" {}", i);
      ++after_count[index(next)];
    }
  for (std::size_t i = 0; i < s.size(); ++i) {
    out << fmt::format("op {} {}", i, op_text(s, s.ops()[i]));
    if (after_count[i] > 0) out << fmt::format(" after {}{}", after_count[i], after[i]);
    out << '\n';
  }
  for (const Span& span : s.spans())
    out << fmt::format("span {} kind {} lane {} opens {} closes {} bytes {}{}\n", quoted(s.name(span.name)),
                       kind_name(span.kind), index(span.lane), index(span.opens), index(span.closes),
                       span.bytes.value(), tags_text(span.tags));
}

Schedule read_text(std::istream& in, const std::string& file) { return TextReader(in, file).read(); }

}  // namespace rehearse
