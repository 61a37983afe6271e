#include "tests/ns3/comparison.hpp"

#include <algorithm>
#include <cmath>

namespace rehearse::testing {
namespace {

double started(const Message& message, const std::vector<double>& arrivals) {
  double ready = 0;
  for (const std::uint32_t before : message.after) ready = std::max(ready, arrivals[before]);
  return ready + message.start.value();
}

double last(const std::vector<double>& arrivals) { return *std::max_element(arrivals.begin(), arrivals.end()); }

constexpr Range within{-0.05, 0.05};

struct Exception {
  std::string_view name;
  Discipline discipline;
  Limits limits;
};

// For every size of message that a case has.
constexpr Exception exceptions[] = {
    {"all_reduce_strided", Discipline::fair, {within, within, {0.08, 0.15}}},
    {"permutation", Discipline::fair, {within, within, {-0.12, 0}}},
    {"random", Discipline::fair, {within, within, {-0.20, -0.08}}},
    {"parking_lot", Discipline::fifo, {within, {0.14, 0.20}, {0.20, 0.35}}},
    {"merging", Discipline::fifo, {within, {0.04, 0.18}, {0.12, 0.38}}},
    {"permutation", Discipline::fifo, {within, within, {-0.10, 0.15}}},
    {"random", Discipline::fifo, {within, {0.08, 0.13}, {-0.60, -0.48}}},
    // The nearest has a half of the cable and not a quarter, the next is done after three quarters of the whole.
    {"merging", Discipline::credits, {within, {0.31, (1. + 1. / 3) / 4}, {0.95, 1}}},
    // The bystander gets a third, as the three whose packets stand before its own.
    {"bystander", Discipline::credits, {within, {0.15, (2. / 3) / 4}, {-2. / 3, -0.60}}},
    {"permutation", Discipline::credits, {{-0.14, -0.07}, {0.08, 0.14}, {-0.45, -0.35}}},
    {"random", Discipline::credits, {{-0.23, -0.16}, {0.15, 0.22}, {0.55, 0.70}}},
};

}  // namespace

Difference difference(const Traffic& traffic, const std::vector<double>& flows, const std::vector<double>& packets) {
  Difference out{last(flows) / last(packets) - 1};
  for (std::size_t m = 0; m < flows.size(); ++m) {
    const Message& message = traffic.messages[m];
    const double one = (flows[m] - started(message, flows)) / (packets[m] - started(message, packets)) - 1;
    out.mean += std::abs(one) / static_cast<double>(flows.size());  // not a number where one never arrived
    if (std::abs(one) > std::abs(out.worst)) out.worst = one;
  }
  return out;
}

Limits limits(std::string_view name, Discipline discipline) {
  for (const Exception& e : exceptions)
    if (e.name == name && e.discipline == discipline) return e.limits;
  return {within, within, within};
}

}  // namespace rehearse::testing
