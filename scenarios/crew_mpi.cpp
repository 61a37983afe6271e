// A crew of MPI ranks. Rank 0 hands out; every other has one task at a time, in a child of its own, as a simulation
// runs once in a process. Children make no MPI calls. Messages begin with what they are.
#include <map>
#include <utility>

#include "engine/base/packed.hpp"
#include "scenarios/crew.hpp"
#include "workloads/execution/mpi_session.hpp"

namespace rehearse {

namespace {

// From rank 0: what the tasks to come share, a task, the end. To it: an answer.
constexpr std::int64_t shared_text = 0, task_text = 1, the_end = 2;

std::string message(std::int64_t what, std::string_view text) { return Packer().add(what).add(text).take(); }

std::string pack_answer(const WorkerAnswer& answer) {
  return Packer().add(answer.done ? 1 : 0).add(answer.died ? 1 : 0).add(answer.text).take();
}

WorkerAnswer unpack_answer(const std::string& bytes) {
  Unpacker in(bytes);
  WorkerAnswer answer;
  answer.done = in.number() != 0;
  answer.died = in.number() != 0;
  answer.text = in.text();
  return answer;
}

class MpiCrew final : public Crew {
 public:
  explicit MpiCrew(MpiSession& session) : session_(session) {}
  MpiCrew(const MpiCrew&) = delete;
  MpiCrew& operator=(const MpiCrew&) = delete;
  ~MpiCrew() override {
    for (; !busy_.empty(); busy_.erase(session_.receive().from)) {
    }
    for (std::uint32_t rank = 1; rank < session_.ranks(); ++rank) session_.send(rank, message(the_end, {}));
  }

  void carry_out(const CrewJob& job, const TakeAnswer& take) override {
    std::size_t next = 0;
    const auto hand_out = [&](std::uint32_t rank) {
      if (next == job.count) return;
      busy_[rank] = next;
      session_.send(rank, message(task_text, job.task(next++)));
    };
    for (std::uint32_t rank = 1; rank < session_.ranks(); ++rank) {
      session_.send(rank, message(shared_text, job.shared));
      hand_out(rank);
    }
    while (!busy_.empty()) {
      const MpiText answer = session_.receive();
      const std::size_t index = busy_.at(answer.from);
      busy_.erase(answer.from);
      hand_out(answer.from);
      take(index, unpack_answer(answer.text));
    }
  }

 private:
  MpiSession& session_;
  std::map<std::uint32_t, std::size_t> busy_;  ///< ranks, each with the index of its task
};

}  // namespace

std::unique_ptr<Crew> mpi_crew(MpiSession& session) { return std::make_unique<MpiCrew>(session); }

void serve_crew(MpiSession& session, const MakeWork& make_work) {
  TaskWork work;
  while (true) {
    const MpiText received = session.receive();
    Unpacker in(received.text);
    const std::int64_t what = in.number();
    const std::string text = in.text();
    if (what == the_end) return;
    if (what == shared_text) {
      work = make_work(text);
      continue;
    }
    const auto send = [&](std::size_t /*index*/, WorkerAnswer answer) { session.send(0, pack_answer(answer)); };
    take_from_workers(
        1, 1, [&](std::size_t /*index*/) { return work(text); }, send, crew_retries);
  }
}

}  // namespace rehearse
