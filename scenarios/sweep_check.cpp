#include "scenarios/sweep_check.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "scenarios/scenario.hpp"
#include "scenarios/study_rows.hpp"

namespace rehearse {

namespace {

/// A key may be one at some points only, as `dimensions` is of some topologies. What is still unknown after so many is
/// taken to be unknown.
constexpr std::size_t most_looks = 4096;

bool same(const Fault& a, const Fault& b) {
  return a.file == b.file && a.line == b.line && a.key_path == b.key_path && a.message == b.message;
}

/// Whether `key` is `section` or lies in it; everything lies in the section without a name.
bool lies_in(const std::string& key, const std::string& section) {
  return section.empty() || key == section || key.starts_with(section + ".");
}

class Check {
 public:
  explicit Check(const Sweep& sweep) : sweep_(sweep) {
    for (const SweepDimension& dimension : sweep.dimensions)
      for (const SweepChoice& choice : dimension.choices)
        for (const Setting& setting : choice.settings) pending_.try_emplace(setting.key);
  }

  [[nodiscard]] bool settled() const { return pending_.empty() && everywhere_ && everywhere_->empty(); }

  /// Does nothing at a point from which there is nothing to learn.
  void look_at(const SweepPoint& point) {
    const auto is_pending = [&](const Setting& setting) { return pending_.contains(setting.key); };
    if (everywhere_ && everywhere_->empty() && std::ranges::none_of(point.settings, is_pending)) return;
    const std::vector<Fault> faults = faults_of(point);
    for (const Setting& setting : point.settings) look_at(setting.key, faults);
    if (!everywhere_) everywhere_ = faults;
    std::erase_if(*everywhere_, [&](const Fault& fault) {
      return std::ranges::none_of(faults, [&](const Fault& other) { return same(fault, other); });
    });
  }

  void finish() {
    std::vector<Fault> faults = everywhere_.value_or(std::vector<Fault>{});
    for (auto& [key, fault] : pending_)
      if (fault) faults.push_back(std::move(*fault));
    if (!faults.empty()) throw InputError(merged_faults(std::move(faults)));
  }

 private:
  [[nodiscard]] std::vector<Fault> faults_of(const SweepPoint& point) const {
    try {
      read_scenario(sweep_.base, point.settings);
    } catch (const InputError& error) {
      return error.faults();
    }
    return {};
  }

  void look_at(const std::string& key, const std::vector<Fault>& faults) {
    const auto pending = pending_.find(key);
    if (pending == pending_.end()) return;
    bool undecided = false;
    for (const Fault& fault : faults) {
      if (!lies_in(key, fault.key_path)) continue;
      const bool unknown = fault.message.starts_with("unknown key");
      if (unknown && !pending->second) pending->second = fault;
      undecided = undecided || unknown || fault.key_path != key;  // a section that was not read
    }
    if (!undecided) pending_.erase(pending);
  }

  const Sweep& sweep_;
  std::map<std::string, std::optional<Fault>> pending_;  ///< not known yet; the fault that says it is none
  std::optional<std::vector<Fault>> everywhere_;         ///< what every point had so far
};

/// Every choice once, the others being the first ones.
std::vector<std::size_t> one_by_one(const Sweep& sweep) {
  std::vector<std::size_t> points{0};
  std::size_t stride = 1;
  for (std::size_t d = sweep.dimensions.size(); d-- > 0;) {
    for (std::size_t i = 1; i < sweep.dimensions[d].choices.size(); ++i) points.push_back(i * stride);
    stride *= sweep.dimensions[d].choices.size();
  }
  return points;
}

}  // namespace

void check_sweep(const Sweep& sweep) {
  std::vector<std::size_t> points = one_by_one(sweep);
  for (std::size_t i = 0; i < std::min(sweep.size(), most_looks); ++i) points.push_back(i);
  Check check(sweep);
  for (std::size_t i = 0; i < points.size() && i < most_looks && !check.settled(); ++i)
    check.look_at(sweep.point(points[i]));
  check.finish();
}

}  // namespace rehearse
