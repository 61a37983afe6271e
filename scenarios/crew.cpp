#include "scenarios/crew.hpp"

#include <utility>

namespace rehearse {

namespace {

class LocalCrew final : public Crew {
 public:
  explicit LocalCrew(std::size_t workers) : workers_(workers) {}

  void carry_out(const CrewJob& job, const TakeAnswer& take) override {
    const TaskWork work = job.make_work(job.shared);
    take_from_workers(
        job.count, workers_, [&](std::size_t index) { return work(job.task(index)); }, take, crew_retries);
  }

 private:
  std::size_t workers_;
};

}  // namespace

std::unique_ptr<Crew> local_crew(std::size_t workers) { return std::make_unique<LocalCrew>(workers); }

}  // namespace rehearse
