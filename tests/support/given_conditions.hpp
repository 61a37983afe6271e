// Conditions as a table says, over three links, and what replays under them give; for tests of the replay.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "engine/conditions.hpp"
#include "tests/support/given_source.hpp"
#include "tests/support/relative.hpp"
#include "tests/support/replayed.hpp"

namespace rehearse::testing {

using Times = std::vector<double>;
inline constexpr double ms = 1e-3;
inline constexpr std::int64_t mb = 1'000'000;

inline doctest::Approx is(double value) { return relative(value, 1e-12); }
inline void check_all(const Times& seen, const Times& expected) {
  REQUIRE(seen.size() == expected.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CAPTURE(i);
    CHECK(seen[i] == is(expected[i]));
  }
}

/// One link beside the other, without latency: 1, 0.5 and 0.25 bytes a nanosecond. `late` is over the first, 1 ms long.
struct Wires {
  Network n;
  LinkId fast = n.add_link({"fast", BytesPerSecond(1e9), Seconds(0)});
  LinkId half = n.add_link({"half", BytesPerSecond(0.5e9), Seconds(0)});
  LinkId slow = n.add_link({"slow", BytesPerSecond(0.25e9), Seconds(0)});
  PathId path = n.add_path({{fast}}), second = n.add_path({{half}}), third = n.add_path({{slow}}),
         nothing = n.add_path({}), late = n.add_path({{fast}}, Seconds(ms));
};
inline const Wires wires;

/// Links as a table says; of the paths in `ways` the first whose links are up, or else CutOff.
class Given : public Conditions {
 public:
  struct Change {
    double date = 0;
    LinkId link{};
    double bandwidth = 0;
  };
  Given() = default;
  explicit Given(std::vector<Change> changes) {
    for (const Change& c : changes) {
      dates_.emplace_back(c.date);
      changes_.push_back({c.link, BytesPerSecond(c.bandwidth)});
    }
  }
  void begin() override { down_.clear(), came_ = asked_ = 0; }
  const std::vector<Seconds>& dates() const override { return dates_; }
  std::vector<LinkChange> change(std::size_t date) override {
    ++came_;
    const LinkChange c = changes_.at(date);
    std::erase(down_, c.link);
    if (c.bandwidth == BytesPerSecond()) down_.push_back(c.link);
    return {c};
  }
  Way way(PathId path, const Load& /*load*/) override {
    ++asked_;
    if (is_up(path)) return {path, Seconds(extra)};
    for (const Way& way : ways)
      if (is_up(way.path)) return way;
    throw CutOff("no way");
  }
  Seconds end_of_compute(Rank /*rank*/, Seconds begin, Seconds duration) const override { return begin + duration; }
  Seconds computed(Rank /*rank*/, Seconds begin, Seconds end) const override { return end - begin; }

  std::vector<Way> ways{{wires.second, Seconds()}, {wires.third, Seconds()}};
  double extra = 0;  // of the path that is asked for
  [[nodiscard]] std::size_t came() const { return came_; }
  [[nodiscard]] std::size_t asked() const { return asked_; }

 private:
  [[nodiscard]] bool is_up(PathId path) const {
    return std::ranges::none_of(wires.n.hops(path),
                                [this](const Hop& hop) { return std::ranges::count(down_, hop.link) > 0; });
  }
  std::vector<Seconds> dates_;
  std::vector<LinkChange> changes_;
  std::vector<LinkId> down_;
  std::size_t came_ = 0, asked_ = 0;
};

/// Ends of the flows, and bytes over each link: of a schedule, and then of it again on the same Replayer. A source of
/// the same flows in between has to take as long and to carry as much.
inline Times replayed(const GivenFlows& flows, Conditions& conditions) {
  const Schedule schedule = schedule_of(flows);
  const std::size_t count = flows.size(), links = wires.n.links().size();
  const Times numbers = in_child([&] {
    Replayer replayer(wires.n);
    replayer.set_conditions(&conditions);
    Times out;
    for (int i = 0; i < 2; ++i) {
      const Timeline t = replayer.replay(schedule);
      for (std::size_t k = 0; k < count; ++k) out.push_back(t.end[2 * k].value());
      out.insert(out.end(), t.link_bytes.begin(), t.link_bytes.end());
      GivenSource source(flows);
      const SourceReplay replay = replayer.replay(source);
      out.push_back(replay.makespan == Seconds() ? 0 : t.makespan / replay.makespan);
      out.insert(out.end(), replay.link_bytes.begin(), replay.link_bytes.end());
    }
    return out;
  });
  const std::size_t half = numbers.size() / 2;
  check_all(Times(numbers.begin() + static_cast<std::ptrdiff_t>(half), numbers.end()),
            Times(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(half)));
  CHECK(numbers[count + links] == is(1));
  for (std::size_t l = 0; l < links; ++l) CHECK(numbers[count + links + 1 + l] == is(numbers[count + l]));
  return {numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(count + links)};
}

/// Ends of the ops, bytes by link, how many dates came and how often a way was asked for.
inline Times ends(const Schedule& schedule, Given& conditions) {
  return in_child([&] {
    Replayer replayer(wires.n);
    replayer.set_conditions(&conditions);
    const Timeline t = replayer.replay(schedule);
    Times out;
    for (Seconds s : t.end) out.push_back(s.value());
    out.insert(out.end(), t.link_bytes.begin(), t.link_bytes.end());
    out.push_back(static_cast<double>(conditions.came()));
    out.push_back(static_cast<double>(conditions.asked()));
    return out;
  });
}

inline Schedule flow_alone(PathId path, std::int64_t bytes, std::uint32_t rounds = 1) {
  ScheduleBuilder b(2);
  b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(bytes), path, {}, rounds);
  return b.build();
}

}  // namespace rehearse::testing
