// Why a collective is carried out as it is.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "engine/base/quantity_text.hpp"
#include "reports/collective_report.hpp"
#include "reports/collective_table.hpp"

namespace rehearse {
namespace {

std::size_t channel_count(const CollectiveCandidate& c) {
  return std::max<std::size_t>(1, c.way.options.channels.size());
}

std::string way_text(const CollectiveCandidate& c) {
  return fmt::format("{} with {}, {} channel{} and {} chunk{}", c.way.row->name, protocol_name(c.way.protocol),
                     channel_count(c), channel_count(c) == 1 ? "" : "s", std::max(1U, c.way.options.chunks),
                     c.way.options.chunks > 1 ? "s" : "");
}

/// What the first saves of the second's time, part by part: "12.3 us less latency but 4.1 us more bandwidth".
std::string difference(const CollectiveCandidate& first, const CollectiveCandidate& second) {
  struct Part {
    std::string_view name;
    Seconds saved;
  };
  std::array<Part, 3> parts{{{"start", second.start - first.start},
                             {"latency", second.latency - first.latency},
                             {"bandwidth", second.bandwidth - first.bandwidth}}};
  std::ranges::stable_sort(parts, std::greater{}, &Part::saved);
  const double least = 1e-3 * second.time().value();  // not worth a word
  std::string less, more;
  for (const Part& part : parts) {
    const std::string amount = to_text(Seconds(std::abs(part.saved.value())));
    if (part.saved.value() > least)
      less += fmt::format("{}{} less for {}", less.empty() ? "" : ", ", amount, part.name);
    if (part.saved.value() < -least)
      more += fmt::format("{}{} more for {}", more.empty() ? "" : ", ", amount, part.name);
  }
  if (less.empty()) return "they cost the same, and it comes first in the table";
  return more.empty() ? less : less + ", but " + more;
}

/// The quickest way of another algorithm; else the second quickest of this one; null: there is no other.
const CollectiveCandidate* runner_up(const std::vector<CollectiveCandidate>& candidates) {
  const auto other = std::ranges::find_if(
      candidates, [&](const CollectiveCandidate& c) { return c.way.row != candidates.front().way.row; });
  if (other != candidates.end()) return &*other;
  return candidates.size() > 1 ? &candidates[1] : nullptr;
}

std::string reason(const std::vector<CollectiveCandidate>& candidates) {
  const CollectiveCandidate& best = candidates.front();
  const CollectiveCandidate* second = runner_up(candidates);
  if (second == nullptr) return way_text(best) + " is the only way that was asked for";
  return fmt::format(
      "{} is expected to take {}, {} {}: {}", way_text(best), to_text(best.time()),
      second->time() > best.time() ? to_text(second->time() - best.time()) + " less than" : std::string("as much as"),
      way_text(*second), difference(best, *second));
}

}  // namespace

void write_collective_explanation(const CollectiveGroup& group, const CollectiveTask& task,
                                  const std::vector<CollectiveCandidate>& candidates, std::ostream& out) {
  out << fmt::format("# {} of {} B on {} ranks: expected on an idle network, in us\n", collective_op_name(task.op),
                     task.elements * task.element_bytes, group.ranks());
  TextTable table;
  table.add_heading(
      {"", "algorithm", "protocol", "channels", "chunks", "start", "latency", "bandwidth", "time", "narrowest link"});
  for (const CollectiveCandidate& c : candidates)
    table.add_row({&c == candidates.data() ? "*" : "", std::string(c.way.row->name),
                   std::string(protocol_name(c.way.protocol)), fmt::to_string(channel_count(c)),
                   fmt::to_string(std::max(1U, c.way.options.chunks)), microseconds(c.start), microseconds(c.latency),
                   microseconds(c.bandwidth), microseconds(c.time()),
                   c.busiest.empty() ? "-" : std::string(c.busiest)});
  table.write(out);
  out << "# " << reason(candidates) << "\n#\n";
}

}  // namespace rehearse
