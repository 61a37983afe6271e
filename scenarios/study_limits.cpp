#include "scenarios/study_limits.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "engine/base/table.hpp"

namespace rehearse {

namespace {

/// `share`: written in per cent; `least`: a limit from below.
struct Statistic {
  std::string_view name, description;
  bool share = true, least = false;
  double (*of)(const ErrorStatistics&);
};

constexpr std::array<Statistic, 7> rows{{
    {"mean_absolute_error", "of the time", true, false, [](const ErrorStatistics& e) { return e.mean_absolute; }},
    {"median_absolute_error", "of the time", true, false, [](const ErrorStatistics& e) { return e.median_absolute; }},
    {"percentile_95", "of the absolute error", true, false, [](const ErrorStatistics& e) { return e.percentile_95; }},
    {"largest_absolute_error", "of the time", true, false, [](const ErrorStatistics& e) { return e.largest; }},
    {"bias", "mean of the signed error, either way", true, false,
     [](const ErrorStatistics& e) { return std::abs(e.bias); }},
    {"rank_correlation", "Spearman's", false, true,
     [](const ErrorStatistics& e) { return e.rank_correlation.value_or(0); }},
    {"rows", "that were compared", false, true, [](const ErrorStatistics& e) { return static_cast<double>(e.rows); }},
}};
constexpr Table<Statistic> statistics{"statistic", rows};

void read_limit(Reader& reader, const Statistic& statistic, const std::string& summary, std::vector<StudyLimit>& out) {
  const std::string name(statistic.name);
  out.push_back({summary, name, statistic.share ? read_share(reader, name) : reader.get_positive<double>(name)});
}

void read_limits_of(Reader reader, const std::string& summary, std::vector<StudyLimit>& out) {
  if (!reader.is_mapping()) return reader.fault("expected a mapping: {mean_absolute_error: 10 %}");
  for (const std::string& key : reader.keys()) {
    if (const Statistic* statistic = statistics.find(key))
      read_limit(reader, *statistic, summary, out);
    else
      reader.fault(key, statistics.unknown(key));
  }
}

}  // namespace

double read_share(Reader& reader, std::string_view key) {
  std::string text = reader.get<std::string>(key);
  const bool per_cent = text.ends_with('%');
  if (per_cent) text.pop_back();
  text.erase(text.find_last_not_of(' ') + 1);
  const std::optional<double> number = number_of_cell(text);
  if (per_cent && number && *number >= 0) return *number / 100;
  reader.fault(key, "expected a share, e.g. '10 %'");
  return 1;
}

std::vector<StudyLimit> read_limits(Reader reader, const std::vector<std::string>& summaries) {
  std::vector<StudyLimit> out;
  if (!reader.is_mapping()) reader.fault("expected a mapping: {mean_absolute_error: 10 %}");
  std::vector<std::string> known = statistics.names();
  known.insert(known.end(), summaries.begin(), summaries.end());
  for (const std::string& key : reader.keys()) {
    if (std::ranges::find(summaries, key) != summaries.end())
      read_limits_of(reader.child(key), key, out);
    else if (const Statistic* statistic = statistics.find(key))
      read_limit(reader, *statistic, all_rows, out);
    else
      reader.fault(key, unknown_name("statistic, part or group", key, known));
  }
  return out;
}

std::string exceeded(const StudyLimit& limit, const StudySummary& summary) {
  const Statistic& statistic = *statistics.find(limit.statistic);
  if (summary.errors.rows == 0) return fmt::format("{}: no row to hold to {}", limit.summary, limit.statistic);
  const double found = statistic.of(summary.errors);
  if (statistic.least ? found >= limit.most : found <= limit.most) return {};
  const double scale = statistic.share ? 100 : 1;
  return fmt::format("{}: {} is {:.4g}{}, {} the limit of {:.4g}{}", limit.summary, limit.statistic, scale * found,
                     statistic.share ? " %" : "", statistic.least ? "below" : "above", scale * limit.most,
                     statistic.share ? " %" : "");
}

}  // namespace rehearse
