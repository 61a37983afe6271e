// Sweep: its points, each in a process of its own.
#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "engine/base/mixing.hpp"
#include "engine/base/packed.hpp"
#include "scenarios/result_figures.hpp"
#include "scenarios/simulate.hpp"
#include "scenarios/sweep.hpp"
#include "scenarios/version.hpp"

namespace rehearse {

namespace {

/// 64 bits of a text, in hexadecimal.
std::string fingerprint_of(const std::string& text) {
  std::uint64_t hash = mix(text.size()), word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    word = word << 8 | static_cast<unsigned char>(text[i]);
    if (i % 8 == 7 || i + 1 == text.size()) hash = mix({hash, word});
  }
  return fmt::format("{:016x}", hash);
}

/// The reasons in one line, without their places: those are of files.
std::string reasons(const std::vector<Fault>& faults) {
  std::string out;
  for (const Fault& fault : faults)
    out += fmt::format("{}{}{}{}", out.empty() ? "" : "; ", fault.key_path, fault.key_path.empty() ? "" : ": ",
                       fault.message);
  return out;
}

std::string in_one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

/// A point's scenario, or why it cannot be read; and the fingerprint of either.
struct ReadPoint {
  std::variant<std::monostate, Scenario> scenario;
  std::string reason, fingerprint;

  ReadPoint(const Value& base, const std::vector<Setting>& settings) {
    std::string content = fmt::format("{}\n", version());
    try {
      Scenario& read = scenario.emplace<Scenario>(read_scenario(base, settings));
      content += to_yaml(read.source);
    } catch (const InputError& error) {
      reason = in_one_line(reasons(error.faults()));
      for (const Setting& setting : settings) content += setting.key + ": " + to_yaml(setting.value);
      content += reason;
    }
    fingerprint = fingerprint_of(content);
  }
};

SweepRow simulate_point(const Value& base, const std::vector<Setting>& settings) {
  const ReadPoint point(base, settings);
  if (point.scenario.index() == 0) return {SweepRow::Status::bad_input, point.reason, point.fingerprint, {}};
  const Scenario& scenario = std::get<Scenario>(point.scenario);
  std::vector<Fault> faults = check_plan_of(scenario);
  if (faults.empty()) faults = check_memory_of(scenario);
  if (!faults.empty()) return {SweepRow::Status::cannot_run, in_one_line(reasons(faults)), point.fingerprint, {}};
  SweepRow row{SweepRow::Status::ok, {}, point.fingerprint, {}};
  for (ResultFigure& figure : result_figures(simulate(scenario)))
    row.figures.push_back(in_one_line(std::move(figure.text)));
  return row;
}

// What travels to and from the one who works.

constexpr std::int64_t simulate_it = 0, identify_them = 1;

void pack_settings(Packer& out, const std::vector<Setting>& settings) {
  out.add(static_cast<std::int64_t>(settings.size()));
  for (const Setting& setting : settings) out.add(setting.key).add(setting.value);
}

std::vector<Setting> unpack_settings(Unpacker& in) {
  std::vector<Setting> settings(static_cast<std::size_t>(in.number()));
  for (Setting& setting : settings) {
    setting.key = in.text();
    setting.value = in.value();
  }
  return settings;
}

std::string pack_row(const SweepRow& row) {
  Packer out;
  out.add(static_cast<std::int64_t>(row.status)).add(row.reason).add(row.fingerprint);
  for (const std::string& figure : row.figures) out.add(figure);
  return out.take();
}

SweepRow row_of(const WorkerAnswer& answer) {
  if (!answer.done) return {SweepRow::Status::fault, in_one_line(answer.text), {}, {}};
  Unpacker in(answer.text);
  SweepRow row;
  row.status = static_cast<SweepRow::Status>(in.number());
  row.reason = in.text();
  row.fingerprint = in.text();
  while (!in.at_end()) row.figures.push_back(in.text());
  return row;
}

std::string do_task(const Value& base, const std::string& task) {
  Unpacker in(task);
  if (in.number() == simulate_it) return pack_row(simulate_point(base, unpack_settings(in)));
  Packer fingerprints;
  while (!in.at_end()) fingerprints.add(ReadPoint(base, unpack_settings(in)).fingerprint);
  return fingerprints.take();
}

CrewJob job_of(const Sweep& sweep, std::size_t count, std::function<std::string(std::size_t)> task) {
  return {Packer().add(sweep.base).take(), count, std::move(task), sweep_work()};
}

}  // namespace

MakeWork sweep_work() {
  return [](const std::string& shared) -> TaskWork {
    const auto base = std::make_shared<const Value>(Unpacker(shared).value());
    return [base](const std::string& task) { return do_task(*base, task); };
  };
}

std::vector<SweepRow> run_sweep(const Sweep& sweep, Crew& crew, const SweepRows& known, const TakeRow& take) {
  std::vector<SweepRow> rows(sweep.size());
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (const auto found = known.find(i); found != known.end())
      rows[i] = found->second;
    else
      open.push_back(i);
  const auto task = [&](std::size_t at) {
    Packer out;
    out.add(simulate_it);
    pack_settings(out, sweep.point(open[at]).settings);
    return out.take();
  };
  crew.carry_out(job_of(sweep, open.size(), task), [&](std::size_t at, const WorkerAnswer& answer) {
    rows[open[at]] = row_of(answer);
    take(open[at], rows[open[at]]);
  });
  return rows;
}

SweepRows rows_of_points(const Sweep& sweep, Crew& crew, const std::map<std::string, SweepRow>& rows) {
  constexpr std::size_t at_once = 32;  // a process for each would take longer than reading its scenario
  SweepRows out;
  if (rows.empty()) return out;
  const auto task = [&](std::size_t at) {
    Packer points;
    points.add(identify_them);
    for (std::size_t i = at * at_once; i < std::min(sweep.size(), (at + 1) * at_once); ++i)
      pack_settings(points, sweep.point(i).settings);
    return points.take();
  };
  const std::size_t tasks = (sweep.size() + at_once - 1) / at_once;
  crew.carry_out(job_of(sweep, tasks, task), [&](std::size_t at, const WorkerAnswer& answer) {
    if (!answer.done) return;  // they are simulated again
    Unpacker in(answer.text);
    for (std::size_t i = at * at_once; !in.at_end(); ++i)
      if (const auto found = rows.find(in.text()); found != rows.end()) out[i] = found->second;
  });
  return out;
}

}  // namespace rehearse
