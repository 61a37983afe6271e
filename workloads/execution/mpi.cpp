// MPI: a pattern carried out, a process for each rank, of which the first also plays the switches; and texts for those
// who share out other work.
#include <mpi.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <thread>

#include "workloads/execution/execute.hpp"
#include "workloads/execution/roles.hpp"

namespace rehearse {

namespace {

/// MPI counts elements in an int: longer messages travel in pieces.
constexpr std::int64_t longest_piece = std::int64_t{1} << 28;

/// Of messages: those of a pattern, and texts.
constexpr int pattern_tag = 0, text_tag = 1;

/// The process that plays the position.
std::uint32_t process_of(const Pattern& pattern, std::uint32_t position) {
  return position < pattern.ranks ? position : 0;
}

/// For each position, whether this process plays it, as its only player 0.
std::vector<std::uint32_t> played_by(const Pattern& pattern, std::uint32_t process) {
  std::vector<std::uint32_t> player_of(pattern.positions(), Roles::nobody);
  for (std::uint32_t p = 0; p < pattern.positions(); ++p)
    if (process_of(pattern, p) == process) player_of[p] = 0;
  return player_of;
}

/// What one process does. Messages from one process to another are matched by their order: sender and receiver go
/// through the same steps, MPI lets no message overtake another, and so one tag does.
class Process {
 public:
  Process(const Pattern& pattern, const CollectiveData& data, std::uint32_t rank);

  void fill();
  void play_role();
  [[nodiscard]] std::int64_t count_wrong() const;

 private:
  [[nodiscard]] bool played_here(std::uint32_t position) const { return process_of(pattern_, position) == rank_; }
  [[nodiscard]] std::size_t buffer_size() const { return static_cast<std::size_t>(pattern_.buffer); }
  /// Of a position that is played here.
  [[nodiscard]] float* buffer(std::uint32_t position) const {
    return buffers_[position < pattern_.ranks ? 0 : position - pattern_.ranks + 1].get();
  }
  void send(const RoleMessage& message);
  void receive(const RoleMessage& message);
  void receive_packed(const Transfer& transfer, float* to) const;

  const Pattern& pattern_;
  const CollectiveData& data_;
  const std::uint32_t rank_;
  Roles roles_;
  std::vector<std::unique_ptr<float[]>> buffers_;  // the rank's, then those of the switches
  std::unique_ptr<float[]> outbox_, inbox_;
  std::vector<MPI_Request> requests_;  // of the sends of a step
};

Process::Process(const Pattern& pattern, const CollectiveData& data, std::uint32_t rank)
    : pattern_(pattern),
      data_(data),
      rank_(rank),
      roles_(pattern, played_by(pattern, rank), 1),
      outbox_(std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(roles_.role(0).outbox))),
      inbox_(std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(roles_.role(0).inbox))) {
  for (std::uint32_t p = 0; p < pattern.positions(); ++p)
    if (played_here(p)) buffers_.push_back(std::make_unique_for_overwrite<float[]>(buffer_size()));
}

void Process::fill() {
  for (std::uint32_t p = 0; p < pattern_.positions(); ++p)
    if (played_here(p)) data_.fill(p, {buffer(p), buffer_size()});
}

void Process::play_role() {
  const PlayerRole& role = roles_.role(0);
  std::uint32_t sends = 0, receives = 0;
  for (const RoleTurn& turn : role.turns) {
    while (sends < turn.sends) send(roles_.message(role.sends[sends++]));
    while (receives < turn.receives) receive(roles_.message(role.receives[receives++]));
    MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
    requests_.clear();
  }
}

/// What stays in this process is only packed.
void Process::send(const RoleMessage& message) {
  const Transfer& transfer = message.transfer;
  float* packed = outbox_.get() + message.at;
  pack(transfer, buffer(transfer.source), packed);
  if (played_here(transfer.destination)) return;
  const auto to = static_cast<int>(process_of(pattern_, transfer.destination));
  std::int64_t done = 0;
  do {  // once even if there are no elements: others wait for it
    const std::int64_t count = std::min(longest_piece, transfer.elements() - done);
    requests_.emplace_back();
    MPI_Isend(packed + done, static_cast<int>(count), MPI_FLOAT, to, pattern_tag, MPI_COMM_WORLD, &requests_.back());
    done += count;
  } while (done < transfer.elements());
}

void Process::receive(const RoleMessage& message) {
  const Transfer& transfer = message.transfer;
  float* to = buffer(transfer.destination);
  if (played_here(transfer.source)) return unpack(transfer, outbox_.get() + message.at, to);
  if (transfer.runs == 1 && !transfer.reduce) return receive_packed(transfer, to + transfer.to);
  receive_packed(transfer, inbox_.get());
  unpack(transfer, inbox_.get(), to);
}

void Process::receive_packed(const Transfer& transfer, float* to) const {
  const auto from = static_cast<int>(process_of(pattern_, transfer.source));
  std::int64_t done = 0;
  do {
    const std::int64_t count = std::min(longest_piece, transfer.elements() - done);
    MPI_Recv(to + done, static_cast<int>(count), MPI_FLOAT, from, pattern_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    done += count;
  } while (done < transfer.elements());
}

std::int64_t Process::count_wrong() const { return data_.count_wrong(rank_, {buffer(rank_), buffer_size()}); }

/// Of all processes: the longest times and the sum of wrong elements, for the first.
Execution reduced(const std::vector<double>& times, std::int64_t wrong) {
  std::vector<double> longest(times.size());
  MPI_Reduce(times.data(), longest.data(), static_cast<int>(times.size()), MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
  Execution out;
  MPI_Reduce(&wrong, &out.wrong_elements, 1, MPI_INT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
  for (const double time : longest) out.times.emplace_back(time);
  return out;
}

/// Whether the environment variable is a number of processes.
bool counts_processes(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && std::atoi(value) > 0;
}

}  // namespace

bool started_by_mpi() {
  // Open MPI; MPICH, Intel MPI and srun --mpi=pmi2; MVAPICH; whatever speaks PMIx, srun among them.
  return counts_processes("OMPI_COMM_WORLD_SIZE") || counts_processes("PMI_SIZE") ||
         counts_processes("MV2_COMM_WORLD_SIZE") || std::getenv("PMIX_RANK") != nullptr;
}

MpiSession::MpiSession() { MPI_Init(nullptr, nullptr); }

MpiSession::~MpiSession() {
  // The others may wait for a process that gives up: they end with it.
  if (std::uncaught_exceptions() > 0) MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
  MPI_Finalize();
}

std::uint32_t MpiSession::rank() const {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return static_cast<std::uint32_t>(rank);
}

std::uint32_t MpiSession::ranks() const {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  return static_cast<std::uint32_t>(ranks);
}

Execution MpiSession::execute(const Pattern& pattern, const CollectiveData& data, int repetitions) {
  assert(repetitions >= 0 && pattern.ranks == ranks() && pattern.ranks == data.ranks());
  Process process(pattern, data, rank());
  std::vector<double> times;
  std::int64_t wrong = 0;
  for (int round = 0; round <= repetitions; ++round) {
    process.fill();
    MPI_Barrier(MPI_COMM_WORLD);
    const double begin = MPI_Wtime();
    process.play_role();
    const double time = MPI_Wtime() - begin;
    if (round > 0) times.push_back(time);  // the first is to warm up
    wrong += process.count_wrong();
  }
  return reduced(times, wrong);
}

void MpiSession::send(std::uint32_t to, const std::string& text) {
  assert(text.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  MPI_Send(text.data(), static_cast<int>(text.size()), MPI_BYTE, static_cast<int>(to), text_tag, MPI_COMM_WORLD);
}

MpiText MpiSession::receive() {
  // A receive that blocks keeps a processor busy, which whoever works needs: ask now and then.
  constexpr std::chrono::microseconds first_pause(20), longest_pause(500);
  MPI_Status status;
  int there = 0;
  for (auto pause = first_pause; there == 0; pause = std::min(2 * pause, longest_pause)) {
    MPI_Iprobe(MPI_ANY_SOURCE, text_tag, MPI_COMM_WORLD, &there, &status);
    if (there == 0) std::this_thread::sleep_for(pause);
  }
  int size = 0;
  MPI_Get_count(&status, MPI_BYTE, &size);
  MpiText out{static_cast<std::uint32_t>(status.MPI_SOURCE), std::string(static_cast<std::size_t>(size), ' ')};
  MPI_Recv(out.text.data(), size, MPI_BYTE, status.MPI_SOURCE, text_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return out;
}

}  // namespace rehearse
