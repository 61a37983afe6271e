#include "platforms/device_points.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "platforms/device_columns.hpp"

namespace rehearse {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view blank = " \t\r";
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(blank); at != std::string_view::npos;) {
    const std::size_t end = line.find_first_of(blank, at);
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(blank, end);
  }
  return words;
}

/// The words of one row, taken from the left.
class Row {
 public:
  explicit Row(std::vector<std::string_view> words) : words_(std::move(words)) {}
  std::string_view word() { return words_.at(at_++); }

  std::int64_t size() {
    const std::string_view text = word();
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || value < 1)
      throw std::invalid_argument("expected a whole number of at least 1, found '" + std::string(text) + "'");
    return value;
  }

  Seconds micro() {
    const std::string_view text = word();
    double value = 0.0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || !std::isfinite(value) || value <= 0.0)
      throw std::invalid_argument("expected a time above 0 in microseconds, found '" + std::string(text) + "'");
    return Seconds(value * 1e-6);
  }

  /// True for the first of two words, false for the second.
  bool either(std::string_view yes, std::string_view no) {
    const std::string_view text = word();
    if (text != yes && text != no)
      throw std::invalid_argument("expected '" + std::string(yes) + "' or '" + std::string(no) + "', found '" +
                                  std::string(text) + "'");
    return text == yes;
  }

 private:
  std::vector<std::string_view> words_;
  std::size_t at_ = 0;
};

void read_work(Row& row, Gemm& g) {
  g.layout = layout_of_name(row.word());
  for (std::int64_t* size : {&g.batch, &g.m, &g.n, &g.k}) *size = row.size();
}

void read_work(Row& row, Attention& a) {
  a.fused = row.either(fused_word, unfused_word);
  a.backward = row.either(backward_word, forward_word);
  a.causal = row.either(causal_word, full_word);
  for (std::int64_t* size : {&a.batch, &a.heads, &a.kv_heads, &a.seq_q, &a.seq_kv, &a.head_dim}) *size = row.size();
  if (a.heads % a.kv_heads != 0) throw std::invalid_argument("kv_heads does not divide heads");
}

void read_work(Row& row, Stream& stream) { stream.bytes = Bytes(row.size()); }

/// Rows under a line of columns; stops at the first that is wrong.
template <class Work>
std::vector<Timed<Work>> read_rows(std::string_view text, std::string_view columns) {
  std::vector<Timed<Work>> points;
  std::map<std::string, std::size_t, std::less<>> seen;  // the sizes as text -> row
  const std::size_t width = words_of(columns).size();
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    std::vector<std::string_view> words = words_of(line);
    if (words.empty()) continue;
    if (number == 0 && words != words_of(columns))
      throw std::invalid_argument("expected the line of columns '" + std::string(columns) + "'");
    if (number++ == 0) continue;
    const std::string place = "row " + std::to_string(number - 1) + ": ";
    if (words.size() != width)
      throw std::invalid_argument(place + "expected " + std::to_string(width) + " columns (" + std::string(columns) +
                                  "), found " + std::to_string(words.size()));
    std::string sizes;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) sizes.append(words[i]).push_back(' ');
    const auto [twin, fresh] = seen.emplace(sizes, number - 1);
    if (!fresh) throw std::invalid_argument(place + "the same sizes as row " + std::to_string(twin->second));
    try {
      Row row(std::move(words));
      Timed<Work>& point = points.emplace_back();
      read_work(row, point.work);
      point.time = row.micro();
    } catch (const std::invalid_argument& wrong) {
      throw std::invalid_argument(place + wrong.what());
    }
  }
  return points;
}

LeaveOneOut read_error(Reader& section, const std::string& key) {
  if (!section.has(key)) return {};
  Reader error = section.child(key);
  const auto share = [&](const char* name) {
    const auto value = error.get<double>(name);
    if (value < 0.0) error.fault(name, "expected at least 0");
    return value;
  };
  return {error.get_at_least("points", 0), share("median"), share("percentile_95"), share("worst")};
}

template <class Work>
void read(Reader& section, Family<Work>& family, std::string_view columns) {
  if (!section.has("measured")) return;
  const std::int64_t points = section.get_at_least("points", 1);
  const bool counted = section.has("points");
  family.error = read_error(section, "leave_one_out");
  family.long_error = read_error(section, "leave_one_out_10us");
  try {
    family.points = read_rows<Work>(section.get<std::string>("measured"), columns);
  } catch (const std::invalid_argument& wrong) {
    return section.fault("measured", wrong.what());
  }
  if (counted && static_cast<std::int64_t>(family.points.size()) != points)
    section.fault("measured", "expected " + std::to_string(points) + " rows, as `points` says, found " +
                                  std::to_string(family.points.size()) + ": is the file cut off?");
}

}  // namespace

void read_family(Reader& section, Family<Gemm>& family) { read(section, family, gemm_columns); }
void read_family(Reader& section, Family<Attention>& family) { read(section, family, attention_columns); }
void read_family(Reader& section, Family<Stream>& family) { read(section, family, stream_columns); }

}  // namespace rehearse
