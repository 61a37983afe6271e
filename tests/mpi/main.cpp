// Every collective of every table over MPI, among as many processes as there are. Called by run.py.
//
// mpi_collectives         prints what went wrong and a last line "N processes: C collectives, W wrong elements"
// mpi_collectives lossy   sums are lost: W is not 0
// mpi_collectives throw   the last process throws while the others wait for it
//
// Exit status: 0 nothing wrong; 1 something; 77 the program was built without MPI, or not started by it.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/collective_cases.hpp"
#include "tests/support/made_patterns.hpp"
#include "workloads/execution/execute.hpp"

namespace rehearse {
namespace {

class Trial {
 public:
  explicit Trial(MpiSession& session) : session_(session) {}

  [[nodiscard]] std::uint32_t ranks() const { return session_.ranks(); }

  void carry_out(const std::string& name, const Pattern& pattern, const CollectiveData& data) {
    constexpr int repetitions = 2;
    const Execution done = session_.execute(pattern, data, repetitions);
    if (session_.rank() != 0) return;
    const bool timed = done.times.size() == repetitions && done.times[0].value() >= 0;
    if (done.wrong_elements != 0 || !timed)
      std::printf("%s: %lld wrong elements\n", name.c_str(), static_cast<long long>(done.wrong_elements));
    ++collectives_;
    wrong_ += done.wrong_elements + (timed ? 0 : 1);
  }

  void carry_out(const CollectiveRow& row, std::int64_t elements, const CollectiveOptions& options) {
    carry_out(std::string(collective_op_name(row.op)) + " " + std::string(row.name),
              build_collective(row, ranks(), elements, options), data_of(row, ranks(), elements, options));
  }

  /// The exit status.
  [[nodiscard]] int report() const {
    if (session_.rank() == 0)
      std::printf("%u processes: %d collectives, %lld wrong elements\n", ranks(), collectives_,
                  static_cast<long long>(wrong_));
    return wrong_ == 0 ? 0 : 1;
  }

 private:
  MpiSession& session_;
  int collectives_ = 0;
  std::int64_t wrong_ = 0;
};

CollectiveData all_reduce_data(std::uint32_t ranks, std::int64_t elements) {
  return {CollectiveOp::all_reduce, ranks, elements, {{0, elements}}, 0};
}

void carry_out_all(Trial& trial) {
  for (const CollectiveOp op : collective_ops)
    for (const CollectiveRow& row : collective_table(op))
      for (const std::int64_t elements : {0, 1, 37})
        for (const CollectiveOptions& options : option_choices(trial.ranks())) trial.carry_out(row, elements, options);
  // Long messages, which MPI does not buffer: sends end when they are received.
  constexpr std::int64_t many = 200'000;
  trial.carry_out("exchange", made_exchange(trial.ranks(), many), all_reduce_data(trial.ranks(), many));
  trial.carry_out("switches", made_with_switches(trial.ranks(), many), all_reduce_data(trial.ranks(), many));
  trial.carry_out(*collective_table(CollectiveOp::all_reduce).find("ring"), many, {});
}

void lose_sums(Trial& trial) {
  const Pattern pattern = made_with_switches(trial.ranks(), 10);
  trial.carry_out("lossy", made_lossy(pattern, trial.ranks()), all_reduce_data(trial.ranks(), 10));
}

void throw_in_last(Trial& trial, std::uint32_t rank) {
  const Pattern pattern = made_exchange(trial.ranks(), 10);
  if (rank + 1 == trial.ranks()) throw std::runtime_error("thrown on purpose");
  trial.carry_out("never ends", pattern, all_reduce_data(trial.ranks(), 10));
}

int run(std::string_view what) {
  if (!started_by_mpi()) return 77;
  MpiSession session;
  Trial trial(session);
  if (what == "lossy")
    lose_sums(trial);
  else if (what == "throw")
    throw_in_last(trial, session.rank());
  else
    carry_out_all(trial);
  return trial.report();
}

}  // namespace
}  // namespace rehearse

int main(int argc, char** argv) {
  try {
    return rehearse::run(argc > 1 ? argv[1] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
