// A pattern carried out by threads, one for each position.
#include <fmt/format.h>

#include <atomic>
#include <barrier>
#include <cassert>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "engine/base/error.hpp"
#include "workloads/execution/execute.hpp"
#include "workloads/execution/roles.hpp"

namespace rehearse {

namespace {

using Clock = std::chrono::steady_clock;

/// A position at work. Aligned, so that threads that ring one bell do not slow down another.
struct alignas(64) Player {
  std::unique_ptr<float[]> buffer, outbox;
  std::int64_t wrong = 0;
  std::atomic<std::uint32_t> bell{0};   ///< rung when a message has come or one of its own was received
  std::atomic<std::uint32_t> taken{0};  ///< messages of this round that others have received

  void ring() {
    bell.fetch_add(1, std::memory_order_release);
    bell.notify_one();
  }
  template <class Condition>
  void wait_until(Condition holds) {
    for (;;) {
      const std::uint32_t heard = bell.load(std::memory_order_acquire);
      if (holds()) return;
      bell.wait(heard, std::memory_order_acquire);
    }
  }
};

class Ensemble {
 public:
  Ensemble(const Pattern& pattern, const CollectiveData& data, std::uint32_t rounds);
  Execution play();

 private:
  void start();
  void perform(std::uint32_t position);
  void fill(std::uint32_t position);
  void play_role(std::uint32_t position, std::uint32_t round);
  void send(std::uint32_t id, std::uint32_t round);
  void receive(std::uint32_t id, std::uint32_t round);
  void check(std::uint32_t position);
  template <class F>
  void guarded(F f);
  void note_time() noexcept;

  /// A barrier's completion: all have come, none has gone on.
  struct NoteTime {
    Ensemble* ensemble;
    void operator()() noexcept { ensemble->note_time(); }
  };

  const Pattern& pattern_;
  const CollectiveData& data_;
  const std::uint32_t rounds_;  // the first is to warm up
  Roles roles_;
  std::vector<Player> players_;
  std::vector<std::atomic<std::uint32_t>> sent_;  // by message: the last round (from 1) in which it was sent
  std::barrier<NoteTime> barrier_;
  std::vector<Clock::time_point> times_;  // of the barriers: begin and end of each round
  std::mutex error_mutex_;
  std::exception_ptr error_;
  std::atomic<bool> failed_{false};
  bool over_ = false;  // written while all stand at the barrier
};

Ensemble::Ensemble(const Pattern& pattern, const CollectiveData& data, std::uint32_t rounds)
    : pattern_(pattern),
      data_(data),
      rounds_(rounds),
      roles_(pattern, each_by_itself(pattern), pattern.positions()),
      players_(pattern.positions()),
      sent_(roles_.messages().size()),
      barrier_(pattern.positions(), NoteTime{this}) {
  times_.reserve(std::size_t{2} * rounds_);
  for (std::uint32_t p = 0; p < pattern.positions(); ++p) {
    players_[p].buffer = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(pattern.buffer));
    players_[p].outbox = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(roles_.role(p).outbox));
  }
}

Execution Ensemble::play() {
  start();
  if (error_) std::rethrow_exception(error_);
  Execution out;
  for (std::size_t round = 1; round < rounds_; ++round) {
    const std::chrono::duration<double> time = times_[2 * round + 1] - times_[2 * round];
    out.times.emplace_back(time.count());
  }
  for (const Player& player : players_) out.wrong_elements += player.wrong;
  return out;
}

/// Returns when all threads have ended. One that cannot be started must not leave the others at the barrier.
void Ensemble::start() {
  std::atomic<int> signal{0};  // 1: begin, -1: go home
  std::vector<std::thread> threads;
  const auto give = [&](int value) {
    signal.store(value);
    signal.notify_all();
    for (std::thread& thread : threads) thread.join();
  };
  try {
    threads.reserve(players_.size());
    for (std::uint32_t p = 0; p < players_.size(); ++p)
      threads.emplace_back([this, &signal, p] {
        signal.wait(0);
        if (signal.load() == 1) perform(p);
      });
  } catch (const std::system_error& error) {
    give(-1);
    throw InputError(fmt::format("{} positions take as many threads, of which {} could be started: {}", players_.size(),
                                 threads.size(), error.code().message()));
  } catch (...) {
    give(-1);
    throw;
  }
  give(1);
}

void Ensemble::perform(std::uint32_t position) {
  for (std::uint32_t round = 1; round <= rounds_; ++round) {
    guarded([&] { fill(position); });
    barrier_.arrive_and_wait();
    if (over_) return;
    play_role(position, round);
    barrier_.arrive_and_wait();
    guarded([&] { check(position); });
  }
}

void Ensemble::note_time() noexcept {
  over_ = failed_.load();
  if (!over_) times_.push_back(Clock::now());  // reserved
}

template <class F>
void Ensemble::guarded(F f) {
  try {
    f();
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (!error_) error_ = std::current_exception();
    failed_ = true;
  }
}

void Ensemble::fill(std::uint32_t position) {
  Player& self = players_[position];
  self.taken.store(0);
  data_.fill(position, {self.buffer.get(), static_cast<std::size_t>(pattern_.buffer)});
}

void Ensemble::play_role(std::uint32_t position, std::uint32_t round) {
  const PlayerRole& role = roles_.role(position);
  Player& self = players_[position];
  std::uint32_t sends = 0, receives = 0;
  for (const RoleTurn& turn : role.turns) {
    while (sends < turn.sends) send(role.sends[sends++], round);
    while (receives < turn.receives) receive(role.receives[receives++], round);
    self.wait_until([&] { return self.taken.load(std::memory_order_acquire) == sends; });
  }
}

void Ensemble::send(std::uint32_t id, std::uint32_t round) {
  const auto& [transfer, at] = roles_.message(id);
  const Player& self = players_[transfer.source];
  pack(transfer, self.buffer.get(), self.outbox.get() + at);
  sent_[id].store(round, std::memory_order_release);
  players_[transfer.destination].ring();
}

void Ensemble::receive(std::uint32_t id, std::uint32_t round) {
  const auto& [transfer, at] = roles_.message(id);
  Player &self = players_[transfer.destination], &sender = players_[transfer.source];
  self.wait_until([&] { return sent_[id].load(std::memory_order_acquire) == round; });
  unpack(transfer, sender.outbox.get() + at, self.buffer.get());
  sender.taken.fetch_add(1, std::memory_order_release);
  sender.ring();
}

void Ensemble::check(std::uint32_t position) {
  if (position >= data_.ranks()) return;
  Player& self = players_[position];
  self.wrong += data_.count_wrong(position, {self.buffer.get(), static_cast<std::size_t>(pattern_.buffer)});
}

}  // namespace

Execution execute_with_threads(const Pattern& pattern, const CollectiveData& data, int repetitions) {
  assert(repetitions >= 0 && pattern.ranks == data.ranks());
  if (pattern.positions() > most_execution_threads)
    throw InputError(fmt::format("{} ranks and {} switches: expected at most {} together, as each takes a thread",
                                 pattern.ranks, pattern.switches, most_execution_threads));
  return Ensemble(pattern, data, static_cast<std::uint32_t>(repetitions) + 1).play();
}

}  // namespace rehearse
