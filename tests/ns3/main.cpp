// Contention as Rehearse has it, held against packets in ns-3 (docs/contention.md).
//
// ns3_contention [WINDOW [CASE...]]   all cases, or these; a message's window in products of bandwidth and delay
//
// A line for each case, size of message and discipline of ns-3's ports: the time until the last message has arrived,
// by both; how far Rehearse is off; and how far in the mean of the messages, and for the worst of them.
// Exit status: 0 all within their limits; 1 not; 2 bad usage.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "tests/ns3/comparison.hpp"

namespace rehearse::testing {
namespace {

// Twice what fills an idle path: acknowledgements wait behind packets that go the other way.
constexpr double usual_window = 2;

double microseconds(const std::vector<double>& arrivals) {
  return 1e6 * *std::max_element(arrivals.begin(), arrivals.end());
}

bool check(const char* what, double x, Range range) {
  if (range.has(x)) return true;
  std::printf("    wrong: %s is %+.2f %%, not from %+.2f %% to %+.2f %%\n", what, 100 * x, 100 * range.least,
              100 * range.most);
  return false;
}

bool compare(const TrafficCase& row, std::int64_t mebibytes, double window) {
  const Traffic traffic = row.make(Bytes(mebibytes << 20));
  const std::vector<double> flows = flow_arrivals(traffic);
  bool good = true;
  for (const Discipline d : disciplines) {
    const std::vector<double> packets = packet_arrivals(traffic, d, window);
    const Difference off = difference(traffic, flows, packets);
    std::printf("%-18s  %3lld  %-7s  %9.1f  %9.1f  %+7.2f %%  %7.2f %%  %+7.2f %%\n", row.name.c_str(),
                static_cast<long long>(mebibytes), std::string(discipline_name(d)).c_str(), microseconds(packets),
                microseconds(flows), 100 * off.last, 100 * off.mean, 100 * off.worst);
    const Limits allowed = limits(row.name, d);
    for (const auto& [what, x, range] :
         {std::tuple("the last", off.last, allowed.last), std::tuple("the mean", off.mean, allowed.mean),
          std::tuple("the worst", off.worst, allowed.worst)})
      good = check(what, x, range) && good;
  }
  std::fflush(stdout);
  return good;
}

int compare_all(double window, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (std::none_of(traffic_cases().begin(), traffic_cases().end(), [&](const auto& row) { return row.name == name; }))
      throw std::invalid_argument("there is no case " + name);
  std::printf("%-18s  MiB  %-7s  %9s  %9s  %9s  %9s  %9s\n", "case", "ports", "ns-3 us", "Rehearse", "last", "mean",
              "worst");
  bool good = true;
  for (const TrafficCase& row : traffic_cases())
    if (names.empty() || std::find(names.begin(), names.end(), row.name) != names.end())
      for (const std::int64_t mebibytes : row.mebibytes) good = compare(row, mebibytes, window) && good;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace rehearse::testing

int main(int argc, char** argv) {
  using namespace rehearse::testing;
  try {
    const double window = argc > 1 ? std::stod(argv[1]) : usual_window;
    return compare_all(window, {argv + std::min(argc, 2), argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ns3_contention: %s\n", error.what());
    return 2;
  }
}
